"""The only judge of when something runs next: once, at an interval, or by cron."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from math import ceil, floor

from booper.timing import clock_changes, cron, cron_words
from booper.timing.days import DayChoice
from booper.timing.durations import Duration, InvalidDuration
from booper.timing.zones import InvalidZone, zone_named

_MICROSECOND = timedelta(microseconds=1)
# How often it is looked further when the day of a run is left out: a grid that meets so many such days never runs.
_MOST_JUMPS = 1000

__all__ = ["InvalidZone", "zone_named"]  # what belongs to rules, and stands in a file of its own


@dataclass(frozen=True, slots=True)
class Once:
    """Runs at one moment, aware."""

    at: datetime

    def __post_init__(self) -> None:
        _utc(self.at, name="at")


@dataclass(frozen=True, slots=True)
class Every:
    """Runs at `anchor` (aware) and every `interval` from it: run n is n intervals after the anchor, so nothing drifts.

    `zone` is whose calendar months and years go by. Raises InvalidDuration for an interval of less than a second.
    """

    interval: Duration
    anchor: datetime
    zone: tzinfo = UTC
    # On which days in `zone` it may run: on all, if None.
    days: DayChoice | None = None

    def __post_init__(self) -> None:
        _utc(self.anchor, name="anchor")
        if self.interval.shortest_seconds < 1:
            raise InvalidDuration(f"an interval of {self.interval} is too short: use 1 second or more")

    def anchored(self, at: datetime) -> "Every":
        """The same interval, its grid moved to begin `at`."""
        return replace(self, anchor=at)


@dataclass(frozen=True, slots=True)
class CronRule:
    """Runs when clocks in `zone` match one of the expressions; `booper.timing.cron` says what daylight saving does."""

    expression: cron.Cron
    zone: tzinfo = UTC
    more: tuple[cron.Cron, ...] = ()
    days: DayChoice | None = None

    @property
    def expressions(self) -> tuple[cron.Cron, ...]:
        return (self.expression, *self.more)


Rule = Once | Every | CronRule


@dataclass(frozen=True, slots=True)
class Run:
    """One run to come: `at` in UTC, `local` in the rule's zone, and what daylight saving does to it, if anything."""

    at: datetime
    local: datetime
    note: str | None


def by_cron(expression: str | Sequence[str], *, zone: str = "UTC") -> CronRule:
    """The rule for a cron expression, or several, and an IANA zone name; raises InvalidCron and InvalidZone."""
    first, *more = [expression] if isinstance(expression, str) else expression
    return CronRule(cron.parse(first), zone_named(zone), tuple(map(cron.parse, more)))


def shortest_gap_seconds(rule: Every | CronRule) -> float:
    """How far apart two runs are at least; of cron, among its next thousand on clocks that never change."""
    if isinstance(rule, Every):
        return float(rule.interval.shortest_seconds)
    return _shortest_cron_gap(rule.expressions)


@lru_cache(maxsize=1024)
def _shortest_cron_gap(expressions: tuple[cron.Cron, ...]) -> float:
    rule = CronRule(expressions[0], UTC, expressions[1:])
    times = [run.at for run in upcoming(rule, after=_GAPS_FROM, count=_GAPS)]
    return min((later - at).total_seconds() for at, later in pairwise(times))


_GAPS_FROM = datetime(2024, 1, 1, tzinfo=UTC)
_GAPS = 1000


def next_run(
    rule: Rule, *, after: datetime, starts_at: datetime | None = None, ends_at: datetime | None = None
) -> datetime | None:
    """The first run strictly after `after`, in UTC, with `starts_at <= run <= ends_at`; None if there is none.

    Every moment is aware. Enabling a schedule again is `after=now`: what was missed meanwhile stays missed.
    """
    at = _next(rule, after=_later(after, starts_at))
    return None if at is None or (ends_at is not None and at > ends_at) else at


def first_run(
    rule: Rule,
    *,
    now: datetime,
    asked_at: datetime | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> datetime | None:
    """When a job made `now` runs for the first time, in UTC; None if its bounds leave no run.

    `asked_at` is the client's `schedule_in` or `scheduled_at`: it decides, on the grid or not, and the past means now.
    Without it a cron rule waits for its next match, an interval starts at its anchor, and neither before `starts_at`.
    An interval's grid then hangs on the answer: keep `rule.anchored(first)`.
    """
    if isinstance(rule, CronRule) and asked_at is None:
        return next_run(rule, after=now, starts_at=starts_at, ends_at=ends_at)
    if asked_at is None:
        asked_at = rule.at if isinstance(rule, Once) else rule.anchor if isinstance(rule, Every) else now
    at = max(_utc(asked_at, name="asked_at"), _utc(now, name="now"), _utc(starts_at or now, name="starts_at"))
    return None if ends_at is not None and at > ends_at else at


def at_or_after(rule: Every | CronRule, moment: datetime, *, ends_at: datetime | None = None) -> datetime | None:
    """`moment`, on the grid or not, if a run may be on its day; else the next run after it."""
    at = _utc(moment, name="moment")
    if why_not(rule, at) is not None:
        return next_run(rule, after=at, ends_at=ends_at)
    return None if ends_at is not None and at > ends_at else at


def why_not(rule: Rule, at: datetime) -> str | None:
    """Why nothing runs on the day that clocks in the rule's zone show `at`, in words; None if a run may be there."""
    if isinstance(rule, Once) or rule.days is None:
        return None
    return rule.days.why_not(at.astimezone(rule.zone).date())


def left_out(rule: Rule, *, after: datetime, until: datetime, count: int) -> Iterator[Run]:
    """The first `count` times of the grid between `after` and `until` that are left out for their days, with why."""
    if isinstance(rule, Once) or rule.days is None:
        return
    at: datetime | None = _utc(after, name="after")
    for _ in range(_MOST_JUMPS):
        at = None if at is None else _next_on_any_day(rule, after=at)
        if at is None or at >= until or not count:
            return
        if why := why_not(rule, at):
            count -= 1
            yield Run(at=at, local=at.astimezone(rule.zone), note=why)
        else:
            # On to the day after, as all of this one is allowed.
            at = max(at, _start(at.astimezone(rule.zone).date() + timedelta(days=1), zone=rule.zone) - _MICROSECOND)


def left_out_before(rule: Rule, at: datetime) -> Run | None:
    """The first time of the grid that is left out between the allowed day before `at`, a run, and that."""
    if isinstance(rule, Once) or rule.days is None:
        return None
    day = at.astimezone(rule.zone).date()
    before = rule.days.at_or_before(day - timedelta(days=1)) or day - timedelta(days=366)
    since = _start(before + timedelta(days=1), zone=rule.zone) - _MICROSECOND
    return next(left_out(rule, after=since, until=at, count=1), None)


def latest_missed(
    rule: Rule,
    *,
    after: datetime,
    now: datetime,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> datetime | None:
    """The latest run after `after`, up to and including `now`, within the bounds; None if none was due.

    For catching up after an outage, in microseconds for an interval however many runs it missed.
    """
    first = next_run(rule, after=after, starts_at=starts_at, ends_at=ends_at)
    until = min(_utc(now, name="now"), _utc(ends_at or now, name="ends_at"))
    if first is None or first > until:
        return None
    return first if isinstance(rule, Once) else _latest_allowed(rule, first=first, until=until)


def upcoming(
    rule: Rule,
    *,
    after: datetime,
    count: int,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> Iterator[Run]:
    """The next `count` runs after `after`, or fewer if they end, each with a note where daylight saving touches it."""
    zone = UTC if isinstance(rule, Once) else rule.zone
    since = _later(after, starts_at)
    for _ in range(count):
        at = next_run(rule, after=since, ends_at=ends_at)
        if at is None:
            return
        yield Run(at=at, local=at.astimezone(zone), note=_note(rule, since=since, at=at, zone=zone))
        since = at


def grid(rule: Every | CronRule, *, since: datetime, until: datetime) -> Iterator[datetime]:
    """The times from `since` to `until`, both included, in UTC; an interval's reach back before its anchor too."""
    after: datetime | None = _utc(since, name="since") - _MICROSECOND
    until = _utc(until, name="until")
    while after is not None and (at := _next_on_grid(rule, after=after)) is not None and at <= until:
        after = at
        if why_not(rule, at) is None:
            yield at
        else:
            after = _before_allowed_day(rule, at)


def _next_on_grid(rule: Every | CronRule, *, after: datetime) -> datetime | None:
    if isinstance(rule, CronRule) or after >= rule.anchor:
        return _next_on_any_day(rule, after=after)
    step = _calendar_step_before_anchor(rule, after=after) if rule.interval.is_calendar else _step_after(rule, after)
    return _step_at(rule, step)


def _calendar_step_before_anchor(rule: Every, *, after: datetime) -> int:
    """The least n, zero or less, whose run is after `after`."""
    step = floor(_months_between(rule, after=after) / rule.interval.months) - 2
    while _step_at(rule, step) <= after:
        step += 1
    return step


def describe(rule: Rule) -> str:
    """The rule in words: "once", "every 5 minutes", "at 09:00 on weekdays, Europe/London"."""
    if isinstance(rule, Once):
        return "once"
    if isinstance(rule, Every):
        return f"every {str(rule.interval).removeprefix('1 ')}"
    return cron_words.describe_all(rule.expressions, zone_name=str(rule.zone))


def _next(rule: Rule, *, after: datetime) -> datetime | None:
    at = _next_on_any_day(rule, after=after)
    if isinstance(rule, Once) or rule.days is None:
        return at
    for _ in range(_MOST_JUMPS):
        if at is None or why_not(rule, at) is None:
            return at
        before = _before_allowed_day(rule, at)
        at = None if before is None else _next_on_any_day(rule, after=before)
    return None


def _before_allowed_day(rule: Every | CronRule, at: datetime) -> datetime | None:
    """The last moment before the first allowed day after that of `at`; None if there is none."""
    assert rule.days is not None
    day = rule.days.at_or_after(at.astimezone(rule.zone).date())
    # Never back: a day may begin late where clocks are moved at midnight.
    return None if day is None else max(at, _start(day, zone=rule.zone) - _MICROSECOND)


def _start(day: date, *, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _next_on_any_day(rule: Rule, *, after: datetime) -> datetime | None:
    if isinstance(rule, Once):
        at = _utc(rule.at, name="at")
        return at if at > after else None
    if isinstance(rule, CronRule):
        found = [cron.next_match(each, after=after, zone=rule.zone) for each in rule.expressions]
        return min((at for at in found if at is not None), default=None)
    try:
        return _step_at(rule, _first_step_after(rule, after=after))
    except (InvalidDuration, OverflowError):  # beyond the year 9999
        return None


def _later(after: datetime, starts_at: datetime | None) -> datetime:
    """The moment after which a run may lie: `after`, or just before `starts_at`."""
    moment = _utc(after, name="after")
    if starts_at is None or _utc(starts_at, name="starts_at") <= moment:
        return moment
    return _utc(starts_at, name="starts_at") - _MICROSECOND


def _step_at(rule: Every, step: int) -> datetime:
    return rule.interval.after(rule.anchor, zone=rule.zone, times=step)


def _first_step_after(rule: Every, *, after: datetime) -> int:
    """The least n whose run, n intervals after the anchor, is after `after`."""
    if after < rule.anchor:
        return 0
    if rule.interval.is_calendar:
        return _first_calendar_step_after(rule, after=after)
    return _step_after(rule, after)


def _step_after(rule: Every, after: datetime) -> int:
    # Run n falls on floor(n * length) microseconds, which is past `elapsed` once n * length reaches elapsed + 1.
    elapsed = (after - rule.anchor) // _MICROSECOND
    return ceil((elapsed + 1) / rule.interval.microseconds)


def _months_between(rule: Every, *, after: datetime) -> int:
    anchor, local = rule.anchor.astimezone(rule.zone), after.astimezone(rule.zone)
    return (local.year - anchor.year) * 12 + local.month - anchor.month


def _first_calendar_step_after(rule: Every, *, after: datetime) -> int:
    elapsed_months = _months_between(rule, after=after)
    low = max(0, floor((elapsed_months - 2) / rule.interval.months))
    high = ceil((elapsed_months + 2) / rule.interval.months)
    while low < high:
        middle = (low + high) // 2
        if _step_at(rule, middle) > after:
            high = middle
        else:
            low = middle + 1
    return low


def _latest_allowed(rule: Every | CronRule, *, first: datetime, until: datetime) -> datetime:
    """The last run up to `until`, `first` being one."""
    for _ in range(_MOST_JUMPS):
        at = _latest_on_any_day(rule, first=first, until=until)
        if rule.days is None or why_not(rule, at) is None:
            return at
        day = rule.days.at_or_before(at.astimezone(rule.zone).date())
        until = first if day is None else _start(day + timedelta(days=1), zone=rule.zone) - _MICROSECOND
        if until <= first:
            break
    return first


def _latest_on_any_day(rule: Every | CronRule, *, first: datetime, until: datetime) -> datetime:
    return _latest_step(rule, until=until) if isinstance(rule, Every) else _latest_match(rule, first=first, until=until)


def _latest_step(rule: Every, *, until: datetime) -> datetime:
    return _step_at(rule, _first_step_after(rule, after=until) - 1)


def _latest_match(rule: CronRule, *, first: datetime, until: datetime) -> datetime:
    """The last match up to `until`, `first` being one: by bisection, as matches can only be sought forwards."""
    latest, ceiling = first, until
    while (following := _next_on_any_day(rule, after=latest)) is not None and following <= until:
        latest = following
        middle = latest + (ceiling - latest) / 2
        found = _next_on_any_day(rule, after=middle)
        if found is not None and found <= until:
            latest = found
        else:
            ceiling = middle
    return latest


def _note(rule: Rule, *, since: datetime, at: datetime, zone: tzinfo) -> str | None:
    local = at.astimezone(zone)
    if isinstance(rule, CronRule):
        # What is left out for its days may be years of it.
        near = since if rule.days is None else max(since, _start(local.date(), zone=zone) - _MICROSECOND)
        for expression in _matching(rule, since=near, at=at):
            note = clock_changes.of_skipped(expression, zone, since=near, local=local)
            if note := note or clock_changes.of_repeated(expression, zone, local):
                return note
    offset_before, offset = (clock_changes.offset_of(moment.astimezone(zone)) for moment in (since, at))
    return None if offset_before == offset else f"the UTC offset changes here: {offset_before} -> {offset}"


def _matching(rule: CronRule, *, since: datetime, at: datetime) -> Iterator[cron.Cron]:
    """The cron expressions of it that run at `at`, the first run after `since`."""
    for expression in rule.expressions:
        if cron.next_match(expression, after=since, zone=rule.zone) == at:
            yield expression


def _utc(moment: datetime, *, name: str) -> datetime:
    # Two datetimes that share a zone are compared by wall time, which is wrong where the clock goes back.
    if moment.tzinfo is None:
        raise ValueError(f"{name}={moment!r} has no time zone: pass an aware datetime")
    return moment.astimezone(UTC)
