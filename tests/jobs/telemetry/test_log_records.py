"""Each thing that is logged is one line, of JSON or for people, whatever is in it."""

import json
import logging
from typing import Any
from uuid import UUID

import pytest

from jobs.telemetry.log_records import JsonFormatter, Line, LineFormatter, log_each
from tests.factories import make_job
from tests.runs import OK, REFUSED, answered, deliver_due, run_due

SCHEDULE_ID = UUID("01920000-0000-7000-8000-000000000001")


def formatted(message: str = "hello", *values: Any, exc_info: Any = None, **extra: Any) -> dict[str, Any]:
    record = logging.makeLogRecord(
        {
            "name": "jobs.running.stage",
            "levelno": 20,
            "levelname": "INFO",
            "msg": message,
            "args": values,
            "created": 0.25,
        }
        | {"exc_info": exc_info}
        | extra
    )
    text = JsonFormatter().format(record)
    assert "\n" not in text
    read: dict[str, Any] = json.loads(text)
    return read


def records_of(caplog: pytest.LogCaptureFixture, logger: str) -> list[dict[str, Any]]:
    texts = [JsonFormatter().format(record) for record in caplog.records if record.name == logger]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def test_a_record_has_time_level_logger_and_message():
    expected = {
        "time": "1970-01-01T00:00:00.250Z",
        "level": "info",
        "logger": "jobs.running.stage",
        "message": "3 jobs",
    }
    assert formatted("%d jobs", 3) == expected


def test_ids_are_fields_of_their_own_and_what_is_not_known_is_left_out():
    read = formatted(job_id=7, attempt=2, schedule_id=SCHEDULE_ID, delivery_id=None, request=object())
    assert (read["job_id"], read["attempt"], read["schedule_id"]) == (7, 2, str(SCHEDULE_ID))
    assert not read.keys() & {"delivery_id", "request"}


@pytest.mark.parametrize("text", ["two\nlines", 'a quote " and \x00', "a lone surrogate \ud800", "Zürich"])
def test_any_text_stays_on_its_line_and_is_ascii(text: str):
    record = logging.makeLogRecord({"msg": text})
    assert JsonFormatter().format(record).isascii()
    assert formatted(text)["message"] == text


def test_a_traceback_is_a_field():
    try:
        raise ValueError("boom")
    except ValueError as error:
        read = formatted(exc_info=(type(error), error, error.__traceback__))
    assert "Traceback" in read["exception"]
    assert "ValueError: boom" in read["exception"]


TWO_LINES: list[Line] = [
    ("job 7: completed", {"job_id": 7, "attempt": 1}),
    ("job 8: retryable", {"job_id": 8, "attempt": None}),
]


def test_what_ends_together_is_one_record_with_a_line_each(caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    log_each(logging.getLogger("jobs.running.stage"), logging.INFO, TWO_LINES)
    assert len(caplog.records) == 1
    first, second = records_of(caplog, "jobs.running.stage")
    assert (first["message"], first["level"], first["job_id"], first["attempt"]) == ("job 7: completed", "info", 7, 1)
    assert (second["message"], second["job_id"]) == ("job 8: retryable", 8)
    assert "attempt" not in second
    lines = LineFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s").format(caplog.records[0]).splitlines()
    assert [line.partition(" INFO ")[2] for line in lines] == [
        "jobs.running.stage: job 7: completed",
        "jobs.running.stage: job 8: retryable",
    ]


def test_wake_ups_that_come_and_go_are_no_lines_of_the_log_and_those_that_fail_are():
    for name in ("celery.worker.strategy", "celery.app.trace"):
        logger = logging.getLogger(name)
        assert not logger.isEnabledFor(logging.INFO)
        assert logger.isEnabledFor(logging.WARNING)


def test_nothing_is_logged_of_nothing_nor_below_the_level(caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    log_each(logging.getLogger("jobs.running.stage"), logging.INFO, [])
    log_each(logging.getLogger("jobs.running.stage"), logging.DEBUG, TWO_LINES)
    assert not caplog.records


@pytest.mark.django_db
def test_the_line_of_an_attempt_names_job_attempt_and_outcome(caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    job = make_job(max_attempts=1)
    run_due(answered(500))
    [line] = records_of(caplog, "jobs.running.stage")
    assert (line["job_id"], line["attempt"], line["outcome"]) == (job.id, 1, "http_status")


@pytest.mark.django_db
def test_a_delivery_is_told_with_its_job_when_debugging_alone_also_where_it_fails(
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level("INFO", logger="jobs.delivering.stage")
    make_job(callback_url="https://example.com/callback")
    run_due(OK)
    deliver_due(REFUSED)
    assert records_of(caplog, "jobs.delivering.stage") == []
    caplog.set_level("DEBUG", logger="jobs.delivering.stage")
    job = make_job(callback_url="https://example.com/callback")
    run_due(OK)
    deliver_due(REFUSED)
    [line] = records_of(caplog, "jobs.delivering.stage")
    assert (line["job_id"], line["outcome"]) == (job.id, "connection_refused")
    assert UUID(line["delivery_id"]).version == 7
