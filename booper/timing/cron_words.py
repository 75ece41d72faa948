"""Says a cron expression in words, such as "at 09:00 on weekdays"."""

from collections.abc import Sequence

from booper.timing.cron import DAY_NAMES, MONTH_NAMES, Cron, parse, runs
from booper.timing.day_signs import DaySign


def describe(cron: Cron | str, *, zone_name: str = "UTC") -> str:
    """The expression in words, such as "at 09:00 on weekdays, Europe/London"."""
    rule = parse(cron) if isinstance(cron, str) else cron
    dates = _dates_in_words(rule)
    if not dates and _has_few_times(rule):
        dates = "every day"
    return f"{_times_in_words(rule)} {dates}".rstrip() + f", {zone_name}"


def describe_all(crons: Sequence[Cron], *, zone_name: str = "UTC") -> str:
    """Several in words, such as "at 09:00 on weekdays; at 12:00 on Sunday, Europe/London"."""
    ending = f", {zone_name}"
    return "; ".join(describe(each, zone_name=zone_name).removesuffix(ending) for each in crons) + ending


def _times_in_words(cron: Cron) -> str:
    minutes, hours = cron.minutes, cron.hours
    every_minutes = _step(minutes, size=60)
    if every_minutes:
        often = "every minute" if every_minutes == 1 else f"every {every_minutes} minutes"
        return f"{often}{_hours_in_words(hours)}"
    if _has_few_times(cron):
        return "at " + _listed([f"{hour:02}:{minute:02}" for hour in hours for minute in minutes])
    past = f"at {_listed([str(minute) for minute in minutes])} minutes past "
    every_hours = _step(hours, size=24)
    if every_hours == 1:
        return "every hour" if minutes == (0,) else f"{past}every hour"
    if every_hours:
        return f"every {every_hours} hours" if minutes == (0,) else f"{past}every {_ordinal(every_hours)} hour"
    if minutes == (0,) and len(runs(hours)) == 1:
        return f"every hour from {hours[0]:02}:00 to {hours[-1]:02}:00"
    return f"{past}the hour{_hours_in_words(hours)}"


def _has_few_times(cron: Cron) -> bool:
    """Whether its times of day are so few that words can name them one by one."""
    return _step(cron.minutes, size=60) is None and len(cron.hours) * len(cron.minutes) <= 6


def _hours_in_words(hours: Sequence[int]) -> str:
    every_hours = _step(hours, size=24)
    if every_hours:
        return "" if every_hours == 1 else f" of every {_ordinal(every_hours)} hour"
    return " from " + _listed([f"{first:02}:00 to {last:02}:59" for first, last in runs(hours)])


def _dates_in_words(cron: Cron) -> str:
    any_day, any_weekday = len(cron.days) == 31, len(cron.weekdays) == 7
    days = _days_in_words(cron)
    weekdays_and, weekdays_or = (_weekdays_in_words(cron, joiner=joiner) for joiner in ("and", "or"))
    is_every_day = (any_day or any_weekday) if cron.runs_either_day else (any_day and any_weekday)
    months = _listed([MONTH_NAMES[month - 1] for month in sorted(cron.months)]) if len(cron.months) < 12 else ""
    if is_every_day:
        return f"every day in {months}" if months else ""
    if any_weekday:
        return f"{days} of {months or 'the month'}"
    if any_day:
        dates = f"on {weekdays_and}"
    elif cron.runs_either_day:
        dates = f"{days} of the month and on {weekdays_and}"
    else:
        dates = f"{days} of the month if it falls on {weekdays_or}"
    return f"{dates} in {months}" if months else dates


def _days_in_words(cron: Cron) -> str:
    ordered = sorted(cron.days)
    step = ordered[1] - ordered[0] if len(ordered) > 2 else 1
    if step > 1 and not cron.day_signs and ordered == list(range(ordered[0], 32, step)):
        return f"on every {_ordinal(step)} day from the {_ordinal(ordered[0])}"
    spans = [f"{_ordinal(low)} to {_ordinal(high)}" if high > low else _ordinal(low) for low, high in runs(ordered)]
    return f"on the {_listed([*spans, *map(_sign_in_words, cron.day_signs)])}"


def _weekdays_in_words(cron: Cron, *, joiner: str) -> str:
    weekdays = cron.weekdays
    if cron.weekday_signs:
        days = [DAY_NAMES[day] for day in sorted(weekdays, key=lambda day: (day - 1) % 7)]
        signs = [f"the {_sign_in_words(sign)} of the month" for sign in cron.weekday_signs]
        return _listed([*days, *signs], joiner=joiner)
    if weekdays == {1, 2, 3, 4, 5}:
        return "weekdays" if joiner == "and" else "a weekday"
    if weekdays == {0, 6}:
        return "weekends" if joiner == "and" else "a weekend"
    monday_first = sorted(weekdays, key=lambda day: (day - 1) % 7)
    return _listed([DAY_NAMES[day] for day in monday_first], joiner=joiner)


def _sign_in_words(sign: DaySign) -> str:
    if sign.kind == "near":
        return f"workday nearest to the {_ordinal(sign.day)}"
    if sign.kind in ("last_of", "nth"):
        which = "last" if sign.kind == "last_of" else _ordinal(sign.nth)
        return f"{which} {DAY_NAMES[sign.day]}"
    return "last day" if sign.kind == "last" else "last workday"


def _step(values: Sequence[int], *, size: int) -> int | None:
    """The n of "every n" where `values` are all multiples of an n that divides `size`, else None."""
    step = size // len(values)
    return step if len(values) > 1 and tuple(values) == tuple(range(0, size, step)) and size % step == 0 else None


def _ordinal(number: int) -> str:
    suffix = "th" if number in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def _listed(words: Sequence[str], *, joiner: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joiner} {words[-1]}"
