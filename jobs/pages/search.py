"""The one search line of /jobs: `state:discarded host:api.example.com after:2026-11-01 invoice`, read and written."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from uuid import UUID

from django.db.models import Q

from booper.timing import durations
from jobs.intake import targets
from jobs.models import JobState, tags
from jobs.models.job import JobQuerySet

# A URL of the longest, and some more.
LONGEST = 4_000
# The parameters of GET /api/jobs, and what they are called in the line.
PARAMETERS = {
    "state": "state", "schedule_id": "schedule", "name": "name", "url": "url", "host": "host", "queue": "queue",
    "error": "error", "tag": "tag", "inserted_after": "after", "inserted_before": "before",
    "due_after": "due_after", "due_before": "due_before", "ended_after": "ended_after", "ended_before": "ended_before",
}  # fmt: skip
# In quotes a backslash stands before quotes and backslashes.
_TERM = re.compile(r'(?:(?P<name>[a-z_]+):)?(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>\S+))', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NEEDS_QUOTES = re.compile(r'[\s"\\]|^$')
_LOOKS_NAMED = re.compile(r"[a-z_]+:")
_MOMENTS: Mapping[str, tuple[str, ...]] = {
    "after": ("inserted_at__gte",),
    "before": ("inserted_at__lt",),
    "due_after": ("scheduled_at__gte",),
    "due_before": ("scheduled_at__lt",),
    "ended_after": ("completed_at__gte", "cancelled_at__gte", "discarded_at__gte"),
    "ended_before": ("completed_at__lt", "cancelled_at__lt", "discarded_at__lt"),
}
_HIGHEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Term:
    """`name` is empty for a word that stands alone."""

    name: str
    value: str

    def __str__(self) -> str:
        """The term as it is read again: a word in quotes that looks like another term keeps them."""
        needs_quotes = _NEEDS_QUOTES.search(self.value) or (not self.name and _LOOKS_NAMED.match(self.value))
        value = '"' + re.sub(r'(["\\])', r"\\\1", self.value) + '"' if needs_quotes else self.value
        return f"{self.name}:{value}" if self.name else value


@dataclass(frozen=True, slots=True)
class Search:
    """`refusals` say what of the line was not understood; what was counts all the same."""

    terms: tuple[Term, ...] = ()
    states: tuple[str, ...] = ()
    condition: Q = field(default_factory=Q)
    refusals: tuple[str, ...] = ()

    @property
    def is_of_states(self) -> bool:
        """Whether it asks for states alone, or for all: there is an index for each."""
        return all(term.name == "state" for term in self.terms)

    @property
    def of_schedule(self) -> Q:
        """What of it an index of a schedule's runs finds."""
        found = Q()
        for term in self.terms:
            found &= (_schedule(term.value) if term.name == "schedule" else None) or Q()
        return found

    def __str__(self) -> str:
        return " ".join(str(term) for term in self.terms)

    def in_state(self, state: str) -> str:
        """The line with `state` for whatever states it has; empty: in any."""
        others = [str(term) for term in self.terms if term.name != "state"]
        return " ".join([f"state:{state}", *others] if state else others)

    def of(self, jobs: JobQuerySet, *, now: datetime) -> JobQuerySet:
        """The rows of `jobs` that the search finds."""
        return (jobs.in_states(list(self.states), now) if self.states else jobs).filter(self.condition)

    def in_any_state(self) -> "Search":
        return replace(self, states=())


def from_parameters(given: Mapping[str, str]) -> str:
    """The line of `q`, and of the API's filters where a link has those."""
    others = [str(Term(name, given[parameter])) for parameter, name in PARAMETERS.items() if given.get(parameter)]
    return " ".join([*others, given.get("q", "")]).strip()


def read(line: str, *, now: datetime, zone: tzinfo) -> Search:
    terms = [Term(match["name"] or "", _value(match)) for match in _TERM.finditer(line[:LONGEST])]
    found = Search(terms=tuple(terms))
    if len(line) > LONGEST:
        found = _refused(found, f"the line has {len(line):,} characters: write at most {LONGEST:,}")
    for term in terms:
        found = _with(found, term, now=now, zone=zone)
    return found


def _value(match: re.Match[str]) -> str:
    return str(match["bare"]) if match["quoted"] is None else _ESCAPED.sub(r"\1", match["quoted"])


def _with(found: Search, term: Term, *, now: datetime, zone: tzinfo) -> Search:
    if term.name == "state":
        names = term.value.split(",")
        if set(names) <= set(JobState.values):
            return replace(found, states=(*found.states, *names))
        return _refused(found, f"{term} names no state: write some of {', '.join(JobState.values)}")
    if term.name in _MOMENTS:
        return _with_moment(found, term, now=now, zone=zone)
    if not term.name:
        return replace(found, condition=found.condition & _word(term.value))
    condition = _CONDITIONS.get(term.name)
    if condition is None:
        known = ", ".join(f"{name}:" for name in ("state", *_MOMENTS, *_CONDITIONS))
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
    within = Q()
    for lookup in _MOMENTS[term.name]:
        within |= Q(**{lookup: at})
    return replace(found, condition=found.condition & within)


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


_CONDITIONS: Mapping[str, Callable[[str], Q | None]] = {
    "host": targets.at_host,
    "queue": lambda text: Q(queue__name=text),
    "schedule": _schedule,
    "error": lambda text: Q(error_code=text),
    "name": lambda text: Q(name=text),
    "tag": lambda text: tags.having(text.split(",")) if all(text.split(",")) else None,
    "url": lambda text: Q(url=targets.as_stored(text)),
    "method": lambda text: Q(method=text.lower()),
}
