"""Sets of days, kept as spans of them, and the days on which a schedule may run."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

_LAST = date.max.toordinal()


@dataclass(frozen=True, slots=True)
class Days:
    """Days as spans of ordinals, first and last included, in order, none next to another."""

    spans: tuple[tuple[int, int], ...] = ()

    @property
    def count(self) -> int:
        return sum(last - first + 1 for first, last in self.spans)

    def end_of_span(self, day: int) -> int | None:
        """The last day of the span that `day` is in; None if it is in none."""
        found = self._span_before(day)
        return None if found is None or found[1] < day else found[1]

    def start_of_span(self, day: int) -> int | None:
        """The first day of the span that `day` is in; None if it is in none."""
        found = self._span_before(day)
        return None if found is None or found[1] < day else found[0]

    def at_or_after(self, day: int) -> int | None:
        """The first of the days that is not before `day`."""
        if self.end_of_span(day) is not None:
            return day
        place = bisect_right(self.spans, (day, _LAST))
        return self.spans[place][0] if place < len(self.spans) else None

    def at_or_before(self, day: int) -> int | None:
        """The last of the days that is not after `day`."""
        found = self._span_before(day)
        return None if found is None else min(day, found[1])

    def first_from(self, day: date, *, count: int) -> list[date]:
        """The first `count` of the days from `day` on."""
        found: list[date] = []
        at = self.at_or_after(day.toordinal())
        while at is not None and len(found) < count:
            found.append(date.fromordinal(at))
            at = self.at_or_after(at + 1)
        return found

    def _span_before(self, day: int) -> tuple[int, int] | None:
        place = bisect_right(self.spans, (day, _LAST))
        return self.spans[place - 1] if place else None


def of_spans(spans: Iterable[tuple[int, int]]) -> Days:
    """The days of spans in any order, which may overlap."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return Days(tuple(merged))


@dataclass(frozen=True, slots=True)
class DayChoice:
    """No run on the days of `skip`, and only on those of `only` where that is given; each with its calendar's name."""

    skip: tuple[tuple[str, Days], ...] = ()
    only: tuple[tuple[str, Days], ...] | None = None

    def allows(self, day: date) -> bool:
        return self.why_not(day) is None

    def why_not(self, day: date) -> str | None:
        """Why nothing runs on `day`, in words; None if it does."""
        number = day.toordinal()
        for name, days in self.skip:
            if days.end_of_span(number) is not None:
                return f"{day} is a day of the calendar {name} (skip_on)"
        if self.only is None or any(days.end_of_span(number) is not None for _, days in self.only):
            return None
        return f"{day} is no day of the calendar {', '.join(name for name, _ in self.only)} (only_on)"

    def at_or_after(self, day: date) -> date | None:
        """The first allowed day that is not before `day`. Each step passes a span, of which there are finitely many."""
        at: int | None = day.toordinal()
        while at is not None and at <= _LAST:
            ends = [end for _, days in self.skip if (end := days.end_of_span(at)) is not None]
            if ends:
                at = max(ends) + 1
                continue
            wanted = at if self.only is None else _least(days.at_or_after(at) for _, days in self.only)
            if wanted == at:
                return date.fromordinal(at)
            at = wanted
        return None

    def at_or_before(self, day: date) -> date | None:
        """The last allowed day that is not after `day`."""
        at: int | None = day.toordinal()
        while at is not None and at >= 1:
            starts = [start for _, days in self.skip if (start := days.start_of_span(at)) is not None]
            if starts:
                at = min(starts) - 1
                continue
            wanted = at if self.only is None else _most(days.at_or_before(at) for _, days in self.only)
            if wanted == at:
                return date.fromordinal(at)
            at = wanted
        return None


def _least(days: Iterable[int | None]) -> int | None:
    return min((day for day in days if day is not None), default=None)


def _most(days: Iterable[int | None]) -> int | None:
    return max((day for day in days if day is not None), default=None)


def spans_of(days: Iterable[date]) -> Iterable[tuple[int, int]]:
    return ((day.toordinal(), day.toordinal()) for day in days)
