"""What the database has counted so far: transactions, rows written by table, bytes of WAL, and how large tables are."""

from typing import Any

from django.db import connection

_TABLES = ("jobs_job", "jobs_logevent", "jobs_delivery")
_ROWS = """
SELECT relname, n_tup_ins, n_tup_upd, n_tup_hot_upd, pg_relation_size(relid), pg_indexes_size(relid)
FROM pg_stat_user_tables WHERE relname = ANY(%s)
"""


def main() -> dict[str, Any]:
    """Nothing where the database is not PostgreSQL."""
    if connection.vendor != "postgresql":
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
        [transactions] = cursor.fetchone()
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")
        [wal] = cursor.fetchone()
        cursor.execute(_ROWS, [list(_TABLES)])
        found = {"transactions": float(transactions), "WAL bytes": float(wal)}
        for table, inserted, updated, hot, heap, indexes in cursor.fetchall():
            found[f"rows inserted into {table}"] = float(inserted)
            found[f"rows updated in {table}"] = float(updated)
            found[f"of those in place (HOT) in {table}"] = float(hot)
            found[f"bytes of {table}"] = float(heap)
            found[f"bytes of the indexes of {table}"] = float(indexes)
    return found
