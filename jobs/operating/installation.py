"""Whether settings, database and machines fit together. Each setting may be right by itself; boot can't see this."""

import base64
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core import checks
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from booper.timing.spans import span
from jobs.database import sql, transactions
from jobs.models import Process, SecondFactor, Secret, User
from jobs.models.encryption import Unreadable
from jobs.operating.findings import Check, Level, Trouble

_SHORTEST_SECRET = 32
_CLOCKS_APART = timedelta(seconds=5)
_LITTLE_SPACE, _NO_SPACE = 1024**3, 100 * 1024**2
_MIB = 1024**2
_MOST_READ = 100
_LONG_TRANSACTION = timedelta(minutes=10)
_MOST_CONNECTIONS_USED = 0.9
_CONNECTIONS = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
"""


def _migrations(now: datetime) -> Iterator[Trouble]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in plan)
        yield Trouble(f"not applied: {names}", "run manage.py migrate")


def _system_checks(now: datetime) -> Iterator[Trouble]:
    for message in checks.run_checks():
        if message.level >= checks.WARNING and not message.is_silenced():
            level = Level.ERROR if message.level >= checks.ERROR else Level.WARNING
            yield Trouble(f"{message.msg} ({message.id})", message.hint or "see manage.py check", level)


def _safety(now: datetime) -> Iterator[Trouble]:
    if settings.DEBUG:
        yield Trouble("DEBUG is true: errors show settings and code to whoever causes them", "set DEBUG=false")
    if len(settings.SECRET_KEY) < _SHORTEST_SECRET:
        yield Trouble(
            f"SECRET_KEY has {len(settings.SECRET_KEY)} characters, and signs sessions",
            f"set one of at least {_SHORTEST_SECRET} random characters, or none to have one generated",
        )
    if "*" in settings.ALLOWED_HOSTS:
        yield Trouble("ALLOWED_HOSTS takes any Host header", "name the hosts that are yours", Level.WARNING)


def _machines(now: datetime) -> Iterator[Trouble]:
    """Known by the names of live processes, which end with that of their machine."""
    names = Process.objects.filter(lease_expires_at__gt=now).values_list("name", flat=True)
    machines = sorted({name.rpartition("@")[2] for name in names})
    if len(machines) < 2:
        return
    several = f"processes run on {len(machines)} machines ({', '.join(machines)})"
    if not sql.is_postgresql():
        yield Trouble(f"{several}, and SQLite is for one", "set DATABASE_URL to a postgres:// URL")
    if settings.BROKER_URL.startswith(("redis+socket:", "filesystem:")):
        yield Trouble(f"{several}, and the embedded broker is for one", "set BROKER_URL to a server all of them reach")
    kept = settings.DATA_DIR / "secret_key"
    if kept.exists() and kept.read_text().strip() == settings.SECRET_KEY:
        yield Trouble(
            f"{several}, and SECRET_KEY is of this one alone", "set the same SECRET_KEY on all", Level.WARNING
        )

    if _are_of_this_machine_alone():
        yield Trouble(
            f"{several}, and the encryption keys are of this one alone: the others can't read what it encrypts",
            "set the same BOOPER_ENCRYPTION_KEYS on all: the lines of encryption_keys in the data folder",
        )


def _are_of_this_machine_alone() -> bool:
    kept = settings.DATA_DIR / "encryption_keys"
    if not kept.exists():
        return False
    return tuple(base64.urlsafe_b64decode(line) for line in kept.read_text().split()) == settings.BOOPER_ENCRYPTION_KEYS


def _encryption(now: datetime) -> Iterator[Trouble]:
    """Looks at the newest users, second factors and secrets: a key that is missed has encrypted more than one."""
    remedy = "add the lost key to BOOPER_ENCRYPTION_KEYS, or see docs/secrets.md if it is lost for ever"
    newest = {
        "signing secrets": User.objects.order_by("-id").values_list("signing_secret", flat=True),
        "second factors": SecondFactor.objects.order_by("-pk").values_list("secret", flat=True),
        "secrets": Secret.objects.order_by("-id").values_list("value", flat=True),
    }
    for what, rows in newest.items():
        unreadable = sum(isinstance(value, Unreadable) for value in rows[:_MOST_READ])
        if unreadable:
            yield Trouble(f"{unreadable} of the newest {what} can't be read with the encryption keys there are", remedy)


def _clocks(now: datetime) -> Iterator[Trouble]:
    if not sql.is_postgresql():
        return
    with connection.cursor() as cursor:
        before = datetime.now(UTC)
        cursor.execute("SELECT clock_timestamp()")
        database = cursor.fetchone()[0]
        apart = abs(database - before)
    if apart > _CLOCKS_APART:
        yield Trouble(
            f"this machine's clock and the database's are {apart.total_seconds():.0f} s apart; the database's decides, "
            "but the ids of log rows are by this one's",
            "keep both in time with NTP",
            Level.WARNING,
        )


def _disk(now: datetime) -> Iterator[Trouble]:
    """Looks at the disk of the data folder: where SQLite and the embedded broker write."""
    free = shutil.disk_usage(settings.DATA_DIR).free
    if free < _LITTLE_SPACE:
        level = Level.ERROR if free < _NO_SPACE else Level.WARNING
        yield Trouble(f"{free // _MIB} MiB are free below {settings.DATA_DIR}", "make room", level)


def _transactions(now: datetime) -> Iterator[Trouble]:
    for found in transactions.oldest(limit=5):
        if found.seconds < _LONG_TRANSACTION.total_seconds():
            return
        who = found.application if found.pid is None else f"{found.application}, process {found.pid}"
        end = "ROLLBACK PREPARED" if found.pid is None else f"SELECT pg_terminate_backend({found.pid})"
        yield Trouble(
            f"a transaction of {who} (role {found.role}, {found.state}) is open for {span(found.seconds)}: "
            "what has died since is kept, and every look walks past it",
            f"let it end, or end it: {end}",
            Level.WARNING,
        )


def _connections(now: datetime) -> Iterator[Trouble]:
    if not sql.is_postgresql():
        return
    with connection.cursor() as cursor:
        cursor.execute(_CONNECTIONS)
        used, most = cursor.fetchone()
    if used > most * _MOST_CONNECTIONS_USED:
        yield Trouble(
            f"{used} of the {most} connections that PostgreSQL takes are there: the next processes may get none",
            "raise max_connections, or put a pooler such as pgbouncer in front (docs/scaling.md)",
            Level.WARNING,
        )


def _journal(now: datetime) -> Iterator[Trouble]:
    if sql.is_postgresql():
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        mode = str(cursor.fetchone()[0])
    if mode != "wal":
        yield Trouble(f"SQLite's journal is {mode!r}: readers and the writer wait for each other", "use a local disk")


CHECKS = (
    Check("migrations", "all are applied", _migrations),
    Check("system checks", "no complaint", _system_checks),
    Check("safety", "DEBUG, SECRET_KEY and ALLOWED_HOSTS are fit for production", _safety),
    Check("machines", "database, broker and secret fit how many there are", _machines),
    Check("encryption", "what is encrypted can be read", _encryption),
    Check("clocks", "this machine's and the database's agree", _clocks),
    Check("disk", "there is room", _disk),
    Check("transactions", "none is open for long", _transactions),
    Check("connections", "there are some left", _connections),
    Check("journal", "readers do not wait for the writer", _journal),
)
