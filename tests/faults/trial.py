"""One trial on a stack: a load of jobs, faults, and the verdict on what came of them."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from tests.faults import invariants, report
from tests.faults.evidence import Evidence, Ledger, Promise
from tests.processes.harness.api import NoAnswer
from tests.processes.harness.record import Record
from tests.processes.harness.stack import Stack
from tests.processes.harness.waiting import eventually, pause

# FAULTS_LONG=1: as many jobs and as much time as the promise names, instead of what tells a break from a fit quickly.
IS_LONG = os.environ.get("FAULTS_LONG") == "1"
# What a stack is told where neither leases nor the web are what is tried: the shortest that there may be, and a process
# fewer to start.
LEASE_SECONDS = 5
QUICK = {"LEASE_SECONDS": str(LEASE_SECONDS), "WEB_PROCESSES": "1"}

_MOST_IN_A_BATCH = 1_000
_NEVER = 2**31
_WAKE_UP_SECONDS = 0.25

Fields = Callable[[int], dict[str, Any]]


class Trial:
    """What happens on `stack` from now on. Jobs of trials before it are left out of the verdict."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.ledger = Ledger()
        self._first_arrival = len(stack.target.arrivals)
        self._known_jobs = set(stack.database.read().jobs)
        self._known_schedules = set(stack.database.read().schedules)

    # --- What is done to the stack ------------------------------------------------------------------------------------

    def create(self, **fields: Any) -> Any:
        """The job, written down as promised. AssertionError unless it is answered 201."""
        job = self.stack.api.create_job(**fields)
        self._promise(job)
        return job

    def try_to_create(self, **fields: Any) -> bool:
        """Whether the job was answered 201. An answer of 5xx, or none, promises nothing."""
        try:
            answer = self.stack.api.post("/api/jobs", fields)
        except NoAnswer:
            self.ledger.unanswered_count += 1
            return False
        assert answer.status == 201 or answer.status >= 500, f"{answer.status} {answer.body}"
        if answer.status == 201:
            self._promise(answer.data)
        else:
            self.ledger.unanswered_count += 1
        return answer.status == 201

    def _promise(self, job: Any) -> None:
        due_at = datetime.fromisoformat(job["job"]["scheduled_at"]).timestamp()
        self.ledger.promises[job["job_id"]] = Promise(time.time(), due_at)

    def create_many(self, count: int, **fields: Any) -> None:
        """`count` jobs alike, a thousand in a request. AssertionError unless all are taken."""
        for first in range(0, count, _MOST_IN_A_BATCH):
            jobs = [fields] * min(_MOST_IN_A_BATCH, count - first)
            answer = self.stack.api.post("/api/jobs/batch", {"jobs": jobs})
            assert answer.status == 201, answer.body
            for job in answer.data:
                self._promise(job)

    def cancel(self, job_id: int) -> bool:
        """Whether the cancel won."""
        answer = self.stack.api.post(f"/api/jobs/{job_id}/cancel")
        if answer.status == 200:
            self.ledger.cancels[job_id] = time.time()
        return answer.status == 200

    @contextmanager
    def load(self, *, per_second: float, fields: Fields, clients: int = 1) -> Iterator[None]:
        """Creates jobs at an even pace, `fields` called for each with its number, until the block ends."""
        is_over = threading.Event()
        with ThreadPoolExecutor(clients) as pool:
            loads = [
                pool.submit(self._create_steadily, is_over, per_second / clients, fields, range(first, _NEVER, clients))
                for first in range(clients)
            ]
            try:
                yield
            finally:
                is_over.set()
        for load in loads:
            load.result()

    def _create_steadily(
        self, is_over: threading.Event, per_second: float, fields: Fields, numbers: Iterable[int]
    ) -> None:
        began = time.monotonic()
        for count, number in enumerate(numbers):
            pause(began + count / per_second - time.monotonic())
            if is_over.is_set():
                return
            self.try_to_create(**fields(number))

    # --- What came of it ----------------------------------------------------------------------------------------------

    def wait_for_requests(self, count: int, *, within_seconds: float) -> None:
        eventually(
            lambda: len(self.stack.target.arrivals) - self._first_arrival >= count,
            f"{count} requests",
            within_seconds=within_seconds,
        )

    def wait_for_wake_ups(self, *, within_seconds: float) -> float:
        """Until five jobs in a row are on time: without messages, one in four would be. Answers the seconds it took."""
        began, prompt = time.monotonic(), list[bool]()

        def are_prompt() -> bool:
            job = self.create(method="post", url=self.stack.target.url("/prompt"))
            eventually(lambda: self.stack.target.count_by_job()[job["job_id"]], "the job is sent", within_seconds=10)
            sent_at = next(arrival.at for arrival in self.stack.target.arrivals if arrival.job_id == job["job_id"])
            prompt.append(sent_at - self.ledger.promises[job["job_id"]].due_at < _WAKE_UP_SECONDS)
            return prompt[-5:] == [True] * 5

        eventually(are_prompt, "wake-ups arrive again", within_seconds=within_seconds)
        return time.monotonic() - began

    def evidence(self) -> Evidence:
        record = self.stack.database.read()
        return Evidence(self.ledger, self._own(record), self.stack.target.arrivals[self._first_arrival :], time.time())

    def _own(self, record: Record) -> Record:
        jobs = {key: job for key, job in record.jobs.items() if key not in self._known_jobs}
        schedules = {key: row for key, row in record.schedules.items() if key not in self._known_schedules}
        deliveries = {key: rows for key, rows in record.deliveries.items() if key in jobs}
        events = {key: rows for key, rows in record.events.items() if key in jobs}
        return replace(record, jobs=jobs, schedules=schedules, deliveries=deliveries, events=events)

    def conclude(self, *, within_seconds: float) -> Evidence:
        """Waits until all jobs have ended and all deliveries arrived, prints the counts and judges."""
        try:
            self.stack.wait_until_done(within_seconds=within_seconds)
        finally:
            evidence = self.evidence()
            report.say(f"{self.stack.kind}: {invariants.counts(evidence)}")
        cases = invariants.broken(evidence)
        assert not cases, f"{len(cases)} cases:\n" + "\n".join(cases[:50])
        return evidence
