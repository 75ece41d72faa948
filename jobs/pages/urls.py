"""Every path of the owners' pages, at the root of the site."""

from django.urls import path
from django.views.generic import RedirectView

from jobs.pages import (
    bulk,
    calendars,
    deliveries,
    failures,
    home,
    inbox,
    inbox_door,
    job,
    job_list,
    keys,
    limits,
    new_job,
    queues,
    schedule,
    schedule_list,
    secrets,
    sign_in,
)
from jobs.pages.invitation import Invitation

app_name = "pages"

urlpatterns = [
    path("", sign_in.Root.as_view(), name="root"),
    path("sign-in", sign_in.SignIn.as_view(), name="sign_in"),
    path("sign-in/<uuid:user_id>/<str:token>", sign_in.SignInLink.as_view(), name="sign_in_link"),
    path("sign-out", sign_in.SignOut.as_view(), name="sign_out"),
    path("invite/<uidb64>/<token>/", Invitation.as_view(), name="invitation"),
    path("home", home.Home.as_view(), name="home"),
    path("jobs", job_list.JobList.as_view(), name="jobs"),
    path("jobs/new", new_job.NewJob.as_view(), name="new_job"),
    path("jobs/preview", new_job.JobPreview.as_view(), name="job_preview"),
    path("jobs/bulk", bulk.Bulk.as_view(), name="jobs_bulk"),
    path("jobs/<str:job_id>", job.JobPage.as_view(), name="job"),
    path("schedules", schedule_list.ScheduleList.as_view(), name="schedules"),
    path("schedules/new", new_job.NewSchedule.as_view(), name="new_schedule"),
    path("schedules/preview", new_job.SchedulePreview.as_view(), name="schedule_preview"),
    path("schedules/<str:schedule_id>", schedule.SchedulePage.as_view(), name="schedule"),
    path("schedules/<str:schedule_id>/<slug:verb>", schedule.Act.as_view(), name="schedule_act"),
    path("jobs/<str:job_id>/<slug:verb>", job.Act.as_view(), name="job_act"),
    path("queues", queues.Queues.as_view(), name="queues"),
    path("queues/set", queues.SetQueue.as_view(), name="set_queue"),
    path("deliveries", deliveries.Deliveries.as_view(), name="deliveries"),
    path("deliveries/<uuid:delivery_id>/resend", deliveries.Resend.as_view(), name="resend"),
    path("receivers/<uuid:receiver_id>/enable", deliveries.SwitchOn.as_view(), name="switch_on"),
    path("failures", failures.Failures.as_view(), name="failures"),
    path("inbox", inbox.InboxPage.as_view(), name="inbox"),
    path("inbox/clear", inbox.ClearInbox.as_view(), name="clear_inbox"),
    path("inbox/rotate", inbox.RotateInbox.as_view(), name="rotate_inbox"),
    path("in/<str:token>", inbox_door.InboxDoor.as_view()),
    path("in/<str:token>/<path:path>", inbox_door.InboxDoor.as_view()),
    path("in/<str:token>/", inbox_door.InboxDoor.as_view()),
    path("calendars", calendars.Calendars.as_view(), name="calendars"),
    path("calendars/<str:name>/delete", calendars.DeleteCalendar.as_view(), name="delete_calendar"),
    path("keys", keys.Keys.as_view(), name="keys"),
    path("api-keys", RedirectView.as_view(pattern_name="pages:keys")),
    path("keys/<uuid:key_id>/revoke", keys.RevokeKey.as_view(), name="revoke_key"),
    path("keys/<uuid:key_id>/rotate", keys.RotateKey.as_view(), name="rotate_key"),
    path("secrets", secrets.Secrets.as_view(), name="secrets"),
    path("secrets/<str:name>/delete", secrets.DeleteSecret.as_view(), name="delete_secret"),
    path("limits", limits.Limits.as_view(), name="limits"),
]
