"""How the database goes about statements, planned with their parameters bound, as they are executed: with the values in
the text SQLite may plan otherwise."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


class Plans:
    """The lines of the plans of what was asked for meanwhile."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, run: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.lstrip(" (\n").startswith("SELECT"):
            words = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
            run(f"{words} {sql}", params, many, context)
            self.lines += [str(row[-1]) for row in context["cursor"].fetchall()]
        return run(sql, params, many, context)


@contextmanager
def plans() -> Iterator[Plans]:
    planned = Plans()
    with connection.execute_wrapper(planned):
        yield planned
