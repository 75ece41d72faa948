"""An alert as a file has it: what it would be refused for, and what there is of it in the words of the file."""

import json
from collections.abc import Mapping
from typing import Any

from jobs.intake import alert
from jobs.intake.alert import Owned
from jobs.models import Alert
from jobs.models.alert import DEFAULT_MUTE

FIELDS = ("when", "of", "to", "mute_for")
"""Those of an alert beside its name."""


def shown(row: Alert) -> dict[str, Any]:
    """What a file has to say to ask for just this; `mute_for` is left out where it is a day."""
    found = {name: getattr(row, name) for name in FIELDS if getattr(row, name) is not None}
    return {name: value for name, value in found.items() if (name, value) != ("mute_for", DEFAULT_MUTE)}


def there(row: Alert | None, item: Mapping[str, Any], *, name: str, owned: Owned) -> dict[str, Any] | None:
    """What there is, each part that is as the file asks for it as the file spells it: so that "1 hour" is an hour.

    Raises InvalidInput for what would be refused. What is there just as it is asked for is not judged again.
    """
    asked = {field: value for field, value in item.items() if value is not None}
    if row is not None and _text(asked) in (_text(shown(row)), _text(shown(row) | {"mute_for": DEFAULT_MUTE})):
        return asked
    wanted = alert.new({**item, "name": name}, owned=owned)
    if row is None:
        return None
    wanted_fields = {field: wanted[field] for field in FIELDS} | {"mute_for": wanted["mute_for"] or DEFAULT_MUTE}
    there_fields = {field: getattr(row, field) for field in FIELDS} | {"mute_for": row.mute_for or DEFAULT_MUTE}
    return _spelt(there_fields, wanted_fields, asked)


def _text(fields: Mapping[str, Any]) -> str:
    """The fields as text, as to Python true is 1."""
    return json.dumps(fields, sort_keys=True)


def _spelt(there: Mapping[str, Any], wanted: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """What is there. What of it means as much as is `wanted` stands as `asked` for, and is left out if it isn't."""
    found: dict[str, Any] = {}
    for name, value in there.items():
        other, spelling = wanted.get(name), asked.get(name)
        if value == other:
            found[name] = spelling
        elif isinstance(value, dict) and isinstance(other, dict) and isinstance(spelling, dict):
            found[name] = _spelt(value, other, spelling)
        else:
            found[name] = value
    return {name: value for name, value in found.items() if value is not None}
