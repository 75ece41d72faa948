"""The only judge of when something runs next: once, at an interval, or by cron."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from math import ceil, floor
from zoneinfo import ZoneInfo, available_timezones

from booper.timing import cron, cron_words, durations, suggestions
from booper.timing.durations import Duration, InvalidDuration

_MICROSECOND = timedelta(microseconds=1)
_MINUTE = timedelta(minutes=1)


# What no zone is called, and many mean: none of them says when its clocks change.
_ABBREVIATIONS = {
    "Z": "UTC",
    **dict.fromkeys(("PST", "PDT", "PT"), "America/Los_Angeles"),
    **dict.fromkeys(("MDT", "MT"), "America/Denver"),
    **dict.fromkeys(("CST", "CDT", "CT"), "America/Chicago"),
    **dict.fromkeys(("EDT", "ET"), "America/New_York"),
    **dict.fromkeys(("AKST", "AKDT"), "America/Anchorage"),
    **dict.fromkeys(("AST", "ADT"), "America/Halifax"),
    "BRT": "America/Sao_Paulo",
    "BST": "Europe/London",
    "WEST": "Europe/Lisbon",
    "CEST": "Europe/Berlin",
    "EEST": "Europe/Athens",
    "MSK": "Europe/Moscow",
    "SAST": "Africa/Johannesburg",
    "IST": "Asia/Kolkata",
    "SGT": "Asia/Singapore",
    "HKT": "Asia/Hong_Kong",
    "JST": "Asia/Tokyo",
    "KST": "Asia/Seoul",
    **dict.fromkeys(("AEST", "AEDT"), "Australia/Sydney"),
    "AWST": "Australia/Perth",
    **dict.fromkeys(("NZST", "NZDT"), "Pacific/Auckland"),
}


class InvalidZone(ValueError):
    """The text is not the name of a time zone; the message names it and the remedy, and is fit for a client to read."""


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


def zone_named(name: object) -> tzinfo:
    """The time zone of an IANA name such as "Europe/London"; raises InvalidZone with the nearest known name."""
    if not isinstance(name, str) or name not in _zone_names():
        nearest = _ABBREVIATIONS.get(name.upper()) or _nearest_zone(name) if isinstance(name, str) else None
        hint = f'did you mean "{nearest}"?' if nearest else 'use an IANA name such as "Europe/London"'
        raise InvalidZone(f"{durations.shown(name)} is not a known time zone: {hint}")
    return UTC if name == "UTC" else ZoneInfo(name)


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
    if isinstance(rule, Once):
        return first
    return _latest_step(rule, until=until) if isinstance(rule, Every) else _latest_match(rule, first=first, until=until)


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
    at: datetime | None = _utc(since, name="since") - _MICROSECOND
    until = _utc(until, name="until")
    while at is not None and (at := _next_on_grid(rule, after=at)) is not None and at <= until:
        yield at


def _next_on_grid(rule: Every | CronRule, *, after: datetime) -> datetime | None:
    if isinstance(rule, CronRule) or after >= rule.anchor:
        return _next(rule, after=after)
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


def _latest_step(rule: Every, *, until: datetime) -> datetime:
    return _step_at(rule, _first_step_after(rule, after=until) - 1)


def _latest_match(rule: CronRule, *, first: datetime, until: datetime) -> datetime:
    """The last match up to `until`, `first` being one: by bisection, as matches can only be sought forwards."""
    latest, ceiling = first, until
    while (following := _next(rule, after=latest)) is not None and following <= until:
        latest = following
        middle = latest + (ceiling - latest) / 2
        found = _next(rule, after=middle)
        if found is not None and found <= until:
            latest = found
        else:
            ceiling = middle
    return latest


def _note(rule: Rule, *, since: datetime, at: datetime, zone: tzinfo) -> str | None:
    local = at.astimezone(zone)
    if isinstance(rule, CronRule):
        for expression in _matching(rule, since=since, at=at):
            note = _skipped_note(expression, zone, since=since, local=local) or _repeated_note(expression, zone, local)
            if note:
                return note
    offset_before, offset = (_offset_of(moment.astimezone(zone)) for moment in (since, at))
    return None if offset_before == offset else f"the UTC offset changes here: {offset_before} -> {offset}"


def _matching(rule: CronRule, *, since: datetime, at: datetime) -> Iterator[cron.Cron]:
    """Those of its expressions that run at `at`, the first run after `since`."""
    for expression in rule.expressions:
        if cron.next_match(expression, after=since, zone=rule.zone) == at:
            yield expression


def _skipped_note(expression: cron.Cron, zone: tzinfo, *, since: datetime, local: datetime) -> str | None:
    """What the expression names between two runs in wall time and clocks there never show."""
    until = local.replace(tzinfo=None, fold=0)
    wall: datetime | None = since.astimezone(zone).replace(tzinfo=None, fold=0, second=0, microsecond=0) + _MINUTE
    missing: list[datetime] = []
    while wall is not None and (wall := cron.next_wall(expression, wall=wall)) is not None and wall < until:
        if not durations.instants_of(wall, zone=zone):
            missing.append(wall)
        wall += _MINUTE
    if not missing:
        return None
    times = f"{missing[0]:%H:%M}" + (f" to {missing[-1]:%H:%M}" if len(missing) > 1 else "")
    verb = "does not exist" if len(missing) == 1 else "do not exist"
    outcome = "passed over" if expression.is_wildcard else f"runs at {local:%H:%M}"
    return f"{times} {verb} on {missing[0]:%Y-%m-%d} in {zone}; {outcome}"


def _repeated_note(expression: cron.Cron, zone: tzinfo, local: datetime) -> str | None:
    if len(durations.instants_of(local.replace(tzinfo=None, fold=0), zone=zone)) < 2:
        return None
    outcome = "runs once" if not expression.is_wildcard else ("this is the second" if local.fold else "runs twice")
    return f"the clock goes back: {local:%H:%M} comes twice on {local:%Y-%m-%d} in {zone}, {outcome}"


def _offset_of(local: datetime) -> str:
    text = f"{local:%z}"
    return f"{text[:3]}:{text[3:5]}"


def _utc(moment: datetime, *, name: str) -> datetime:
    # Two datetimes that share a zone are compared by wall time, which is wrong where the clock goes back.
    if moment.tzinfo is None:
        raise ValueError(f"{name}={moment!r} has no time zone: pass an aware datetime")
    return moment.astimezone(UTC)


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    # These two mean something else on every machine, or nothing.
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _nearest_zone(name: str) -> str | None:
    by_lower_case = _zones_by_lower_case()
    nearest = suggestions.nearest(name[:64].lower(), by_lower_case)
    return None if nearest is None else by_lower_case[nearest]


@lru_cache(maxsize=1)
def _zones_by_lower_case() -> dict[str, str]:
    return {zone.lower(): zone for zone in sorted(_zone_names())}
