"""Headers of requests are encrypted in the database, wherever a request is kept, and nobody notices."""

import json
import os
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from booper.content import exact_json
from jobs.guarding import reencryption
from jobs.models import Job, LogEvent, Schedule, encryption, sealed_json_field
from tests.api import Api, data_of
from tests.factories import NOON, make_job
from tests.runs import run_due, start_due, take_lease

HEADERS = {"Authorization": "Bearer s3cret-1", "X-Number": 1.50, "Accept": "a/b"}
URL = "https://example.com/hook"


def stored(table: str, column: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table} ORDER BY id")
        return [row[0] for row in cursor.fetchall()]


def everything() -> str:
    columns = (("jobs_job", "args"), ("jobs_schedule", "args"), ("jobs_logevent", "payload"))
    return str([stored(table, column) for table, column in columns])


@pytest.mark.parametrize(
    "value",
    [
        {"url": URL, "headers": HEADERS, "body": {"headers": {"a": "clear"}}},
        {"headers": {}},
        {"headers": None, "url": URL},
        {"url": URL},
        {"url": URL, "then": {"url": URL, "headers": HEADERS}, "on_failure": [{"headers": HEADERS}, {"url": URL}]},
        [1, 2],
        None,
    ],
)
def test_what_is_stored_reads_back_as_it_was(value: Any) -> None:
    text = sealed_json_field.dumps(value)
    assert sealed_json_field.loads(text) == value
    assert "s3cret" not in text
    assert sealed_json_field.is_current(text)


def test_keys_keep_their_order_and_numbers_their_spelling() -> None:
    text = '{"b":1,"headers":{"z":1.50,"A":"x"},"a":2}'
    sealed = sealed_json_field.dumps(exact_json.loads(text))
    assert list(json.loads(sealed)) == ["b", "headers", "a"]
    assert exact_json.dumps(sealed_json_field.loads(sealed)).decode() == text


def test_headers_that_are_booper_s_own_are_left_clear() -> None:
    own = {"headers": {"User-Agent": "Booper/1", "Booper-Job-Id": "5"}}
    assert "Booper/1" in sealed_json_field.dumps(own)


@pytest.mark.django_db
def test_jobs_batches_schedules_and_their_logs_keep_no_header_in_clear(api: Api) -> None:
    job = {"url": URL, "headers": HEADERS}
    data_of(api.post("/api/jobs", job), status=201)
    data_of(api.post("/api/jobs/batch", {"jobs": [job, {**job, "repeat_every": 60}]}), status=201)
    recurring = data_of(api.post("/api/jobs", {**job, "repeat_every": 60}), status=201)
    [started] = [item for item in start_due(take_lease().id) if item.row.id == recurring["job_id"]]
    assert started.request is not None
    assert dict(started.request.headers)["Authorization"] == "Bearer s3cret-1"
    assert "s3cret" not in everything()
    assert everything().count(encryption.PREFIX) == Job.objects.count() + Schedule.objects.count() + 4


@pytest.mark.django_db
def test_the_owner_is_shown_what_was_sent(api: Api) -> None:
    job = {"url": URL, "headers": {**HEADERS, "X-Number": 5}, "schedule_in": 60}
    made = data_of(api.post("/api/jobs", job), status=201)
    assert made["args"] == data_of(api.get(f"/api/jobs/{made['job_id']}"))["args"] == job
    changed = data_of(api.patch(f"/api/jobs/{made['job_id']}", {"headers": {"X-New": "s3cret-2"}}))
    assert changed["args"]["headers"] == {"X-New": "s3cret-2"}
    assert "s3cret" not in everything()


@pytest.mark.django_db
def test_references_in_headers_are_seen_though_they_are_encrypted(api: Api) -> None:
    data_of(api.call("PUT", "/api/secrets/TOKEN", {"value": "s3cret-3"}), status=201)
    data_of(api.post("/api/jobs", {"url": URL, "headers": {"A": "{{secret:TOKEN}}"}}), status=201)
    [started] = start_due(take_lease().id)
    assert started.request is not None
    assert dict(started.request.headers)["A"] == "s3cret-3"


@pytest.mark.django_db
def test_a_lost_key_stops_the_jobs_that_need_it_alone(api: Api, settings: Settings) -> None:
    settings.BOOPER_ENCRYPTION_KEYS = (os.urandom(32),)
    sealed = data_of(api.post("/api/jobs", {"url": URL, "headers": HEADERS}), status=201)
    text = stored("jobs_job", "args")
    settings.BOOPER_ENCRYPTION_KEYS = (os.urandom(32),)
    # The signing secret of its owner was encrypted with the key that is lost, too.
    secret = data_of(api.post("/api/signing-secret/rotate", {"overlap": 0}), status=201)
    assert secret["secret"].startswith("whsec_")
    clear = data_of(api.post("/api/jobs", {"url": URL}), status=201)
    assert data_of(api.get(f"/api/jobs/{sealed['job_id']}"))["args"]["headers"] == {}
    started = {item.row.id: item for item in start_due(take_lease().id)}
    failure = started[sealed["job_id"]].failure
    assert failure is not None
    assert "a key that this instance does not have" in failure.message
    assert started[clear["job_id"]].request is not None
    assert text[0] in stored("jobs_job", "args")


@pytest.mark.django_db
def test_a_job_without_headers_of_its_own_costs_no_encryption(api: Api) -> None:
    data_of(api.post("/api/jobs", {"url": URL, "method": "post", "body": {"a": 1}}), status=201)
    run_due()
    assert encryption.PREFIX not in everything()


@pytest.mark.django_db
def test_old_rows_are_encrypted_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reencryption, "_BATCH", 2)
    for number in range(5):
        make_job(args={"url": URL, "headers": {"A": f"s3cret-{number}"}})
    make_job(args={"url": URL})
    run_due()
    for table, column in (("jobs_job", "args"), ("jobs_logevent", "payload")):
        for text in stored(table, column):
            clear = exact_json.dumps(sealed_json_field.loads(text)).decode()
            with connection.cursor() as cursor:
                cursor.execute(f"UPDATE {table} SET {column} = %s WHERE {column} = %s", [clear, text])
    assert everything().count("s3cret") == 10
    assert reencryption.reencrypt() == 10
    assert "s3cret" not in everything()
    assert reencryption.reencrypt() == 0
    assert {row.args.get("headers", {}).get("A") for row in Job.objects.all()} == {
        None,
        *(f"s3cret-{number}" for number in range(5)),
    }
    assert LogEvent.objects.filter(inserted_at=NOON).exists()
