"""Calls about jobs: create, change, cancel, run, retry, follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from booper.client.answers import as_object, as_objects
from booper.client.records import BatchItem, Cancelled, Deleted, Job, Retried, RunNow, Timeline
from booper.client.resources import Readable
from booper.client.shapes import Filter, Id, Rows


class Jobs(Readable[Job]):
    """Jobs are known by their integer `job_id` or by their uuid."""

    path = "/api/jobs"

    def create(self, job: Mapping[str, Any]) -> Job:
        """Schedule a job, or a recurring schedule with its first job.

        Repeated after a network failure only if it has an `idempotency_key`: without one the server could not tell the
        repetition from a second job; nor with `on_conflict: "refuse"`. A `datetime` and a `timedelta` are taken
        wherever a time and a duration are.
        """
        return self._one("POST", self.path, body=job, is_repeatable=_is_repeatable(job))

    def create_many(self, jobs: Iterable[Mapping[str, Any]]) -> Rows[BatchItem]:
        """Schedule up to 1,000 jobs in one call; raises nothing for single bad ones.

        Answers a list in the same order, each the job or {"error": problem}. Repeated after a network failure only if
        every job has an `idempotency_key`.
        """
        batch = list(jobs)
        is_repeatable = all(_is_repeatable(job) for job in batch)
        body = {"jobs": batch}
        made = as_objects(self._transport.call("POST", f"{self.path}/batch", body=body, is_repeatable=is_repeatable))
        return cast("Rows[BatchItem]", made)

    def update(self, id: Id, changes: Mapping[str, Any]) -> Job:
        """Reschedule or edit a job that waits: {"body": …, "schedule_in": "1 hour"}; None takes a field away.

        Of the upcoming job of a schedule, that run alone; `schedules.update` edits all to come.
        """
        return self._one("PATCH", self._path_of(id), body=changes)

    def cancel(self, id: Id, *, scope: str | None = None) -> Job:
        """Cancel a job. The upcoming job of a schedule ends the schedule, unless `scope="run"`: that skips one run."""
        return self._post(id, "cancel", query={"scope": scope})

    def cancel_many(self, *, all: bool | None = None, dry_run: bool | None = None, **filters: Filter) -> Cancelled:
        """Cancel what the same filters would list and has not ended; answers {"matched": …, "cancelled": how many}.

        The upcoming job of a schedule takes its schedule along. Without any filter `all=True` is needed, so that a slip
        can't cancel everything. `dry_run=True` only says how many match.
        """
        return cast("Cancelled", self._many("cancel", filters, all=all, dry_run=dry_run))

    def retry_many(self, *, all: bool | None = None, dry_run: bool | None = None, **filters: Filter) -> Retried:
        """Retry what the same filters would list and has ended: without a `state`, what was discarded."""
        return cast("Retried", self._many("retry", filters, all=all, dry_run=dry_run))

    def run_many(self, *, all: bool | None = None, dry_run: bool | None = None, **filters: Filter) -> RunNow:
        """Run now what waits and the same filters would list; not the upcoming jobs of schedules."""
        return cast("RunNow", self._many("run", filters, all=all, dry_run=dry_run))

    def delete_many(self, *, all: bool | None = None, dry_run: bool | None = None, **filters: Filter) -> Deleted:
        """Erase what has ended and the same filters would list, with all that is kept of it."""
        return cast("Deleted", self._many("delete", filters, all=all, dry_run=dry_run))

    def run(self, id: Id) -> Job:
        """Run a waiting job now."""
        return self._post(id, "run")

    def retry(self, id: Id) -> Job:
        """Run a discarded or completed job once more."""
        return self._post(id, "retry")

    def delete(self, id: Id) -> Job:
        """Erase a job that has ended, with its log and its deliveries; answers the job as it was."""
        return self._delete(id)

    def timeline(self, id: Id) -> Timeline:
        """Gets the job's log and deliveries in order, with the time spent in each state."""
        return cast(
            "Timeline", as_object(self._transport.call("GET", self._path_of(id, "timeline"), is_repeatable=True))
        )


def _is_repeatable(job: Mapping[str, Any]) -> bool:
    # Whoever has a held key refused would be refused by the job that the first call made.
    return bool(job.get("idempotency_key")) and job.get("on_conflict") != "refuse"
