"""What statements cost on PostgreSQL, counted in blocks of its tables and indexes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction


class Blocks:
    """How many blocks the statements have read that were executed meanwhile."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, run: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.lstrip().startswith(("SELECT", "UPDATE", "WITH")):
            with transaction.atomic(), context["connection"].cursor() as cursor:
                run(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", params, many, {**context, "cursor": cursor})
                plan = context["cursor"].fetchone()[0][0]["Plan"]
                self.count += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
                transaction.set_rollback(True)
        return run(sql, params, many, context)


@contextmanager
def blocks() -> Iterator[Blocks]:
    counted = Blocks()
    with connection.execute_wrapper(counted):
        yield counted
