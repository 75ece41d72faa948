"""Tells a watcher elsewhere, once a minute, that this instance is well: who hears nothing more raises the alarm.

Beat asks for it, the broker carries it, a worker does it, and the database says that both are alive: with any of them
gone, nothing is sent.
"""

import logging
from datetime import datetime

from django.conf import settings

import booper
from booper.outcomes import verdict
from booper.outcomes.outcome import Request
from booper.sending import sender
from booper.targets.policy import Policy
from jobs.models import ProcessRole
from jobs.operating import health

logger = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 15.0
# The operator's own address, not a tenant's: it may be anywhere.
_ANYWHERE = ("0.0.0.0/0", "::/0")


class _LastTime:
    """Whether the watcher was reached: each change is said once."""

    failure: str | None = None


def beat(*, now: datetime) -> bool:
    """Calls BOOPER_HEARTBEAT_URL if all is well; whether it was called and has answered with success."""
    if not settings.BOOPER_HEARTBEAT_URL or not is_well(now=now):
        return False
    policy = Policy(allow_http=True, allowed_networks=_ANYWHERE, proxy=settings.BOOPER_EGRESS_PROXY)
    headers = (("User-Agent", f"Booper/{booper.__version__}"), ("Accept", "*/*"))
    # One that no request may go to is refused by the sender, as data.
    url = settings.BOOPER_HEARTBEAT_URL
    request = Request(method="GET", url=url, headers=headers, body=None, timeout_seconds=_TIMEOUT_SECONDS)
    judged = verdict.decide_delivery(sender.send(request, policy=policy), attempt=1, first_at=now, now=now)
    failure = None if judged.kind is verdict.Kind.SUCCEED else f"{judged.code}: {judged.message}"
    if failure != _LastTime.failure:
        told = "reached again" if failure is None else f"not reached: {failure}"
        logger.log(logging.INFO if failure is None else logging.WARNING, "BOOPER_HEARTBEAT_URL was %s", told)
    _LastTime.failure = failure
    return failure is None


def is_well(*, now: datetime) -> bool:
    """Whether a beat and a worker live, by their leases. Raises what the database raises."""
    alive = {seen.role for seen in health.heartbeats(now=now) if seen.is_alive}
    return {ProcessRole.BEAT, ProcessRole.WORKER} <= alive
