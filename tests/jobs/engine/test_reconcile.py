"""A claim whose answer did not reach the worker does not stay with it."""

import pytest
from django.db import OperationalError

from jobs.database import clock
from jobs.models import Job
from jobs.running import stage as running_stage
from tests.factories import make_job
from tests.jobs.engine.stand_ins import OK, MemorySender, eventually, running

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_claim_whose_answer_was_lost_is_handed_back(monkeypatch):
    job = make_job(now=clock.now(), scheduled_at=clock.now())
    claim = running_stage.claim
    losses = iter([OperationalError("the connection broke after the commit")])

    def claim_and_lose(*args, **kwargs):
        answer = claim(*args, **kwargs)
        if answer[0]:
            for error in losses:
                raise error
        return answer

    monkeypatch.setattr(running_stage, "claim", claim_and_lose)
    sender = MemorySender(lambda request: OK)
    with running(sender):
        eventually(lambda: Job.objects.filter(id=job.id, state="completed").exists())
    job.refresh_from_db()
    assert (job.attempt, len(sender.requests)) == (2, 1)
