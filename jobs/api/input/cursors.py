"""Where a list goes on: a place in its order, not a count of rows, so that the last page costs what the first does.

Opaque to clients and signed: what comes back is what was given out, or it is refused.
"""

from dataclasses import dataclass
from typing import Any

from django.core.signing import BadSignature, Signer
from django.db.models import F, Model, Q
from django.db.models.expressions import OrderBy

from jobs.intake.refusals import Unreadable

LONGEST = 4096
# The salt keeps apart what else may be signed with SECRET_KEY.
_signer = Signer(salt="booper.cursor", sep=".")


class InvalidCursor(Unreadable):
    """The text is not a cursor of that order; the message has the remedy."""


@dataclass(frozen=True, slots=True)
class Position:
    """The last row that was given out: its value in the order's column, and its id."""

    value: Any
    id: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The order by a column of `model`, what has no value last on every database, and by id where values are equal.

    Of the rows of one user, as sql.owned_by has them.
    """

    model: type[Model]
    column: str
    is_descending: bool

    @property
    def expressions(self) -> list[OrderBy]:
        """Fit for QuerySet.order_by."""
        by_id = _directed("id", self.is_descending)
        if self.column == "id":
            return [_directed("user_id", self.is_descending), by_id]
        return [_directed(self.column, self.is_descending, nulls_last=True if self._is_nullable else None), by_id]

    def after(self, position: Position) -> Q:
        """Which rows come after it."""
        column, value, beyond = self.column, position.value, "lt" if self.is_descending else "gt"
        beyond_id = Q(**{f"id__{beyond}": position.id})
        if column == "id":
            return beyond_id
        if value is None:
            return Q(**{f"{column}__isnull": True}) & beyond_id
        beyond_value = Q(**{f"{column}__{beyond}": value}) | (Q(**{column: value}) & beyond_id)
        if self._is_nullable:
            return beyond_value | Q(**{f"{column}__isnull": True})
        # It says nothing new, but an index is searched by it and not by an OR.
        return Q(**{f"{column}__{beyond}e": value}) & beyond_value

    def cursor_at(self, row: Model) -> str:
        """Gives the cursor for the rows after `row`."""
        value = getattr(row, self.column)
        shown = value if value is None or isinstance(value, str | int) else str(value)
        return _signer.sign_object([self._key, shown, str(row.pk)], compress=True)

    def position(self, cursor: str) -> Position:
        """Raises InvalidCursor for what this order did not give out."""
        try:
            key, value, row_id = _signer.unsign_object(cursor)
        except BadSignature:
            raise InvalidCursor("it is not one that was given out here: begin anew with an empty one") from None
        if key != self._key:
            raise InvalidCursor("it is one of another list or another order_by: repeat that, or begin anew")
        return Position(self._field(self.column).to_python(value), self._field("id").to_python(row_id))

    @property
    def _key(self) -> str:
        return f"{self.model._meta.model_name}{'-' if self.is_descending else '+'}{self.column}"

    @property
    def _is_nullable(self) -> bool:
        return bool(self._field(self.column).null)

    def _field(self, name: str) -> Any:
        return self.model._meta.get_field(name)


def _directed(column: str, is_descending: bool, *, nulls_last: bool | None = None) -> OrderBy:
    return F(column).desc(nulls_last=nulls_last) if is_descending else F(column).asc(nulls_last=nulls_last)
