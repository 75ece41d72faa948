"""A tenant that works quietly: how late its requests come, how long its calls take, and whether it is charged."""

import itertools
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil, inf
from typing import Any

from tests.processes.harness.api import Api
from tests.processes.harness.stack import Stack
from tests.processes.harness.target import Arrival, Reply
from tests.processes.harness.waiting import eventually, pause

LANES = ("jobs", "queues", "runs", "callbacks")

_names = itertools.count()
_POST_SECONDS, _GET_SECONDS = 0.08, 0.04
_SCHEDULES = 4
# After its stream has ended, for what is on its way still: far beyond what may be late, as it is to be seen how late.
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Noticed:
    """What was noticed in some seconds; each a list of seconds."""

    lateness: dict[str, list[float]] = field(default_factory=lambda: {lane: [] for lane in LANES})
    gets: list[float] = field(default_factory=list)
    posts: list[float] = field(default_factory=list)

    @property
    def p99_of_lateness(self) -> float:
        return p99([seconds for of_lane in self.lateness.values() for seconds in of_lane])

    @property
    def p99_of_gets(self) -> float:
        return p99(self.gets)

    def __str__(self) -> str:
        lanes = ", ".join(f"{lane} {1000 * p99(late):.0f} of {len(late)}" for lane, late in self.lateness.items())
        return (
            f"lateness {1000 * self.p99_of_lateness:.0f} ms ({lanes}), "
            f"GET {1000 * self.p99_of_gets:.0f} ms of {len(self.gets)}, POST {1000 * p99(self.posts):.0f} ms"
        )


def p99(values: Sequence[float]) -> float:
    """The one that a hundredth of all is above; of fewer than a hundred it is the highest."""
    return sorted(values)[ceil(0.99 * len(values)) - 1] if values else inf


class Neighbour:
    """Posts some jobs a second, plain ones and to a queue, each with a callback; has schedules; reads of its jobs."""

    def __init__(self, stack: Stack, api: Api, *, host: str = "127.0.0.1") -> None:
        """`host` is what its URLs name; with a `{}` in it each job has a name of its own."""
        self._stack = stack
        self._target = stack.target
        self._api = api
        self._host = host
        self._hosts = itertools.count()

    def notice(self, seconds: int) -> Noticed:
        """AssertionError if anything was refused, charged or discarded, or never came, or was not what was answered."""
        name, noticed, until = f"/{next(_names)}", Noticed(), time.monotonic() + seconds
        for lane in ("jobs", "queues"):
            self._target.answer(f"{name}/{lane}", lambda arrival: Reply(body=arrival.body))
        for _ in range(_SCHEDULES):
            self._post(f"{name}/runs", repeat_every=[1, "second"], max_runs=seconds)
        # It is read from the beginning, and would be there with the first job for it only.
        queue = self._api.request("PUT", "/api/queues/mine", {"paused": False})
        assert queue.status == 200, queue
        with ThreadPoolExecutor(1) as threads:
            reading = threads.submit(self._read, noticed.gets, until)
            counts = self._work(name, noticed.posts, until)
            reading.result()
        self._api.close()
        self._take_in(name, noticed, counts | {"runs": _SCHEDULES * seconds, "callbacks": sum(counts.values())})
        self._require_unharmed()
        return noticed

    def _work(self, name: str, took: list[float], until: float) -> dict[str, int]:
        """Posts jobs, in turn to no queue and to one; how many of each."""
        counts = {"jobs": 0, "queues": 0}
        for lane in itertools.cycle(counts):
            if time.monotonic() >= until:
                break
            queue = {"queue": "mine"} if lane == "queues" else {}
            took.append(self._post(f"{name}/{lane}", callback_url=self._url(f"{name}/callbacks"), **queue))
            counts[lane] += 1
            pause(_POST_SECONDS)
        return counts

    def _read(self, took: list[float], until: float) -> None:
        for path in itertools.cycle(["/api/jobs?limit=10", "/api/queues/mine", "/api/schedules?limit=10"]):
            if time.monotonic() >= until:
                break
            answer = self._api.get(path)
            assert answer.status == 200, (path, answer)
            took.append(answer.seconds)
            pause(_GET_SECONDS)

    def _post(self, path: str, **fields: Any) -> float:
        own = {
            "url": self._url(path),
            "method": "post",
            "body": {"due_at": "$job.scheduled_at"},
            "include_metadata": True,
        }
        answer = self._api.post("/api/jobs", own | fields)
        assert answer.status == 201, answer
        return answer.seconds

    def _url(self, path: str) -> str:
        return f"http://{self._host.format(next(self._hosts))}:{self._target.port}{path}"

    def _take_in(self, name: str, noticed: Noticed, counts: dict[str, int]) -> None:
        """Waits for all that was asked for, and notes how late each came."""
        answered: dict[int | None, Arrival] = {}
        for lane in ("jobs", "queues", "runs"):
            for arrival in self._arrivals(f"{name}/{lane}", counts[lane]):
                assert arrival.attempt == 1, f"an attempt of job {arrival.job_id} came to nothing"
                noticed.lateness[lane].append(arrival.at - datetime.fromisoformat(arrival.json["due_at"]).timestamp())
                answered[arrival.job_id] = arrival
        for arrival in self._arrivals(f"{name}/callbacks", counts["callbacks"]):
            told, job = arrival.json["data"], answered[arrival.json["data"]["job_id"]]
            assert told["response"]["body"] == job.json, f"job {job.job_id} was told what nobody has answered it"
            assert job.answered_at is not None
            noticed.lateness["callbacks"].append(arrival.at - job.answered_at)

    def _arrivals(self, path: str, count: int) -> list[Arrival]:
        eventually(
            lambda: len(self._target.at(path)) >= count,
            f"{count} requests for {path}",
            within_seconds=_PATIENCE_SECONDS,
        )
        arrivals = self._target.at(path)
        assert len(arrivals) == count, f"{len(arrivals)} requests for {path}, {count} were asked for"
        return arrivals

    def _require_unharmed(self) -> None:
        """None of its jobs has failed, even for a while, and none was given up."""
        eventually(
            lambda: not self._jobs("executing"), "all that was sent is recorded", within_seconds=_PATIENCE_SECONDS
        )
        assert self._jobs("retryable,discarded,cancelled") == []

    def _jobs(self, states: str) -> list[Any]:
        answer = self._api.get(f"/api/jobs?state={states}")
        assert answer.status == 200, answer
        jobs: list[Any] = answer.data
        return jobs
