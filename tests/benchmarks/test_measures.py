"""The benchmarks prepare what they say they do; what is measured is for `bin/bench` to say."""

import importlib
from inspect import signature

import pytest
from django.db import connection
from django.test import Client

from benchmarks.__main__ import MEASURES
from benchmarks.inside import claims, feed, lists, rows
from jobs.models import Job, LogEvent
from tests.factories import make_user


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_is_there_without_a_peer_installed(name):
    measure = importlib.import_module(f"benchmarks.measures.{name}").measure
    assert list(signature(measure).parameters) == ["scene"]


@pytest.mark.django_db(transaction=True)
def test_waiting_rows_are_brought_up_to_a_number():
    make_user()
    rows.waiting("30")
    rows.waiting("50")
    assert Job.objects.count() == LogEvent.objects.count() == 50


@pytest.mark.django_db(transaction=True)
def test_dead_rows_are_written_in_parts_and_none_is_left(monkeypatch: pytest.MonkeyPatch):
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL keeps what is dead for a snapshot")
    make_user()
    monkeypatch.setattr(rows, "_DEAD_AT_ONCE", 20)
    rows.dead("50")
    assert not Job.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sequence_last_value(pg_get_serial_sequence('jobs_job', 'id')::regclass)")
        assert cursor.fetchone()[0] >= 50


@pytest.mark.django_db
def test_claims_are_taken_back():
    make_user()
    assert claims.main("1")["ms"] > 0
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_lists_come_with_a_session_of_the_admin_and_a_cursor():
    make_user()
    rows.waiting("10")
    found = lists.main()
    client = Client(headers={"cookie": found["cookie"]})
    assert client.get("/admin/jobs/job/").status_code == 200
    assert found["cursor"]


@pytest.mark.django_db(transaction=True)
def test_a_feeder_keeps_some_thousand_waiting_and_no_more(monkeypatch: pytest.MonkeyPatch):
    make_user()
    monkeypatch.setattr(feed, "_BATCH", 5)
    monkeypatch.setattr(feed, "_WAITING", 12)
    assert feed.main("0.5", "http://127.0.0.1:9/")["count"] == Job.objects.count() == 15
