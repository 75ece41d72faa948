"""What an alert is about, by the filters of lists in its `of`: asked of ends, of schedules and of receivers."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Q

from jobs.intake import targets
from jobs.models import AlertedEnd, tags

Matches = Callable[[AlertedEnd], bool]


def ends(of: Mapping[str, Any] | None) -> Matches:
    """A function that says whether an alert is about a job that has ended."""
    if not of:
        return lambda _: True
    wanted = {name: of[name] for name in ("name", "queue", "url") if of.get(name) is not None}
    schedule_id = of.get("schedule_id")
    wanted_tags = [f",{tag}," for tag in of.get("tag") or ()]
    starts = _starts(of["host"]) if of.get("host") else ()

    def matches(end: AlertedEnd) -> bool:
        return (
            all(getattr(end, name) == value for name, value in wanted.items())
            and (schedule_id is None or str(end.schedule_id) == schedule_id)
            and all(tag in (end.tags or "") for tag in wanted_tags)
            and (not starts or _is_at(end.url, starts))
        )

    return matches


def _starts(host: str) -> tuple[str, ...]:
    return tuple(targets.as_stored(f"{scheme}://{host}/").rstrip("/") for scheme in ("https", "http"))


def _is_at(url: str, starts: tuple[str, ...]) -> bool:
    return any(url == start or url.startswith((f"{start}/", f"{start}?", f"{start}:")) for start in starts)


def schedules(of: Mapping[str, Any]) -> Q:
    """The condition on a schedule."""
    condition = Q()
    for name, column in (("schedule_id", "id"), ("url", "url"), ("name", "name"), ("queue", "queue__name")):
        if of.get(name) is not None:
            condition &= Q(**{column: of[name]})
    if of.get("tag"):
        condition &= tags.having(of["tag"])
    if of.get("host"):
        condition &= targets.at_host(of["host"]) or Q()
    return condition


def receivers(of: Mapping[str, Any]) -> Q:
    """The condition on a receiver: of all filters, the host alone says something of one."""
    if not of.get("host"):
        return Q()
    condition = Q()
    for start in _starts(of["host"]):
        condition |= Q(origin=start) | Q(origin__startswith=f"{start}:")
    return condition
