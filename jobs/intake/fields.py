"""Fields as they came, read one at a time; what is wrong with them is collected, and refused all at once."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

from booper.targets.urls import InvalidTarget
from booper.timing import suggestions
from booper.timing.cron import InvalidCron
from booper.timing.durations import InvalidDuration, InvalidMoment, shown
from booper.timing.recurrence import InvalidZone
from jobs.intake.refusals import MOST_ERRORS, FieldError, InvalidInput, Unreadable, pointer

T = TypeVar("T")

# Of the modules that understand what clients write; their messages are fit for clients to read.
_REFUSALS = (InvalidCron, InvalidDuration, InvalidMoment, InvalidTarget, InvalidZone, Unreadable)
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
_LONGEST_NAME = 64


class Input:
    """The fields of one request. Each reading method answers None for a field that is absent, null or refused."""

    def __init__(
        self,
        fields: Mapping[str, Any],
        *,
        known: Collection[str],
        place: tuple[str | int, ...] = (),
        errors: list[FieldError] | None = None,
    ) -> None:
        """Refuses the fields that are not `known`, with the nearest one that is.

        `place` is where they stand in what was sent, and `errors` collects what is refused.
        """
        self.fields = fields
        self._place = place
        self._errors = [] if errors is None else errors
        self.refuse_unknown(fields, known=known)

    def refuse_unknown(self, names: Iterable[str], *, known: Collection[str]) -> None:
        """Refuses those of `names` that are not `known`."""
        for name in [name for name in names if name not in known][:MOST_ERRORS]:
            self.refuse(name, detail=_unknown(name, known))

    def within(self, name: str, *, known: Collection[str]) -> "Input":
        """The fields of the object that this field is; what is refused of them is refused here."""
        return Input(self.fields[name], known=known, place=(*self._place, name), errors=self._errors)

    def below(self, *path: str | int, fields: Mapping[str, Any], known: Collection[str]) -> "Input":
        """The same for `fields` that stand at `path` in these, or are what is left of those."""
        return Input(fields, known=known, place=(*self._place, *path), errors=self._errors)

    def refuse(self, *path: str | int, detail: str) -> None:
        """`path` is the keys and positions that lead to what is wrong."""
        self._errors.append(FieldError(pointer(*self._place, *path), detail))

    @property
    def has_errors(self) -> bool:
        return bool(self._errors)

    @property
    def error_count(self) -> int:
        return len(self._errors)

    def finish(self) -> None:
        """Raises InvalidInput if anything was refused."""
        if self._errors:
            raise InvalidInput(self._errors)

    def value(self, name: str) -> Any:
        return self.fields.get(name)

    def has(self, name: str) -> bool:
        return self.fields.get(name) is not None

    def text(self, name: str, *, longest: int, shortest: int = 0) -> str | None:
        value = self.fields.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.refuse(name, detail=f"{shown(value)} is not a string: put it in quotes")
        elif not shortest <= len(value) <= longest:
            bounds = f"{shortest} to {longest}" if shortest else f"at most {longest}"
            self.refuse(name, detail=f"it has {len(value)} characters: write {bounds}")
        else:
            return value
        return None

    def choice(self, name: str, *, allowed: Collection[str]) -> str | None:
        """Reads one of `allowed`, in any case."""
        value = self.fields.get(name)
        if value is None:
            return None
        if isinstance(value, str) and value.lower() in allowed:
            return value.lower()
        self.refuse(name, detail=f"{shown(value)} is none of them: write {', '.join(allowed)}")
        return None

    def switch(self, name: str) -> bool | None:
        """true or false; text in any case, as form bodies send it."""
        value = self.fields.get(name)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        self.refuse(name, detail=f"{shown(value)} is neither: write true or false")
        return None

    def whole_number(self, name: str, *, lowest: int, highest: int) -> int | None:
        """Numbers may be text, as form bodies and query strings send them; 5.0 is 5."""
        number = self._number(name, _WHOLE_NUMBER, lowest=lowest, highest=highest, kind="a whole number")
        return None if number is None else int(number)

    def number(self, name: str, *, lowest: float, highest: float) -> float | None:
        return self._number(name, _NUMBER, lowest=lowest, highest=highest, kind="a number")

    def _number(self, name: str, pattern: re.Pattern[str], *, lowest: float, highest: float, kind: str) -> float | None:
        value: Any = self.fields.get(name)
        if value is None:
            return None
        number: Any = value
        if isinstance(value, str) and pattern.fullmatch(value):
            number = float(value) if "." in value else int(value)
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        is_number = isinstance(number, int if pattern is _WHOLE_NUMBER else int | float)
        if is_number and not isinstance(number, bool) and lowest <= number <= highest:
            return float(number) if isinstance(number, float) else int(number)
        self.refuse(name, detail=f"{shown(value)} is not {kind} from {lowest} to {highest}")
        return None

    def read(self, name: str, parse: Callable[[Any], T]) -> T | None:
        """What `parse` makes of the value; it raises one of the _REFUSALS."""
        value = self.fields.get(name)
        return None if value is None else self.read_at(name, value=value, parse=parse)

    def read_at(self, *path: str | int, value: Any, parse: Callable[[Any], T]) -> T | None:
        try:
            return parse(value)
        except _REFUSALS as refusal:
            self.refuse(*path, detail=str(refusal))
            return None


def nearest(name: str, known: Collection[str]) -> str | None:
    """The one among `known` that was meant, as it seems."""
    return suggestions.nearest(name[:_LONGEST_NAME].lower(), known)


def _unknown(name: str, known: Collection[str]) -> str:
    if near := nearest(name, known):
        return f"there is no such field: did you mean {near}?"
    return f"there is no such field: those there are {', '.join(known)}" if known else "no fields are taken here"
