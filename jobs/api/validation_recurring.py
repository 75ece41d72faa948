"""What makes a job a recurring one. Booper takes one-off jobs only, so far."""

from jobs.api.validation import Input

FIELDS = (
    "repeat_every",
    "cron",
    "starts_at",
    "ends_at",
    "max_runs",
    "overlap",
    "catch_up",
    "include_metadata",
    "queue",
)


def refuse(given: Input) -> None:
    for name in FIELDS:
        if given.has(name):
            detail = "queues are not available yet" if name == "queue" else "recurring jobs are not available yet"
            given.refuse(name, detail=f"{detail}: leave it out and schedule the job with schedule_in or scheduled_at")
