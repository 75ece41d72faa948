"""The public holidays of countries and their subdivisions, by the library `holidays`."""

from datetime import date

import holidays

from booper.calendars.ics import InvalidCalendar
from booper.timing import suggestions

_COUNTRIES = holidays.list_supported_countries()


def days(country: str, subdivision: str | None, *, since: date, until: date) -> list[date]:
    """The days from `since` to before `until`. `country` is as in ISO 3166, GB. Raises InvalidCalendar."""
    require_country(country)
    if subdivision is not None and subdivision not in _COUNTRIES[country]:
        known = ", ".join(_COUNTRIES[country][:60])
        remedy = f"it has {known}" if known else "it has none, leave subdivision out"
        raise InvalidCalendar(f"{subdivision[:40]!r} is no subdivision of {country} that is known: {remedy}")
    years = range(since.year, until.year + 1)
    found = holidays.country_holidays(country, subdiv=subdivision, years=years)
    return sorted(day for day in found if since <= day < until)


def is_country(country: str) -> bool:
    return country in _COUNTRIES


def require_country(country: str) -> None:
    """Raises InvalidCalendar."""
    if not is_country(country):
        nearest = suggestions.nearest(country[:40].upper(), _COUNTRIES)
        hint = f"did you mean {nearest}?" if nearest else "use a code of ISO 3166 such as GB"
        raise InvalidCalendar(f"{country[:40]!r} is no country that is known: {hint}")
