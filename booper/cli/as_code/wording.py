"""A plan in words, for a terminal of 80 columns, and as JSON."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from booper.cli.as_code.comparison import Change
from booper.cli.as_code.plan import CHANGE, CREATE, DELETE, GONE, UNCHANGED, Step
from booper.client import Json

_WIDTH = 80
_HIDDEN = "***"
# What is under such a name is not for the logs of whoever builds with this; `idempotency_key` is none of them.
_SECRET = re.compile(
    r"authorization|cookie|password|passwd|secret|token|signature|credential|session|(?<!idempotency.)key\b",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"\{\{secret:[A-Z0-9_]+\}\}")
_DONE = {CREATE: "made", CHANGE: "changed", DELETE: "deleted"}


def text_of(steps: Sequence[Step]) -> str:
    lines = [line for step in steps if step.action != UNCHANGED for line in _lines(step)]
    return "\n".join([*lines, *([""] if lines else []), _sum(steps)])


def json_of(steps: Sequence[Step], *, is_applied: bool) -> Json:
    """`writes` counts what was, or would be, written."""
    return {
        "writes": sum(step.is_writing for step in steps),
        "applied": is_applied,
        "steps": [
            {"action": step.action, "kind": step.noun, "name": step.name}
            | ({"disabled": True} if step.is_paused else {})
            | ({"changes": [_json_of(change) for change in step.changes]} if step.action == CHANGE else {})
            for step in steps
        ],
    }


def done(steps: Sequence[Step]) -> str:
    counts = Counter(step.action for step in steps if step.is_writing)
    return "Done: " + ", ".join(f"{counts[action]} {word}" for action, word in _DONE.items() if counts[action]) + "."


def _json_of(change: Change) -> Json:
    before, after = _shown(change)
    return {"field": change.field, "from": before, "to": after}


def _lines(step: Step) -> Iterator[str]:
    notes = []
    if step.action == GONE:
        notes.append("in no file any more; --prune deletes it")
    if step.is_paused:
        notes.append("disabled" if step.action in (GONE, DELETE) else "disabled, and stays so")
    note = f" ({'; '.join(notes)})" if notes else ""
    yield f"{step.action:<8}{step.noun} {step.name}{note}"
    for change in step.changes:
        yield from _lines_of(change)


def _lines_of(change: Change) -> Iterator[str]:
    before, after = (_text(value) for value in _shown(change))
    line = f"          {change.field}: {before} -> {after}"
    if len(line) <= _WIDTH:
        yield line
        return
    yield f"          {change.field}:"
    yield f"            - {_cut(before)}"
    yield f"            + {_cut(after)}"


def _shown(change: Change) -> tuple[Any, Any]:
    """Before and after, without what is secret by its name; a reference to a secret is none itself."""
    if _SECRET.search(change.field):
        return _hidden(change.before), _hidden(change.after)
    return _without_secrets(change.before), _without_secrets(change.after)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _hidden(item) if _SECRET.search(key) else _without_secrets(item) for key, item in value.items()}
    return [_without_secrets(item) for item in value] if isinstance(value, list) else value


def _hidden(value: Any) -> Any:
    if value is None or (isinstance(value, str) and _REFERENCE.search(value)):
        return value
    return _HIDDEN


def _text(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    room = _WIDTH - 14
    return text if len(text) <= room else text[: room - 1] + "…"


def _sum(steps: Sequence[Step]) -> str:
    counts = Counter(step.action for step in steps)
    words = [f"{counts[CREATE]} to create", f"{counts[CHANGE]} to change"]
    words += [f"{counts[DELETE]} to delete"] if counts[DELETE] else []
    words += [f"{counts[GONE]} in no file any more"] if counts[GONE] else []
    return f"{', '.join([*words, f'{counts[UNCHANGED]} unchanged'])}."
