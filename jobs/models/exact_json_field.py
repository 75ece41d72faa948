"""A column for JSON that clients and targets sent: text, so that every database gives back what went in."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression

from booper.content import exact_json


class ExactJSONField(models.TextField):  # type: ignore[type-arg]
    """PostgreSQL's jsonb would put keys into another order and write numbers out: `1e308` with its 309 digits."""

    # For the type checker.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, expression: Expression, connection: BaseDatabaseWrapper) -> Any:
        return None if value is None else exact_json.loads(value)

    def to_python(self, value: Any) -> Any:
        return value

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else exact_json.dumps(value).decode()

    def value_to_string(self, obj: models.Model) -> str:
        return exact_json.dumps(self.value_from_object(obj)).decode()
