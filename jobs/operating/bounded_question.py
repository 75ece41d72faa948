"""Questions that may never be answered, asked by threads of their own: who asks waits only as long as it says."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db import connection

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """`value`, or an `error` that says why there is none. `age_seconds`: since there was one last, None for never."""

    value: T | None
    error: str | None
    age_seconds: float | None


class Question(Generic[T]):
    """One question, asked by at most one thread at a time and answered from memory while the answer is fresh."""

    def __init__(
        self,
        ask: Callable[[], T],
        *,
        fresh_seconds: float,
        name: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._ask = ask
        self._fresh_seconds = fresh_seconds
        self._name = name
        self._condition = threading.Condition()
        self._value: T | None = None
        self._error: str | None = None
        self._asked_at: float | None = None
        self._answered_at: float | None = None
        self._succeeded_at: float | None = None

    def answer(self, *, within_seconds: float) -> Answer[T]:
        """One that is fresh, if there is one within the time; else none, with an error that says so."""
        with self._condition:
            if not self._is_fresh():
                if self._asked_at is None:
                    self._asked_at = self._monotonic()
                    threading.Thread(target=self._run, name=self._name, daemon=True).start()
                # What it has been waited for already, nobody waits for again.
                self._condition.wait_for(self._is_fresh, within_seconds - (self._monotonic() - self._asked_at))
            now = self._monotonic()
            age_seconds = None if self._succeeded_at is None else now - self._succeeded_at
            if self._is_fresh():
                return Answer(self._value, self._error, age_seconds)
            waited = 0.0 if self._asked_at is None else now - self._asked_at
            return Answer(None, f"no answer for {waited:.1f} s", age_seconds)

    def _is_fresh(self) -> bool:
        return self._answered_at is not None and self._monotonic() - self._answered_at < self._fresh_seconds

    def _run(self) -> None:
        value, error = None, None
        try:
            value = self._ask()
        except Exception as failure:  # whatever databases, brokers and their libraries may raise
            error = f"{type(failure).__name__}: {failure}"[:500]
        finally:
            connection.close()
            self._keep(value, error)

    def _keep(self, value: T | None, error: str | None) -> None:
        with self._condition:
            self._value, self._error = value, error
            self._answered_at, self._asked_at = self._monotonic(), None
            if error is None:
                self._succeeded_at = self._answered_at
            self._condition.notify_all()
