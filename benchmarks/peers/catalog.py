"""Who Booper is measured against: how each is started and fed, and what it keeps."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import ROOT

BULLMQ = Path(os.environ.get("BENCH_BULLMQ", str(ROOT / ".venv-bench" / "bullmq")))
# A folder of packages, put in front of all others.
ARQ = Path(os.environ.get("BENCH_ARQ", str(ROOT / ".venv-bench" / "arq")))
_PUT = "{python} -m benchmarks.peers.put "


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """`put` and `work` are commands; {python}, {redis_port} and {bullmq} are filled in. `needs` is its package."""

    name: str
    needs: str
    keeps: str
    put: str
    work: str
    needs_postgres: bool = False
    variables: Mapping[str, str] | None = None

    @property
    def is_there(self) -> bool:
        if self.needs == "node":
            return shutil.which("node") is not None and (BULLMQ / "node_modules").exists()
        if self.needs == "arq":
            return (ARQ / "arq").exists()
        return importlib.util.find_spec(self.needs) is not None

    def command(self, which: str, *, redis_port: int) -> list[str]:
        words = (self.put if which == "put" else self.work).split()
        return [word.format(python=sys.executable, redis_port=redis_port, bullmq=BULLMQ) for word in words]


_DJANGO_Q = {"DJANGO_SETTINGS_MODULE": "benchmarks.peers.django_q_settings"}
_CELERY = "celery -A benchmarks.peers.plain_celery worker --without-gossip --without-mingle --loglevel WARNING"
PEERS = (
    Peer(
        name="Celery, prefork",
        needs="celery",
        keeps="a message in Redis until it is taken",
        put=_PUT + "plain_celery",
        work=_CELERY + " --pool prefork --concurrency 4",
    ),
    Peer(
        name="Celery, threads",
        needs="celery",
        keeps="a message in Redis until it is taken",
        put=_PUT + "plain_celery",
        work=_CELERY + " --pool threads --concurrency 20",
    ),
    Peer(
        name="procrastinate",
        needs="procrastinate",
        keeps="job and events in PostgreSQL",
        put=_PUT + "procrastinate_app",
        work="procrastinate --app=benchmarks.peers.procrastinate_app.app worker --concurrency 20",
        needs_postgres=True,
    ),
    Peer(
        name="django-q2, ORM",
        needs="django_q",
        keeps="job in PostgreSQL until it is done",
        put=_PUT + "django_q_app",
        work="{python} -m django qcluster",
        needs_postgres=True,
        variables=_DJANGO_Q | {"BENCH_QUEUE": "orm"},
    ),
    Peer(
        name="django-q2, Redis",
        needs="django_q",
        keeps="a message in Redis until it is taken",
        put=_PUT + "django_q_app",
        work="{python} -m django qcluster",
        needs_postgres=True,
        variables=_DJANGO_Q,
    ),
    Peer(
        name="RQ, 2 simple workers",
        needs="rq",
        keeps="job in Redis until it is done",
        put=_PUT + "rq_app",
        work="rq worker-pool --num-workers 2 --worker-class rq.worker.SimpleWorker --quiet --url redis://127.0.0.1:{redis_port}/3",
    ),
    Peer(
        name="Dramatiq, 2 x 8 threads",
        needs="dramatiq",
        keeps="message in Redis until it is done",
        put=_PUT + "dramatiq_app",
        work="dramatiq benchmarks.peers.dramatiq_app --processes 2 --threads 8",
    ),
    Peer(
        name="huey, 4 processes",
        needs="huey",
        keeps="a message in Redis until it is taken",
        put=_PUT + "huey_app",
        work="huey_consumer benchmarks.peers.huey_app.huey --workers 4 --worker-type process --quiet",
    ),
    Peer(
        name="taskiq, 2 processes, aiohttp",
        needs="taskiq_redis",
        keeps="a message in Redis until it is taken",
        put=_PUT + "taskiq_app",
        work="taskiq worker benchmarks.peers.taskiq_app:broker --workers 2 --log-level WARNING",
    ),
    Peer(
        name="arq, aiohttp",
        needs="arq",
        keeps="job in Redis until it is done",
        put=_PUT + "arq_app",
        work="{python} -m arq benchmarks.peers.arq_app.WorkerSettings",
        variables={"PYTHONPATH": f"{ARQ}:{ROOT}"},
    ),
    Peer(
        name="BullMQ, node, undici",
        needs="node",
        keeps="job in Redis until it is done",
        put="node {bullmq}/put.mjs {redis_port}",
        work="node {bullmq}/work.mjs {redis_port}",
    ),
)
