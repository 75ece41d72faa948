"""What is not encrypted with the key that encrypts now is encrypted with it: old rows, and all after a rotation."""

from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from jobs.models import SecondFactor, Secret, User, encryption, sealed_json_field

_BATCH = 500


def reencrypt() -> int:
    """Goes through all rows in batches, each a transaction of its own that locks no more; how many were written.

    May be broken off and begun again, and run beside everything else.
    """
    requests = sum(_requests(*each) for each in _REQUESTS)
    secrets = sum(_secrets(Secret, "value")) + sum(_secrets(SecondFactor, "secret"))
    return sum(_users()) + secrets + requests


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


def _secrets(model: type[Secret] | type[SecondFactor], column: str) -> Iterator[int]:
    for ids in _stale(model._meta.db_table, column):
        with transaction.atomic():
            rows: QuerySet[Any] = model._default_manager.select_for_update(no_key=True)
            found = list(rows.filter(pk__in=ids))
            rows.bulk_update(found, [column])
        yield len(found)


# Of the log, only requests have headers of a client's.
_REQUESTS = (
    ("jobs_schedule", "args", "TRUE"),
    ("jobs_job", "args", "TRUE"),
    ("jobs_logevent", "payload", "event = 'worker.http.request'"),
)


def _requests(table: str, column: str, condition: str) -> int:
    """Row by row where there is anything to do: one that somebody has written meanwhile is left as they wrote it."""
    count, after = 0, None
    while rows := _rows(table, column, None, after, condition=condition):
        for row_id, text in rows:
            if not sealed_json_field.is_current(text):
                count += _rewrite(table, column, row_id, text)
        after = rows[-1][0]
    return count


def _rewrite(table: str, column: str, row_id: Any, text: str) -> int:
    sealed = sealed_json_field.dumps(sealed_json_field.loads(text))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {column} = %(new)s WHERE id = %(id)s AND {column} = %(old)s",
            {"new": sealed, "id": row_id, "old": text},
        )
        return int(cursor.rowcount)


def _stale(table: str, column: str, *, retired: str | None = None) -> Iterator[list[Any]]:
    """The ids of rows whose `column` another key has encrypted, or none has; a batch of the table at a time."""
    after: Any = None
    while rows := _rows(table, column, retired, after):
        stale = [row[0] for row in rows if not encryption.is_current(row[1]) or _has_stale(row[2:])]
        if stale:
            yield stale
        after = rows[-1][0]


def _rows(
    table: str, column: str, retired: str | None, after: Any, *, condition: str = "TRUE"
) -> list[tuple[Any, ...]]:
    """Reads rows as they are stored: the field would decrypt them."""
    columns = ", ".join(["id", column, *([retired] if retired else [])])
    also = "" if after is None else "AND id > %(after)s"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM {table} WHERE {condition} {also} ORDER BY id LIMIT {_BATCH}", {"after": after}
        )
        return list(cursor.fetchall())


def _has_stale(retired: tuple[Any, ...]) -> bool:
    """Whether a retired secret, of which JSON text has several, is not of the current key."""
    return any(part and encryption.PREFIX in str(part) and not _all_current(str(part)) for part in retired)


def _all_current(text: str) -> bool:
    return all(encryption.is_current(encryption.PREFIX + rest) for rest in text.split(encryption.PREFIX)[1:])
