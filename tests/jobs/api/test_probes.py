"""The doors that load balancers and Prometheus knock at."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from jobs.api import probes
from jobs.models import ProcessRole
from jobs.operating import health
from jobs.telemetry import exposition
from jobs.waking import announcements
from tests.factories import make_job
from tests.runs import take_lease

# In another thread than the test's, the database is asked: what the test wrote has to be committed.
with_database = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _broker_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcements, "ask_broker", lambda: None)


@pytest.fixture(autouse=True)
def _token(settings: Settings) -> None:
    settings.METRICS_TOKEN = "let-me-in"


@pytest.fixture
def processes(stopped_clock: Any) -> None:
    take_lease(ProcessRole.BEAT, name="beat@host", now=stopped_clock.moment)
    take_lease(name="worker-1", now=stopped_clock.moment)


def test_a_process_that_answers_is_alive_with_no_key_and_no_database(web: Client):
    response = web.get("/livez")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/livez", "/livez/"])
def test_probes_by_address_are_answered_whatever_hosts_are_allowed(web: Client, path: str):
    assert web.get(path, headers={"Host": "10.1.2.3:8000"}).status_code == 200


def test_a_probe_reads_and_nothing_else(web: Client):
    response = web.post("/livez")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")


@with_database
@pytest.mark.usefixtures("processes")
def test_an_instance_with_all_its_parts_is_ready(web: Client):
    response = web.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "ready")
    checks = response.json()["checks"]
    assert list(checks) == ["database", "broker", "beat", "workers"]
    assert {check["status"] for check in checks.values()} == {"ok"}
    assert all(isinstance(check["age_seconds"], float) for check in checks.values())


@with_database
def test_one_without_workers_is_not_and_says_so(web: Client, stopped_clock: Any):
    take_lease(ProcessRole.BEAT, name="beat@host", now=stopped_clock.moment)
    response = web.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (503, "not ready")
    assert response.json()["checks"]["workers"]["status"] == "failing"
    assert response.json()["checks"]["beat"]["status"] == "ok"


@with_database
def test_asking_again_and_again_fills_no_log(web: Client, caplog: pytest.LogCaptureFixture):
    assert web.get("/readyz").status_code == 503
    assert web.post("/readyz").status_code == 405
    assert [record for record in caplog.records if record.name == "django.request"] == []


@with_database
def test_what_a_load_balancer_need_not_know_can_be_left_out(web: Client, stopped_clock: Any):
    assert web.get("/readyz?exclude=workers,beat&exclude=broker").json()["checks"].keys() == {"database"}
    assert web.get("/readyz?exclude=workers,beat").status_code == 200


def test_leaving_out_what_is_no_check_is_refused_with_those_there_are(web: Client):
    response = web.get("/readyz?exclude=worker")
    assert response.status_code == 400
    assert "database, broker, beat, workers" in response.json()["detail"]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic let-me-in", "Bearer let-me-in2"])
def test_nobody_reads_the_metrics_without_the_token_on_this_machine_either(web: Client, header: str):
    response = web.get("/metrics", headers={"Authorization": header} if header else {})
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, 'Bearer realm="metrics"')


@with_database
@pytest.mark.usefixtures("processes")
def test_with_the_token_they_are_read_from_anywhere(web: Client):
    make_job()
    response = web.get("/metrics", headers={"Authorization": "Bearer let-me-in"}, REMOTE_ADDR="192.0.2.7")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(response.content.decode())}
    assert families["booper_jobs"].samples[1].value == 1


@pytest.fixture
def database_that_hangs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    released = threading.Event()

    def hang(**_: Any) -> Any:
        released.wait(60)

    monkeypatch.setattr(exposition, "exposition", hang)
    monkeypatch.setattr(exposition, "count_stored", hang)
    monkeypatch.setattr(health, "heartbeats", hang)
    monkeypatch.setattr(health, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(probes, "_PATIENCE_SECONDS", 0.05)
    yield
    released.set()


@with_database
@pytest.mark.usefixtures("database_that_hangs", "stopped_clock")
@pytest.mark.timeout(20)
def test_a_database_that_hangs_holds_up_no_probe(web: Client):
    response = web.get("/metrics", headers={"Authorization": "Bearer let-me-in"})
    assert (response.status_code, b"no answer for" in response.content) == (503, True)
    checks = web.get("/readyz").json()["checks"]
    assert [checks[name]["status"] for name in checks] == ["failing", "ok", "failing", "failing"]
    assert web.get("/livez").status_code == 200
