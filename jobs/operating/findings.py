"""What a look at a live system found: nothing, a warning or an error, in words, with the remedy."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`fixed` is how many were repaired, None where nothing was tried."""

    check: str
    level: Level
    message: str
    remedy: str | None = None
    fixed: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "check": self.check,
            "level": self.level.value,
            "message": self.message,
            "remedy": self.remedy,
            "fixed": self.fixed,
        }


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a check found wrong."""

    message: str
    remedy: str
    level: Level = Level.ERROR


@dataclass(frozen=True, slots=True)
class Check:
    """`look` finds troubles; `fix`, for what is safe to repair, repairs them and says how many."""

    name: str
    fine: str
    look: Callable[[datetime], Iterable[Trouble]]
    fix: Callable[[datetime], int] | None = None


def examples(ids: Sequence[object], *, most: int = 5) -> str:
    """The first few of them."""
    shown = ", ".join(str(each) for each in ids[:most])
    return f"{shown}, …" if len(ids) > most else shown
