"""Every path of the owners' pages, at the root of the site."""

from importlib import import_module

from django.conf import settings
from django.urls import path
from django.views.generic import RedirectView

from jobs.pages import (
    account,
    alerts,
    bulk,
    calendars,
    deliveries,
    edit_job,
    failures,
    home,
    inbox,
    inbox_door,
    job,
    job_list,
    keys,
    limits,
    new_job,
    password_reset,
    queues,
    reading,
    replay,
    schedule,
    schedule_list,
    second_factor,
    secrets,
    sign_in,
)
from jobs.pages.invitation import Invitation

app_name = "pages"

urlpatterns = [
    path("", sign_in.Root.as_view(), name="root"),
    path("sign-in", sign_in.SignIn.as_view(), name="sign_in"),
    path("sign-in/code", sign_in.SignInCode.as_view(), name="sign_in_code"),
    path("sign-in/forgot", password_reset.Forgot.as_view(), name="forgot"),
    path("reset", password_reset.Reset.as_view(), name="reset"),
    path("reset/<str:token>", password_reset.ResetLink.as_view(), name="reset_link"),
    path("sign-in/<uuid:user_id>/<str:token>", sign_in.SignInLink.as_view(), name="sign_in_link"),
    path("sign-out", sign_in.SignOut.as_view(), name="sign_out"),
    path("invite/<uidb64>/<token>/", Invitation.as_view(), name="invitation"),
    path("reading/stop", reading.StopReading.as_view(), name="stop_reading"),
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
    path("jobs/<str:job_id>/replay", replay.Replay.as_view(), name="replay"),
    path("jobs/<str:job_id>/edit", edit_job.EditJob.as_view(), name="edit_job"),
    path("jobs/<str:job_id>/<slug:verb>", job.Act.as_view(), name="job_act"),
    path("queues", queues.Queues.as_view(), name="queues"),
    path("queues/set", queues.SetQueue.as_view(), name="set_queue"),
    path("deliveries", deliveries.Deliveries.as_view(), name="deliveries"),
    path("deliveries/<uuid:delivery_id>/resend", deliveries.Resend.as_view(), name="resend"),
    path("receivers/<uuid:receiver_id>/enable", deliveries.SwitchOn.as_view(), name="switch_on"),
    path("failures", failures.Failures.as_view(), name="failures"),
    path("alerts", alerts.Alerts.as_view(), name="alerts"),
    path("alerts/<uuid:alert_id>", alerts.AlertPage.as_view(), name="alert"),
    path("alerts/<uuid:alert_id>/try", alerts.TryAlert.as_view(), name="try_alert"),
    path("alerts/<uuid:alert_id>/delete", alerts.DeleteAlert.as_view(), name="delete_alert"),
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
    path("account", account.Account.as_view(), name="account"),
    path("account/password", account.ChangePassword.as_view(), name="change_password"),
    path("account/second-factor", second_factor.Shown.as_view(), name="second_factor"),
    path("account/second-factor/begin", second_factor.Begin.as_view(), name="begin_second_factor"),
    path("account/second-factor/confirm", second_factor.Confirm.as_view(), name="confirm_second_factor"),
    path("account/second-factor/codes", second_factor.NewCodes.as_view(), name="new_recovery_codes"),
    path("account/second-factor/off", second_factor.TurnOff.as_view(), name="second_factor_off"),
    path("account/sessions/end-others", account.EndOtherSessions.as_view(), name="end_other_sessions"),
    path("account/sessions/<uuid:session_id>/end", account.EndSession.as_view(), name="end_session"),
    path("limits", limits.Limits.as_view(), name="limits"),
]

if settings.BOOPER_OIDC is not None:
    # By its name, as it loads what asks the provider.
    urlpatterns += import_module("jobs.pages.provider_urls").urlpatterns
