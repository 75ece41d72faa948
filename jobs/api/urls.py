"""The paths under /api/: with or without a slash at their end, and a 404 in JSON for all that are none."""

from collections.abc import Iterator, Sequence

from django.urls import URLPattern, path, re_path

from jobs.api.endpoints import (
    alerts,
    applied,
    bulk,
    calendars,
    deliveries,
    demo,
    inbox,
    jobs,
    keys,
    limits,
    logs,
    openapi,
    preview,
    queues,
    receivers,
    schedules,
    secrets,
    signing_secret,
    timeline,
    version,
)
from jobs.api.wire import problems

# Those in the OpenAPI document.
ROUTES = [
    path("jobs", jobs.Jobs.as_view()),
    path("jobs/batch", bulk.Batch.as_view()),
    path("jobs/cancel", bulk.CancelJobs.as_view()),
    path("jobs/retry", bulk.RetryJobs.as_view()),
    path("jobs/run", bulk.RunJobs.as_view()),
    path("jobs/delete", bulk.DeleteJobs.as_view()),
    path("jobs/<str:job_id>", jobs.JobDetail.as_view()),
    path("jobs/<str:job_id>/cancel", jobs.CancelJob.as_view()),
    path("jobs/<str:job_id>/run", jobs.RunJob.as_view()),
    path("jobs/<str:job_id>/retry", jobs.RetryJob.as_view()),
    path("schedules", schedules.Schedules.as_view()),
    path("schedules/<str:schedule_id>", schedules.ScheduleDetail.as_view()),
    path("schedules/<str:schedule_id>/disable", schedules.DisableSchedule.as_view()),
    path("schedules/<str:schedule_id>/enable", schedules.EnableSchedule.as_view()),
    path("schedules/<str:schedule_id>/trigger", schedules.TriggerSchedule.as_view()),
    path("schedules/<str:schedule_id>/skip", schedules.SkipRun.as_view()),
    path("schedules/<str:schedule_id>/backfill", schedules.BackfillSchedule.as_view()),
    path("preview", preview.Preview.as_view()),
    path("apply-check", applied.ApplyCheck.as_view()),
    path("calendars", calendars.Calendars.as_view()),
    path("calendars/<str:name>", calendars.CalendarDetail.as_view()),
    path("queues", queues.Queues.as_view()),
    path("queues/<str:name>", queues.QueueDetail.as_view()),
    path("logs", logs.Logs.as_view()),
    path("logs/<str:log_id>", logs.LogDetail.as_view()),
    path("jobs/<str:job_id>/timeline", timeline.JobTimeline.as_view()),
    path("deliveries", deliveries.Deliveries.as_view()),
    path("deliveries/<str:delivery_id>", deliveries.DeliveryDetail.as_view()),
    path("deliveries/resend", deliveries.ResendDeliveries.as_view()),
    path("deliveries/<str:delivery_id>/resend", deliveries.ResendDelivery.as_view()),
    path("receivers", receivers.Receivers.as_view()),
    path("receivers/<str:receiver_id>", receivers.ReceiverDetail.as_view()),
    path("receivers/<str:receiver_id>/enable", receivers.EnableReceiver.as_view()),
    path("alerts", alerts.Alerts.as_view()),
    path("alerts/<str:alert_id>", alerts.AlertDetail.as_view()),
    path("alerts/<str:alert_id>/test", alerts.TryAlert.as_view()),
    path("alerts/<str:alert_id>/incidents", alerts.AlertIncidents.as_view()),
    path("limits", limits.Limits.as_view()),
    path("keys", keys.Keys.as_view()),
    path("keys/<str:key_id>", keys.KeyDetail.as_view()),
    path("keys/<str:key_id>/rotate", keys.RotateKey.as_view()),
    path("secrets", secrets.Secrets.as_view()),
    path("secrets/<str:name>", secrets.SecretDetail.as_view()),
    path("signing-secret", signing_secret.SigningSecret.as_view()),
    path("signing-secret/rotate", signing_secret.RotateSigningSecret.as_view()),
    path("inbox", inbox.Inbox.as_view()),
    path("inbox/address", inbox.InboxAddress.as_view()),
    path("inbox/rotate", inbox.RotateInbox.as_view()),
    path("inbox/<str:request_id>", inbox.InboxDetail.as_view()),
    path("version", version.Version.as_view()),
    path("ping", demo.Ping.as_view()),
    path("echo", demo.Echo.as_view()),
    path("broadcast", demo.Broadcast.as_view()),
]

_PAGES = [
    path("openapi.json", openapi.Document.as_view(routes=ROUTES)),
    path("apply-schema.json", applied.ApplySchema.as_view()),
    path("docs", openapi.Docs.as_view()),
    path("docs/<str:name>", openapi.DocsAsset.as_view()),
]


def _with_slash(routes: Sequence[URLPattern]) -> Iterator[URLPattern]:
    """The same paths with a slash at the end: a redirect would lose the body of a POST."""
    for route in routes:
        yield path(f"{route.pattern}/", route.callback)


urlpatterns = [
    *ROUTES,
    *_PAGES,
    *_with_slash([*ROUTES, *_PAGES]),
    re_path(r"", problems.no_such_path),
]
