"""What is not encrypted with the key that encrypts now is encrypted with it: old rows, and all after a rotation."""

from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction

from jobs.models import Secret, User, encryption

_BATCH = 500


def reencrypt() -> int:
    """Goes through all rows in batches, each a transaction of its own that locks no more; how many were written.

    May be broken off and begun again, and run beside everything else.
    """
    return sum(_users()) + sum(_secrets())


def _users() -> Iterator[int]:
    for ids in _stale("jobs_user", "signing_secret", retired="retired_secrets"):
        with transaction.atomic():
            users = list(User.objects.select_for_update(no_key=True).filter(pk__in=ids))
            for user in users:
                user.retired_secrets = [
                    row | {"secret": encryption.encrypt(encryption.decrypt(row["secret"]))}
                    for row in user.retired_secrets
                ]
            User.objects.bulk_update(users, ["signing_secret", "retired_secrets"])
        yield len(users)


def _secrets() -> Iterator[int]:
    for ids in _stale("jobs_secret", "value"):
        with transaction.atomic():
            found = list(Secret.objects.select_for_update(no_key=True).filter(pk__in=ids))
            Secret.objects.bulk_update(found, ["value"])
        yield len(found)


def _stale(table: str, column: str, *, retired: str | None = None) -> Iterator[list[Any]]:
    """The ids of rows whose `column` another key has encrypted, or none has; a batch of the table at a time."""
    after: Any = None
    while rows := _rows(table, column, retired, after):
        stale = [row[0] for row in rows if not encryption.is_current(row[1]) or _has_stale(row[2:])]
        if stale:
            yield stale
        after = rows[-1][0]


def _rows(table: str, column: str, retired: str | None, after: Any) -> list[tuple[Any, ...]]:
    """As they are stored: the field would decrypt them."""
    columns = ", ".join(["id", column, *([retired] if retired else [])])
    condition = "" if after is None else "WHERE id > %(after)s"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {table} {condition} ORDER BY id LIMIT {_BATCH}", {"after": after})
        return list(cursor.fetchall())


def _has_stale(retired: tuple[Any, ...]) -> bool:
    """Whether a retired secret, of which JSON text has several, is not of the current key."""
    return any(part and encryption.PREFIX in str(part) and not _all_current(str(part)) for part in retired)


def _all_current(text: str) -> bool:
    return all(encryption.is_current(encryption.PREFIX + rest) for rest in text.split(encryption.PREFIX)[1:])
