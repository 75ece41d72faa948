"""Examines a live system, all of it, and repairs what is safe to repair."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from django.db import DatabaseError, InterfaceError, connection, transaction

from jobs.operating import held_up, installation, invariants
from jobs.operating.findings import Check, Finding, Level


def examine(
    *,
    ask_broker: Callable[[], None],
    clock_now: Callable[[], datetime],
    ask_proxy: Callable[[], str | None] | None = None,
    ask_provider: Callable[[], str | None] | None = None,
    is_to_fix: bool = False,
) -> list[Finding]:
    """Makes all looks, in the order of what depends on what. `ask_broker` raises if the broker does not answer.
    `ask_proxy` says why the proxy that requests leave by can't be used, or None; it is None where there is no proxy.
    `ask_provider` is the same for the provider that people sign in by.

    `clock_now` says what time it is, and asks the database for that.
    """
    findings = [_database()]
    if findings[0].level == Level.OK:
        findings += [finding for check in installation.CHECKS for finding in _examine(check, clock_now(), is_to_fix)]
    if all(finding.level != Level.ERROR for finding in findings if finding.check in ("database", "migrations")):
        checks = (*invariants.CHECKS, *held_up.CHECKS)
        findings += [finding for check in checks for finding in _examine(check, clock_now(), is_to_fix)]
    if ask_proxy is not None:
        findings.append(_proxy(ask_proxy))
    if ask_provider is not None:
        findings.append(_provider(ask_provider))
    return [*findings, _broker(ask_broker)]


def has_errors(findings: Sequence[Finding]) -> bool:
    return any(finding.level == Level.ERROR for finding in findings)


def _examine(check: Check, now: datetime, is_to_fix: bool) -> Iterator[Finding]:
    found = _look(check, now)
    if not is_to_fix or check.fix is None or all(finding.level == Level.OK for finding in found):
        yield from found
        return
    try:
        fixed = check.fix(now)
    except (DatabaseError, InterfaceError) as error:
        yield replace(found[0], message=f"{found[0].message}; it could not be repaired: {error}")
        yield from found[1:]
        return
    left = _look(check, now)
    yield replace(left[0], fixed=fixed)
    yield from left[1:]


def _look(check: Check, now: datetime) -> list[Finding]:
    try:
        # A look that fails must not break the transaction that others look in.
        with transaction.atomic():
            troubles = list(check.look(now))
    except (DatabaseError, InterfaceError, OSError) as error:
        remedy = "see that the database is up, and its migrations are applied"
        return [Finding(check=check.name, level=Level.ERROR, message=f"could not be looked at: {error}", remedy=remedy)]
    if not troubles:
        return [Finding(check=check.name, level=Level.OK, message=check.fine)]
    return [
        Finding(check=check.name, level=trouble.level, message=trouble.message, remedy=trouble.remedy)
        for trouble in troubles
    ]


def _database() -> Finding:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError) as error:
        remedy = "see that it runs, and that DATABASE_URL leads there"
        return Finding(
            check="database", level=Level.ERROR, message=f"it does not answer: {error}".strip(), remedy=remedy
        )
    return Finding(check="database", level=Level.OK, message="it answers")


def _proxy(ask: Callable[[], str | None]) -> Finding:
    problem = ask()
    if problem is None:
        return Finding(check="egress proxy", level=Level.OK, message="it answers, and takes us")
    remedy = "see that it runs, and that BOOPER_EGRESS_PROXY has its address, user and password"
    return Finding(check="egress proxy", level=Level.ERROR, message=problem, remedy=remedy)


def _provider(ask: Callable[[], str | None]) -> Finding:
    problem = ask()
    if problem is None:
        return Finding(check="sign-in provider", level=Level.OK, message="it answers, and shows its keys")
    remedy = "see that it runs, and that BOOPER_OIDC_ISSUER is its address (BOOPER_OIDC_CA_FILE: who signs for it)"
    return Finding(check="sign-in provider", level=Level.ERROR, message=problem, remedy=remedy)


def _broker(ask: Callable[[], None]) -> Finding:
    try:
        ask()
    except Exception as error:  # whatever brokers and their libraries may raise
        message = f"it does not answer, so jobs begin up to a second late: {error}"
        remedy = "see that it runs, and that BROKER_URL leads there"
        return Finding(check="broker", level=Level.ERROR, message=message, remedy=remedy)
    return Finding(check="broker", level=Level.OK, message="it answers")
