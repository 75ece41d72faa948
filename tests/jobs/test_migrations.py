"""No migration holds a lock on a big table for longer than a blink, nor breaks the version before, which still runs."""

import re
from collections.abc import Callable, Iterator
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from psycopg.errors import DeadlockDetected, LockNotAvailable

_COMMAND = "jobs.management.commands.migrate"
# Those whose number of rows follows the number of jobs.
BIG = ("jobs_job", "jobs_logevent", "jobs_delivery", "jobs_schedule")
# Of a time when no instance was big; from 0006 on all are held to it.
_BEFORE = ("0001", "0002", "0003", "0004", "0005")

_RULES = (
    (r"CREATE (UNIQUE )?INDEX (?!CONCURRENTLY)", "builds an index under a lock: use AddIndexOnline"),
    (r"DROP INDEX (?!CONCURRENTLY)", "drops an index under a lock: use RemoveIndexOnline"),
    (
        r"ADD CONSTRAINT (?!.*(NOT VALID|USING INDEX))",
        "checks all rows under a lock: add it NOT VALID, and validate it in a migration of its own",
    ),
    (r"ADD COLUMN .*REFERENCES", "checks all rows under a lock: add the foreign key NOT VALID, and validate it"),
    (r"ADD COLUMN .*\b(UNIQUE|GENERATED)\b", "rewrites or checks all rows under a lock"),
    (r"ADD COLUMN .*NOT NULL", "the version before writes rows without it: make it nullable or give it a db_default"),
    # A longer varchar is a change of the catalogue alone.
    (r"ALTER COLUMN .*TYPE (?!varchar\()", "rewrites all rows under a lock: see jobs/migrations/_column_types.py"),
    (r"ALTER COLUMN .*SET NOT NULL", "checks all rows under a lock: use a CHECK that is NOT VALID, and validate it"),
    (r"^(UPDATE|DELETE)", "changes all rows in one transaction: move them in batches"),
    (
        r"DROP COLUMN|DROP TABLE|RENAME",
        "the version before still reads it: stop using it first, drop it a version on",
    ),
)


def complaints(sql: str) -> Iterator[str]:
    """What is wrong with the statements of one migration, for tables that it has not made itself."""
    made = set(re.findall(r'CREATE TABLE "(\w+)"', sql))
    for text in re.sub(r"^--.*$", "", sql, flags=re.MULTILINE).split(";"):
        statement = " ".join(text.split())
        touched = re.search(r'(?:ALTER TABLE|ON|UPDATE|DELETE FROM|DROP TABLE|DROP INDEX) [^"]*"(\w+)"', statement)
        is_big = any(f'"{table}"' in statement for table in BIG if table not in made)
        if touched is None or not (is_big or statement.startswith("DROP INDEX")):
            continue
        # A default that stays is what makes a new column safe for the version before.
        if re.search(r"ADD COLUMN .*DEFAULT .*NOT NULL", statement) and _keeps_default(statement, sql):
            continue
        yield from (f"{said}: {statement}" for rule, said in _RULES if re.search(rule, statement))


def _keeps_default(statement: str, sql: str) -> bool:
    [column] = re.findall(r'ADD COLUMN "(\w+)"', statement)
    return f'ALTER COLUMN "{column}" DROP DEFAULT' not in sql


_WITHOUT_A_DEFAULT = (
    'ALTER TABLE "jobs_job" ADD COLUMN "a" integer DEFAULT 1 NOT NULL; '
    'ALTER TABLE "jobs_job" ALTER COLUMN "a" DROP DEFAULT;'
)


@pytest.mark.parametrize(
    "sql",
    [
        'CREATE INDEX "a" ON "jobs_job" ("name");',
        'DROP INDEX IF EXISTS "job_due";',
        'ALTER TABLE "jobs_job" ADD CONSTRAINT "a" CHECK ("attempt" > 0);',
        'ALTER TABLE "jobs_job" ADD COLUMN "a_id" bigint NULL CONSTRAINT "b" REFERENCES "jobs_queue"("id");',
        _WITHOUT_A_DEFAULT,
        'ALTER TABLE "jobs_delivery" ALTER COLUMN "url" TYPE text;',
        'ALTER TABLE "jobs_logevent" ALTER COLUMN "payload" SET NOT NULL;',
        'UPDATE "jobs_schedule" SET "a" = 1 WHERE "a" IS NULL;',
        'ALTER TABLE "jobs_job" DROP COLUMN "name" CASCADE;',
        'ALTER TABLE "jobs_job" RENAME COLUMN "a" TO "b";',
    ],
)
def test_what_holds_a_lock_or_breaks_the_version_before_is_refused(sql: str):
    assert len(list(complaints(sql))) == 1


@pytest.mark.parametrize(
    "sql",
    [
        'CREATE INDEX CONCURRENTLY "a" ON "jobs_job" ("name");',
        'DROP INDEX CONCURRENTLY IF EXISTS "a";',
        'ALTER TABLE "jobs_job" ADD CONSTRAINT "a" CHECK ("attempt" > 0) NOT VALID;',
        'ALTER TABLE "jobs_job" VALIDATE CONSTRAINT "a";',
        'ALTER TABLE "jobs_job" ADD COLUMN "a" integer NULL;',
        'ALTER TABLE "jobs_job" ADD COLUMN "a" integer DEFAULT 1 NOT NULL;',
        'CREATE TABLE "jobs_new" ("id" bigint); CREATE INDEX "a" ON "jobs_new" ("id");',
        'ALTER TABLE "jobs_user" ADD COLUMN "a" integer NOT NULL;',
    ],
)
def test_what_anybody_may_do_while_jobs_run_is_allowed(sql: str):
    assert list(complaints(sql)) == []


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's migrations are for one machine")
def test_migrations_lock_no_big_table_and_break_nothing_for_the_version_before():
    names = sorted(name for app, name in MigrationLoader(connection).disk_migrations if app == "jobs")
    found = []
    for name in names:
        if not name.startswith(_BEFORE):
            output = StringIO()
            call_command("sqlmigrate", "jobs", name, stdout=output)
            found += [f"{name}: {complaint}" for complaint in complaints(output.getvalue())]
    assert found == []


# --- Columns that the version before does not know --------------------------------------------------------------------


def demanded(sql: str) -> set[tuple[str, str]]:
    """The table and column of what a migration demands of the rows of tables that were there before it."""
    made = set(re.findall(r'CREATE TABLE "(\w+)"', sql))
    found = re.findall(r'ALTER TABLE "(\w+)" ADD COLUMN "(\w+)" [^;]*NOT NULL', sql)
    found += re.findall(r'ALTER TABLE "(\w+)" ALTER COLUMN "(\w+)" SET NOT NULL', sql)
    return {(table, column) for table, column in found if table not in made}


def test_what_a_migration_demands_of_rows_is_read_from_its_statements():
    sql = (
        'CREATE TABLE "jobs_new" ("id" bigint); ALTER TABLE "jobs_new" ADD COLUMN "a" integer NOT NULL; '
        'ALTER TABLE "jobs_user" ADD COLUMN "b" jsonb DEFAULT \'{}\' NOT NULL; '
        'ALTER TABLE "jobs_user" ADD COLUMN "c" integer NULL; ALTER TABLE "jobs_apikey" ALTER COLUMN "d" SET NOT NULL;'
    )
    assert demanded(sql) == {("jobs_user", "b"), ("jobs_apikey", "d")}


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's migrations are for one machine")
def test_the_version_before_can_write_a_row_of_any_table():
    wanted = set[tuple[str, str]]()
    for name in sorted(name for app, name in MigrationLoader(connection).disk_migrations if app == "jobs"):
        if not name.startswith(_BEFORE):
            output = StringIO()
            call_command("sqlmigrate", "jobs", name, stdout=output)
            wanted |= demanded(output.getvalue())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() "
            "AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO' AND is_generated = 'NEVER'"
        )
        without_default = set(cursor.fetchall())
    assert len(wanted) >= 5
    assert wanted & without_default == set(), "give them a db_default, which stays"


# --- Locks that migrations wait for -----------------------------------------------------------------------------------


def _failing(times: int, error: Exception) -> Callable[..., None]:
    left = [error] * times

    def handle(*args: object, **options: object) -> None:
        if left:
            raise left.pop()

    return handle


def _is_locked(cause: Exception | None = None) -> OperationalError:
    error = OperationalError("canceling statement due to lock timeout")
    error.__cause__ = cause or LockNotAvailable()
    return error


@pytest.mark.django_db
@pytest.mark.parametrize("cause", [LockNotAvailable(), DeadlockDetected()])
def test_a_lock_that_is_not_had_is_asked_for_again(monkeypatch: pytest.MonkeyPatch, cause: Exception):
    waited: list[float] = []
    monkeypatch.setattr(f"{_COMMAND}.time.sleep", waited.append)
    monkeypatch.setattr(f"{_COMMAND}.DjangoCommand.handle", _failing(2, _is_locked(cause)))
    output = StringIO()
    call_command("migrate", stdout=output)
    assert waited == [1.0, 1.0]
    assert output.getvalue().count("a lock was not had within") == 2


@pytest.mark.django_db
def test_a_migration_that_fails_otherwise_fails_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(f"{_COMMAND}.DjangoCommand.handle", _failing(1, OperationalError("disk full")))
    with pytest.raises(OperationalError, match="disk full"):
        call_command("migrate")


@pytest.mark.django_db
def test_it_gives_up_where_a_lock_is_never_had(monkeypatch: pytest.MonkeyPatch):
    waited: list[float] = []
    monkeypatch.setattr(f"{_COMMAND}.time.sleep", waited.append)
    monkeypatch.setattr(f"{_COMMAND}.DjangoCommand.handle", _failing(10_000, _is_locked()))
    with pytest.raises(OperationalError):
        call_command("migrate", stdout=StringIO())
    assert len(waited) == 119
