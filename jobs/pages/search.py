"""The one search line of /jobs: `state:discarded host:api.example.com after:2026-11-01 invoice`, read and written."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from uuid import UUID

from django.db.models import Q

from booper.timing import durations
from jobs.models import JobState, tags
from jobs.models.job import JobQuerySet

LONGEST = 500
# The parameters of GET /api/jobs, and what they are called in the line.
PARAMETERS = {
    "state": "state", "schedule_id": "schedule", "name": "name", "url": "url", "host": "host", "queue": "queue",
    "error": "error", "tag": "tag", "inserted_after": "after", "inserted_before": "before",
}  # fmt: skip
_TERM = re.compile(r'(?:(?P<name>[a-z_]+):)?(?:"(?P<quoted>[^"]*)"|(?P<bare>\S+))')
# What an index finds by itself.
_INDEXED = {"state", "schedule"}
_HIGHEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Term:
    """`name` is empty for a word that stands alone."""

    name: str
    value: str

    def __str__(self) -> str:
        value = f'"{self.value}"' if re.search(r"\s", self.value) else self.value
        return f"{self.name}:{value}" if self.name else value


@dataclass(frozen=True, slots=True)
class Search:
    """`refusals` say what of the line was not understood; what was counts all the same."""

    terms: tuple[Term, ...] = ()
    states: tuple[str, ...] = ()
    condition: Q = field(default_factory=Q)
    refusals: tuple[str, ...] = ()

    @property
    def is_indexed(self) -> bool:
        """Whether each term finds its rows by an index, so that nobody walks for it."""
        return all(term.name in _INDEXED for term in self.terms)

    def __str__(self) -> str:
        return " ".join(str(term) for term in self.terms)

    def in_state(self, state: str) -> str:
        """The line with `state` for whatever states it has; empty: in any."""
        others = [str(term) for term in self.terms if term.name != "state"]
        return " ".join([f"state:{state}", *others] if state else others)

    def of(self, jobs: JobQuerySet, *, now: datetime) -> JobQuerySet:
        """Those of `jobs` that it finds."""
        return (jobs.in_states(list(self.states), now) if self.states else jobs).filter(self.condition)

    def in_any_state(self) -> "Search":
        return replace(self, states=())


def from_parameters(given: Mapping[str, str]) -> str:
    """The line of `q`, and of the API's filters where a link has those."""
    others = [str(Term(name, given[parameter])) for parameter, name in PARAMETERS.items() if given.get(parameter)]
    return " ".join([*others, given.get("q", "")]).strip()[:LONGEST]


def read(line: str, *, now: datetime, zone: tzinfo) -> Search:
    terms = [Term(match["name"] or "", match["quoted"] or match["bare"] or "") for match in _TERM.finditer(line)]
    found = Search(terms=tuple(terms))
    for term in terms:
        found = _with(found, term, now=now, zone=zone)
    return found


def _with(found: Search, term: Term, *, now: datetime, zone: tzinfo) -> Search:
    if term.name == "state":
        names = [name for name in term.value.split(",") if name in JobState.values]
        if names:
            return replace(found, states=(*found.states, *names))
        return _refused(found, f"{term} names no state: write one of {', '.join(JobState.values)}")
    if term.name in ("after", "before"):
        return _with_moment(found, term, now=now, zone=zone)
    if not term.name:
        return replace(found, condition=found.condition & _word(term.value))
    condition = _CONDITIONS.get(term.name)
    if condition is None:
        known = ", ".join(f"{name}:" for name in ("state", "after", "before", *_CONDITIONS))
        return _refused(found, f"{term.name}: is nothing to search by: use {known} or words of a name or URL")
    built = condition(term.value)
    if built is None:
        return _refused(found, f"{term} makes no sense")
    return replace(found, condition=found.condition & built)


def _with_moment(found: Search, term: Term, *, now: datetime, zone: tzinfo) -> Search:
    try:
        at = _moment(term.value, now=now, zone=zone)
    except ValueError as error:
        return _refused(found, f"{term}: {error}")
    lookup = "inserted_at__gte" if term.name == "after" else "inserted_at__lt"
    return replace(found, condition=found.condition & Q(**{lookup: at}))


def _moment(text: str, *, now: datetime, zone: tzinfo) -> datetime:
    """Raises ValueError. A date is its midnight in the reader's zone."""
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    days_ago = {"today": 0, "yesterday": 1}.get(text)
    if days_ago is not None:
        return midnight - timedelta(days=days_ago)
    return durations.parse_moment(f"{text}T00:00:00" if len(text) == 10 else text, now=now, zone=zone)


def _refused(found: Search, why: str) -> Search:
    return replace(found, refusals=(*found.refusals, why))


def _word(text: str) -> Q:
    """A job's number, or a part of its name or URL."""
    by_text = Q(name__icontains=text) | Q(url__icontains=text)
    return Q(id=int(text)) | by_text if text.isdecimal() and int(text) <= _HIGHEST else by_text


def _schedule(text: str) -> Q | None:
    try:
        return Q(schedule_id=UUID(text))
    except ValueError:
        return None


def _host(text: str) -> Q:
    name = text.lower()
    starts = (f"{scheme}://{name}{end}" for scheme in ("https", "http") for end in ("/", ":", "?"))
    found = Q(url__in=[f"https://{name}", f"http://{name}"])
    for start in starts:
        found |= Q(url__startswith=start)
    return found


_CONDITIONS: Mapping[str, Callable[[str], Q | None]] = {
    "host": _host,
    "queue": lambda text: Q(queue__name=text),
    "schedule": _schedule,
    "error": lambda text: Q(error_code=text),
    "name": lambda text: Q(name=text),
    "tag": lambda text: tags.having(text.split(",")),
    "url": lambda text: Q(url=text),
    "method": lambda text: Q(method=text.lower()),
}
