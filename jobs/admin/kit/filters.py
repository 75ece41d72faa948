"""The filters that several lists share, each saying whether an index answers it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from jobs.admin.kit import search
from jobs.admin.kit.changelist import IndexedFilter, SlowFilter
from jobs.database import clock
from jobs.models import User

_LARGEST_ID = 2**63 - 1


class GivenFilter(IndexedFilter):
    """One value of a column, which other pages link to. It is shown only while it is in force."""

    column = ""

    def given(self) -> Any:
        """The value as the column has it, None if the parameter is missing. Raises ValueError for a bad one."""
        typed = self.value()
        return UUID(typed) if typed else None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        typed = self.value()
        return [(typed, typed)] if typed else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        try:
            value = self.given()
        except ValueError as error:
            raise IncorrectLookupParameters from error
        return queryset if value is None else queryset.filter(**{self.column: value})


class BeforeFilter(GivenFilter):
    """Rows older than a given one: how to leaf on where the counted pages, or the reach of a search, end."""

    title = "age"
    parameter_name = "before"
    column = "pk__lt"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(typed, f"Older than {typed}") for typed, _ in super().lookups(request, model_admin)]


class NumberFilter(GivenFilter):
    def given(self) -> int | None:
        typed = self.value()
        if not typed:
            return None
        number = int(typed)
        if not 0 <= number <= _LARGEST_ID:
            raise ValueError(f"{self.parameter_name} is {typed}: write a number between 0 and {_LARGEST_ID}")
        return number


class BeforeNumberFilter(NumberFilter, BeforeFilter):
    """The same, for tables whose rows are numbered."""


class JobFilter(NumberFilter):
    title = "job"
    parameter_name = "job"
    column = "job_id"


class OwnerFilter(IndexedFilter):
    """One user, typed as e-mail address or UUID: there are too many to list them."""

    title = "owner"
    parameter_name = "owner"
    template = "admin/jobs/typed_filter.html"
    placeholder = "e-mail or UUID"

    def __init__(self, request: HttpRequest, params: dict[str, list[str]], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        typed = (self.value() or "").strip()
        self.typed = typed
        self.owner = _owner(typed) if typed else None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.typed:
            return queryset
        return queryset.none() if self.owner is None else queryset.filter(user_id=self.owner.id)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """One: what the template needs to draw the field."""
        others = {name: value for name, value in changelist.params.items() if name != self.parameter_name}
        yield {
            "others": others,
            "typed": self.owner.email if self.owner else self.typed,
            "is_unknown": bool(self.typed) and self.owner is None,
            "query_string": changelist.get_query_string(remove=["owner"]),
        }


def _owner(typed: str) -> User | None:
    identifier = search.uuid(typed)
    users = User.objects.only("id", "email")
    if identifier is not None:
        return users.filter(id=identifier).first()
    return users.filter(email=typed.lower()).first() if "\x00" not in typed else None


class InsertedFilter(SlowFilter):
    title = "inserted"
    parameter_name = "inserted"
    spans = {
        "hour": ("Past hour", timedelta(hours=1)),
        "day": ("Past 24 hours", timedelta(days=1)),
        "week": ("Past 7 days", timedelta(days=7)),
        "month": ("Past 30 days", timedelta(days=30)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, label) for value, (label, _) in self.spans.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.spans.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(inserted_at__gte=clock.now() - chosen[1])
