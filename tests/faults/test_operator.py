"""What whoever runs an instance is told while a part of it is gone: which one, until it is back."""

import contextlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from redis import Redis

from tests.processes.harness.api import Answer, Api
from tests.processes.harness.fixtures import MakeStack
from tests.processes.harness.processes import ROOT
from tests.processes.harness.stack import METRICS_TOKEN, Stack
from tests.processes.harness.waiting import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]

_LEASE_SECONDS = 5
# A dead process is one whose lease has run out; the rest is for a machine that has other things to do.
_NOTICED_SECONDS = _LEASE_SECONDS + 10


def test_each_part_that_is_killed_is_named_until_it_is_back(make_stack: MakeStack) -> None:
    stack = make_stack("postgresql-redis", settings={"LEASE_SECONDS": str(_LEASE_SECONDS)})
    stack.start()
    _until_failing(stack, [])

    stack.broker.kill()
    _until_failing(stack, ["broker"])
    stack.broker.start()
    _until_failing(stack, [])

    stack.servers.postgres.kill()
    # Of beat and workers nothing can be known then.
    _until_failing(stack, ["database", "beat", "workers"])
    assert _status(stack, "/livez") == 200
    stack.servers.postgres.start()
    _until_failing(stack, [])

    stack.beats[1].kill()
    stack.workers[1].kill()
    _until_failing(stack, ["beat", "workers"])
    assert _status(stack, "/readyz?exclude=broker,beat,workers") == 200
    stack.start_beat(waits=False)
    _until_failing(stack, ["workers"])
    assert _doctor(stack) == (1, ["workers"])
    with contextlib.closing(Api(stack.port, METRICS_TOKEN)) as scraper:
        assert 'booper_processes{role="worker"} 0' in scraper.get("/metrics").body
    stack.start_worker(waits=False)
    _until_failing(stack, [])
    assert _doctor(stack) == (0, [])


def test_a_server_that_answers_and_takes_nothing_is_named_as_one_that_is_away(make_stack: MakeStack) -> None:
    stack = make_stack("postgresql-redis")
    stack.start_web()
    others = ["beat", "workers"]
    _until_failing(stack, others)

    redis = Redis(unix_socket_path=stack.broker.url.removeprefix("redis+socket://"), socket_timeout=5)
    redis.replicaof("127.0.0.1", 1)
    _until_failing(stack, ["broker", *others])
    redis.replicaof("NO", "ONE")
    redis.config_set("maxmemory", "1")
    _until_failing(stack, ["broker", *others])
    redis.config_set("maxmemory", "0")
    redis.close()
    _until_failing(stack, others)

    with psycopg.connect(stack.servers.postgres.url("postgres"), autocommit=True) as postgres:
        postgres.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        postgres.execute("SELECT pg_reload_conf()")
        _until_failing(stack, ["database", *others])
        postgres.execute("SET default_transaction_read_only = off")
        postgres.execute("ALTER SYSTEM RESET default_transaction_read_only")
        postgres.execute("SELECT pg_reload_conf()")
        _until_failing(stack, others)


@pytest.mark.alone
def test_probes_are_answered_and_requests_refused_in_time_while_a_table_is_locked(make_stack: MakeStack) -> None:
    stack = make_stack("postgresql-redis", settings={"WEB_LOCK_SECONDS": "1"})
    stack.start_web()
    with psycopg.connect(stack.database.url) as postgres, ThreadPoolExecutor(40) as clients:
        postgres.execute("LOCK TABLE jobs_job")
        refused = [clients.submit(_create, stack) for _ in range(40)]
        for _ in range(10):
            assert _status(stack, "/livez") == 200
            assert _status(stack, "/readyz?exclude=workers,beat,broker") == 200
        answers = [future.result() for future in refused]
    assert {answer.status for answer in answers} == {503}
    assert _create(stack).status == 201


def _create(stack: Stack) -> Answer:
    with contextlib.closing(Api(stack.port, stack.key, timeout_seconds=60)) as api:
        return api.post("/api/jobs", {"url": stack.target.url("/hook"), "schedule_in": 3600})


def _until_failing(stack: Stack, names: list[str]) -> None:
    eventually(
        lambda: _failing(stack) == names, f"/readyz finds {names or 'nothing'} wrong", within_seconds=_NOTICED_SECONDS
    )


def _failing(stack: Stack) -> list[str]:
    answer = stack.api.get("/readyz")
    checks: dict[str, dict[str, Any]] = answer.body["checks"]
    failing = [name for name, check in checks.items() if check["status"] != "ok"]
    assert answer.status == (503 if failing else 200)
    assert all(check["age_seconds"] is not None for check in checks.values() if check["status"] == "ok")
    return failing


def _status(stack: Stack, path: str) -> int:
    return stack.api.get(path).status


def _doctor(stack: Stack) -> tuple[int, list[str]]:
    """Its exit status, and what it found to be an error."""
    command = [sys.executable, "manage.py", "doctor", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=stack.env, capture_output=True, text=True, timeout=60, check=False)
    findings = json.loads(done.stdout)["findings"]
    return done.returncode, [found["check"] for found in findings if found["level"] == "error"]
