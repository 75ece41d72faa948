"""`state IN (…)` with its values in the statement, where SQLite is asked: of bound ones it can't tell that they are the
states of a partial index, and goes through the whole table."""

import re
from typing import Any

from django.db.models.lookups import In
from django.db.models.sql.compiler import SQLCompiler

_PLAIN = re.compile("[a-z_]+")


class InState(In):
    """Of a field with states. What is no plain word stays bound."""

    def as_sqlite(self, compiler: SQLCompiler, connection: Any) -> tuple[str, tuple[Any, ...]]:
        statement, values = self.as_sql(compiler, connection)
        if "%%" in statement or not all(isinstance(value, str) and _PLAIN.fullmatch(value) for value in values):
            return statement, tuple(values)
        return statement % tuple(f"'{value}'" for value in values), ()
