"""What an alert waits for and is about, in words for its owner."""

from collections.abc import Mapping, Sequence
from typing import Any

from booper.timing import durations

KINDS: Sequence[tuple[str, str]] = (
    ("discarded", "so many in a row were discarded"),
    ("failing", "a share of what ended was discarded"),
    ("late", "a job is late by more than"),
    ("not_run", "no job was completed for"),
    ("receiver_off", "a receiver was switched off"),
    ("schedule_disabled", "a schedule was disabled"),
)
"""The conditions there are, for a choice of them."""


def when(condition: Mapping[str, Any]) -> str:
    [(kind, rule)] = condition.items()
    if kind == "discarded":
        return "a job is discarded" if rule == 1 else f"{rule} in a row are discarded"
    if kind == "failing":
        share, span = f"{rule['share']:.0%}".replace(".0%", "%"), durations.parse(rule["of_last"])
        return f"{share} of {rule['at_least']} or more within {span} are discarded"
    if kind == "late":
        return f"a job is late by more than {durations.parse(rule)}"
    if kind == "not_run":
        return f"no job is completed for {durations.parse(rule)}"
    return dict(KINDS)[kind]


def of(filters: Mapping[str, Any] | None) -> str:
    """`tag red, host example.com`; empty for all."""
    shown = {name: ", ".join(value) if isinstance(value, list) else value for name, value in (filters or {}).items()}
    return "; ".join(f"{name} {value}" for name, value in shown.items())
