"""What the version before says to the database is understood by the schema of this one: both run beside each other.

statements_of_*.sql has what web, workers, beat and commands of a version said, each kind of statement once: recorded by
PostgreSQL (`log_statement = all`) while that version made, ran, changed and ended jobs, schedules and deliveries.
"""

from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's migrations are for one machine"),
]

_FILES = sorted(Path(__file__).parent.glob("statements_of_*.sql"))


def statements(path: Path) -> list[str]:
    """One a line."""
    return [line for line in path.read_text().splitlines() if line and not line.startswith("--")]


def complaint(statement: str) -> str:
    """What the database says against it; empty for nothing. Nothing of it stays."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # A percent sign is no placeholder where no parameters are given.
            cursor.execute(statement)
            transaction.set_rollback(True)
    except DatabaseError as error:
        return f"{error}: {statement}"
    return ""


def test_a_statement_about_what_is_not_there_is_complained_of():
    assert 'column "nothing" does not exist' in complaint('SELECT "nothing" FROM "jobs_job"')
    assert "null value" in complaint('INSERT INTO "jobs_user" ("email") VALUES (\'ada@example.com\')')
    assert complaint('SELECT "id" FROM "jobs_job" WHERE "name" LIKE \'%s\'') == ""


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_what_the_version_before_says_is_understood(path: Path):
    said = statements(path)
    assert len(said) > 50
    assert [found for found in map(complaint, said) if found] == []
