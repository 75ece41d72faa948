"""A list over a table of any size: what no index answers is looked for among the newest rows, and the page says so."""

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from jobs.admin.kit import search

REACH = 20_000
# What is found in a part of a text.
_LOOKED_FOR = (search.TermKind.TEXT, search.TermKind.NUMBER)


class IndexedFilter(SimpleListFilter):
    """A filter that an index answers, in the order of the primary key; the reach of a search is counted within it."""


class SlowFilter(SimpleListFilter):
    """A filter that goes through row after row, and is therefore given only so many of them."""

    def is_slow(self) -> bool:
        return bool(self.value())


@dataclass(frozen=True, slots=True)
class Reach:
    """How many rows a list has looked through; `further` is the query string of the same list from there on."""

    row_count: int
    further: str


class BoundedChangeList(ChangeList):
    # None where the list has looked at everything.
    reach: Reach | None = None

    def get_queryset(self, request: HttpRequest, exclude_parameters: list[str | None] | None = None) -> QuerySet[Any]:
        found = super().get_queryset(request, exclude_parameters)
        found = found.defer(*getattr(self.model_admin, "heavy_columns", ()))
        floor = self._floor(request) if self._is_slow() else None
        if floor is not None:
            self.reach = Reach(REACH, self.get_query_string({"before": floor}))
            found = found.filter(pk__gte=floor)
        return self._without_hidden(found)

    def _without_hidden(self, found: QuerySet[Any]) -> QuerySet[Any]:
        """Without the rows that have what is searched for in hidden parts alone: who asks again would feel its way."""
        term, shown_as = search.read(self.query), getattr(self.model_admin, "shown_as", {})
        if term is None or not shown_as or term.kind not in _LOOKED_FOR:
            return found
        wanted, columns = str(term.value).casefold(), tuple(shown_as)
        hidden = [
            pk
            for pk, *values in found.values_list("pk", *columns)[:REACH]
            if not any(
                wanted in str(value).casefold() and wanted in shown_as[column](value).casefold()
                for column, value in zip(columns, values, strict=True)
                if value is not None
            )
        ]
        return found.exclude(pk__in=hidden) if hidden else found

    def older(self) -> str:
        """The query string of the rows that follow after this page."""
        last = list(self.result_list)[-1:]
        return self.get_query_string({"before": last[0].pk}) if last else ""

    def _is_slow(self) -> bool:
        term = search.read(self.query)
        if term is not None and term.kind == search.TermKind.TEXT:
            return True
        return any(isinstance(spec, SlowFilter) and spec.is_slow() for spec in self.filter_specs)

    def _floor(self, request: HttpRequest) -> Any:
        """The primary key of the oldest row within reach, None if all of them are. One query, by index."""
        rows = self.root_queryset.order_by("-pk")
        for spec in self.filter_specs:
            narrowed = spec.queryset(request, rows) if isinstance(spec, IndexedFilter) else None
            rows = rows if narrowed is None else narrowed
        last_two = list(rows.values_list("pk", flat=True)[REACH - 1 : REACH + 1])
        return last_two[0] if len(last_two) == 2 else None
