"""Looks of the doctor, for tests: what it finds, how grave, and what it repairs."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from jobs.operating import doctor
from jobs.operating.findings import Finding
from tests.factories import NOON

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def found(
    *,
    now: datetime = NOON,
    fix: bool = False,
    ask_broker: Callable[[], None] = lambda: None,
    ask_proxy: Callable[[], str | None] | None = None,
    ask_provider: Callable[[], str | None] | None = None,
) -> list[Finding]:
    return doctor.examine(
        ask_broker=ask_broker,
        ask_proxy=ask_proxy,
        ask_provider=ask_provider,
        clock_now=lambda: now,
        is_to_fix=fix,
    )


def troubles(**options: Any) -> dict[str, str]:
    """The message of each check that found something."""
    return {finding.check: finding.message for finding in found(**options) if finding.level != "ok"}


def levels(check: str, **options: Any) -> list[str]:
    return [finding.level.value for finding in found(**options) if finding.check == check]
