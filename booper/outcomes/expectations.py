"""What its owner calls a success, where 2xx is not what tells: statuses, the answer's content, how soon it came."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from booper.outcomes.outcome import Outcome, Response
from booper.timing import durations

UNEXPECTED = "unexpected_answer"
"""The code of an attempt that was answered, and not as it had to be."""

_DEFAULT_STATUSES = ("2xx",)
_LONGEST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer's body says: `value` where it `is_json`, and its `text` where it is any."""

    value: Any = None
    is_json: bool = False
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """All that is given has to hold. `statuses` are codes, and classes as "2xx"."""

    statuses: tuple[str, ...] = _DEFAULT_STATUSES
    body: Any = None
    body_contains: str | None = None
    within_seconds: float | None = None

    def unmet(self, outcome: Outcome, said: Said) -> str | None:
        """What was expected and what came instead, in words; None if all holds. `outcome` has a response."""
        response = outcome.response
        assert response is not None
        if not {str(response.status), f"{response.status // 100}xx"} & set(self.statuses):
            return f"expected a status of {', '.join(self.statuses)}, and it answered {response.status}"
        if self.within_seconds is not None and outcome.duration_ms > self.within_seconds * 1000:
            return f"expected an answer within {self.within_seconds:g} s, and it took {outcome.duration_ms / 1000:g} s"
        return self._content_unmet(said, response)

    def _content_unmet(self, said: Said, response: Response) -> str | None:
        if response.truncated and (self.body is not None or self.body_contains is not None):
            return "expected a certain content, and the answer is too long to be kept whole"
        if self.body is not None and not (said.is_json and contains(said.value, self.body)):
            return f"expected JSON that contains {_short(self.body)}, and it answered {_came(said, response)}"
        if self.body_contains is not None and self.body_contains not in (said.text or ""):
            came = _came(said, response)
            return f"expected an answer that contains {_short(self.body_contains)}, and it answered {came}"
        return None


def of(success_when: Mapping[str, Any]) -> Expectation:
    """The field `success_when`, as it was checked when the job was made."""
    within = success_when.get("within")
    return Expectation(
        statuses=tuple(str(status).lower() for status in success_when.get("status") or _DEFAULT_STATUSES),
        body=success_when.get("body"),
        body_contains=success_when.get("body_contains"),
        within_seconds=None if within is None else float(durations.parse(within).nominal_seconds),
    )


def contains(value: Any, wanted: Any) -> bool:
    """Whether `value` has what is `wanted`: of an object the keys that are given, of anything else all of it."""
    # With whether it has to be all of an object too, as within a list.
    pairs: list[tuple[Any, Any, bool]] = [(value, wanted, False)]
    while pairs:
        found, asked, is_whole = pairs.pop()
        if isinstance(asked, dict):
            if not isinstance(found, dict) or not asked.keys() <= found.keys():
                return False
            if is_whole and len(asked) != len(found):
                return False
            pairs += [(found[key], item, is_whole) for key, item in asked.items()]
        elif isinstance(asked, list):
            if not isinstance(found, list) or len(found) != len(asked):
                return False
            pairs += [(*pair, True) for pair in zip(found, asked, strict=True)]
        elif isinstance(found, bool) != isinstance(asked, bool) or found != asked:
            # To Python 1 is true.
            return False
    return True


def _came(said: Said, response: Response) -> str:
    if not response.body and not said.text:
        return "nothing"
    return f"{len(response.body)} bytes that are no text" if said.text is None else _short(said.text)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
