"""What follows a job is in its trace, below the attempt that it came of."""

from typing import Any

import pytest

from jobs.models import Job
from jobs.telemetry import traces
from tests.conftest import Announced
from tests.factories import make_job
from tests.runs import OK, answered, run_due
from tests.spans import CALLER, Recorder

pytestmark = pytest.mark.django_db

URL = "https://example.com/hook"


def test_what_follows_a_job_is_below_the_attempt_that_it_came_of(
    recorder: Recorder, announced: Announced, django_capture_on_commit_callbacks: Any
) -> None:
    make_job(args={"url": URL, "then": {"url": URL, "name": "next"}})
    with django_capture_on_commit_callbacks(execute=True):
        run_due(OK)
    run_due(OK)
    first, follows, second = sorted(recorder.take(), key=lambda span: span.attributes.get("booper.job.id", 0))
    assert (follows.name, follows.trace_id, follows.parent_id) == ("follow", first.trace_id, first.span_id)
    assert (second.trace_id, second.parent_id) == (first.trace_id, follows.span_id)
    assert Job.objects.get(name="next").args == {"url": URL, "name": "next"}


def test_one_that_can_not_be_made_has_no_span(
    recorder: Recorder, announced: Announced, django_capture_on_commit_callbacks: Any
) -> None:
    make_job(args={"url": URL, "then": [{"url": URL}, {"url": "nowhere"}]})
    with django_capture_on_commit_callbacks(execute=True):
        run_due(OK)
    assert [span.name for span in recorder.take()] == ["POST", "follow"]


def test_where_its_transaction_is_undone_none_is_sent(
    recorder: Recorder, announced: Announced, django_capture_on_commit_callbacks: Any
) -> None:
    make_job(args={"url": URL, "then": {"url": URL}})
    with django_capture_on_commit_callbacks(execute=False):
        run_due(OK)
    assert [span.name for span in recorder.take()] == ["POST"]


def test_those_of_a_job_that_is_in_a_callers_trace_are_in_it_too(
    recorder: Recorder, announced: Announced, django_capture_on_commit_callbacks: Any
) -> None:
    make_job(args=traces.kept({"url": URL, "on_failure": {"url": URL}}, str(CALLER)), max_attempts=1)
    with django_capture_on_commit_callbacks(execute=True):
        run_due(answered(410))
    run_due(OK)
    found = recorder.take()
    assert [span.name for span in found] == ["POST", "follow", "GET"]
    assert {span.trace_id for span in found} == {CALLER.trace_id}
