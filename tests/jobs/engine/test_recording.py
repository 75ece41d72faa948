"""What no database takes is recorded one by one, and tells each lane what is due all the same."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from jobs.engine import recording
from jobs.engine.stage import Upcoming
from tests.factories import NOON

RETRY, QUEUE, DELIVERY = (NOON + timedelta(seconds=number) for number in (1, 2, 3))


class OneByOne:
    """A stage that takes no two outcomes at once."""

    def record(self, worker_id: Any, finished: Any, *, now: Any) -> Upcoming:
        if len(finished) > 1:
            raise ValueError("no database takes these together")
        return Upcoming(jobs=[RETRY], queues=[QUEUE], deliveries=[DELIVERY])


def test_what_is_recorded_one_by_one_wakes_every_lane() -> None:
    two: Any = [SimpleNamespace(), SimpleNamespace()]
    stage: Any = OneByOne()
    upcoming = recording.record_all(stage, uuid4(), two)
    assert (upcoming.jobs, upcoming.queues, upcoming.deliveries) == ([RETRY] * 2, [QUEUE] * 2, [DELIVERY] * 2)
