"""The time zones there are, by their IANA names; what is none of them is refused with the nearest one."""

from datetime import UTC, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from booper.timing import durations, suggestions

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


def zone_named(name: object) -> tzinfo:
    """The time zone of an IANA name such as "Europe/London"; raises InvalidZone with the nearest known name."""
    if not isinstance(name, str) or name not in _zone_names():
        nearest = _ABBREVIATIONS.get(name.upper()) or _nearest_zone(name) if isinstance(name, str) else None
        hint = f'did you mean "{nearest}"?' if nearest else 'use an IANA name such as "Europe/London"'
        raise InvalidZone(f"{durations.shown(name)} is not a known time zone: {hint}")
    return UTC if name == "UTC" else ZoneInfo(name)


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
