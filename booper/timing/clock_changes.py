"""What daylight saving does to the times of cron expressions, in words."""

from datetime import datetime, timedelta, tzinfo

from booper.timing import cron, durations

_MINUTE = timedelta(minutes=1)


def of_skipped(expression: cron.Cron, zone: tzinfo, *, since: datetime, local: datetime) -> str | None:
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


def of_repeated(expression: cron.Cron, zone: tzinfo, local: datetime) -> str | None:
    if len(durations.instants_of(local.replace(tzinfo=None, fold=0), zone=zone)) < 2:
        return None
    outcome = "runs once" if not expression.is_wildcard else ("this is the second" if local.fold else "runs twice")
    return f"the clock goes back: {local:%H:%M} comes twice on {local:%Y-%m-%d} in {zone}, {outcome}"


def offset_of(local: datetime) -> str:
    text = f"{local:%z}"
    return f"{text[:3]}:{text[3:5]}"
