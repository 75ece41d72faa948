"""What makes a job a recurring one: how often it runs, from when to when, how many times, and so when it runs first."""

from datetime import datetime, tzinfo
from functools import partial

from booper.timing import cron, durations, recurrence
from booper.timing.timestamps import timestamp
from jobs.intake import calendar, timing
from jobs.intake.fields import Input
from jobs.models import CatchUp, Overlap
from jobs.specs import RecurrenceSpec

FREQUENCIES = ("repeat_every", "cron")
BOUNDS = ("starts_at", "ends_at", "max_runs")
FIELDS = (
    *FREQUENCIES,
    *BOUNDS,
    "overlap",
    "catch_up",
    "include_metadata",
    "disable_after",
    "jitter",
    "skip_on",
    "only_on",
)

_OF_REPEATS_ALONE = {
    "starts_at": "use scheduled_at for a single run",
    "ends_at": "leave it out for a single run",
    "max_runs": "leave it out for a single run",
    "overlap": "leave it out for a single run",
    "catch_up": "leave it out for a single run",
    "disable_after": "leave it out for a single run",
    "jitter": "leave it out for a single run",
    "skip_on": "leave it out for a single run",
    "only_on": "leave it out for a single run",
}
_MOST_RUNS = 2**31 - 1
MOST_DISCARDED = 100
MOST_EXPRESSIONS = 20


def is_recurring(given: Input) -> bool:
    return any(given.has(name) for name in FREQUENCIES)


def plan(
    given: Input, *, asked_at: datetime | None, zone: tzinfo, now: datetime, anchor: datetime | None = None
) -> RecurrenceSpec | None:
    """How often and when; None for a one-off job, or if it can't be said as something is refused.

    `asked_at` is the first run that the client asks for; `anchor` the one that a schedule had, for its changes: without
    an `asked_at` it stays.
    """
    include_metadata = given.switch("include_metadata")
    if not is_recurring(given):
        _refuse_those_of_repeats(given)
        return None
    rule = _rule(given, anchor=anchor or now, zone=zone)
    starts_at, ends_at = _span(given, zone=zone, now=now)
    max_runs = given.whole_number("max_runs", lowest=1, highest=_MOST_RUNS)
    overlap = given.choice("overlap", allowed=Overlap.values)
    catch_up = given.choice("catch_up", allowed=CatchUp.values)
    disable_after = given.whole_number("disable_after", lowest=1, highest=MOST_DISCARDED)
    jitter_seconds = _jitter_seconds(given, rule)
    skip_on, only_on = calendar.names(given, "skip_on"), calendar.names(given, "only_on")
    if rule is None:
        return None
    first_run_at = anchor
    if anchor is None or asked_at is not None:
        first_run_at = _first_run(given, rule, asked_at=asked_at, starts_at=starts_at, ends_at=ends_at, now=now)
    return RecurrenceSpec(
        frequency=_frequency(given, rule),
        timezone=given.value("timezone") or "UTC",
        first_run_at=first_run_at or now,
        starts_at=starts_at,
        ends_at=ends_at,
        max_runs=max_runs,
        overlap=overlap or Overlap.ALLOW.value,
        catch_up=catch_up or CatchUp.LATEST.value,
        include_metadata=include_metadata,
        disable_after=disable_after,
        jitter_seconds=jitter_seconds,
        skip_on=skip_on,
        only_on=only_on,
    )


def _refuse_those_of_repeats(given: Input) -> None:
    for name, remedy in _OF_REPEATS_ALONE.items():
        if given.has(name):
            given.refuse(name, detail=f"it is for recurring jobs: add cron or repeat_every, or {remedy}")


def _rule(given: Input, *, anchor: datetime, zone: tzinfo) -> recurrence.CronRule | recurrence.Every | None:
    if given.has("cron") and given.has("repeat_every"):
        given.refuse("repeat_every", detail="cron says how often already: give one or the other")
    expressions = _expressions(given)
    interval = None
    if given.has("repeat_every"):
        interval = timing.duration(given, "repeat_every", value=given.value("repeat_every"))
    if expressions:
        return recurrence.CronRule(expressions[0], zone, tuple(expressions[1:]))
    if interval is None:
        return None
    return given.read_at("repeat_every", value=interval, parse=partial(recurrence.Every, anchor=anchor, zone=zone))


def _expressions(given: Input) -> list[cron.Cron]:
    """One, or a list of them; empty if there is none, or one is refused."""
    value = given.value("cron")
    if not isinstance(value, list):
        found = given.read("cron", cron.parse)
        return [] if found is None else [found]
    if not 1 <= len(value) <= MOST_EXPRESSIONS:
        given.refuse("cron", detail=f"it has {len(value)} expressions: write 1 to {MOST_EXPRESSIONS} in a list")
        return []
    read = [given.read_at("cron", position, value=item, parse=cron.parse) for position, item in enumerate(value)]
    expressions = [item for item in read if item is not None]
    return expressions if len(expressions) == len(read) else []


def _jitter_seconds(given: Input, rule: recurrence.CronRule | recurrence.Every | None) -> float | None:
    """How much later a run may be, below the time between two of them."""
    if not given.has("jitter"):
        return None
    found = timing.duration(given, "jitter", value=given.value("jitter"))
    if found is None or rule is None:
        return None
    gap = recurrence.shortest_gap_seconds(rule)
    if found.nominal_seconds >= gap:
        given.refuse("jitter", detail=f"{found} is not less than the {gap:g} seconds between two runs: choose less")
    return float(found.nominal_seconds) or None


def _frequency(given: Input, rule: recurrence.CronRule | recurrence.Every) -> dict[str, object]:
    if isinstance(rule, recurrence.CronRule):
        return {"cron": given.value("cron")}
    return {"repeat_every": rule.interval.as_json()}


def _span(given: Input, *, zone: tzinfo, now: datetime) -> tuple[datetime | None, datetime | None]:
    """`starts_at` and `ends_at`."""
    parse = partial(durations.parse_moment, now=now, zone=zone)
    starts_at, ends_at = given.read("starts_at", parse), given.read("ends_at", parse)
    if starts_at is not None and ends_at is not None and starts_at >= ends_at:
        given.refuse("ends_at", detail="it is not after starts_at: choose a later time")
        return starts_at, None
    return starts_at, ends_at


def _first_run(
    given: Input,
    rule: recurrence.CronRule | recurrence.Every,
    *,
    asked_at: datetime | None,
    starts_at: datetime | None,
    ends_at: datetime | None,
    now: datetime,
) -> datetime | None:
    unbounded = recurrence.first_run(rule, now=now, asked_at=asked_at, starts_at=starts_at)
    if unbounded is not None and ends_at is not None and unbounded > ends_at:
        given.refuse("ends_at", detail=f"no run is left: the first would be {timestamp(unbounded)}, choose a later end")
    return unbounded
