"""Alerts by services that the operator has named: handed over by workers, in a process that has a time-out.

They are letters, claimed and tried as mails are. A worker that is killed in between may have handed one over.
"""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings

from booper.outcomes.outcome import Failure
from booper.services import process, schemas
from jobs.alerting import letters
from jobs.models import AlertLetter

_NOT_NAMED = Failure("service_not_named", "this instance calls this service no more: PATCH the alert")
_RESOLVED = "alert.resolved"


def send_due(*, now: datetime, has_time: Callable[[], bool] = lambda: True) -> int:
    """Sends what is due; how many attempts that were. Nothing where the operator has named no service."""
    count = 0
    while settings.BOOPER_ALERT_SERVICES and has_time() and (claimed := letters.claim(now=now, is_mail=False)):
        failures = _send([each for each in claimed if _is_named(each)])
        for letter in claimed:
            letters.record(letter, failures.get(str(letter.id), _NOT_NAMED), now=now)
        count += len(claimed)
    return count


def _is_named(letter: AlertLetter) -> bool:
    return schemas.schema_of(letter.url) in settings.BOOPER_ALERT_SERVICES


def _send(claimed: list[AlertLetter]) -> dict[str, Failure | None]:
    if not claimed:
        return {}
    messages = [
        process.Message(
            id=str(letter.id),
            url=letter.url,
            title=letter.title,
            text=letter.text,
            kind="success" if letter.event == _RESOLVED else "warning",
        )
        for letter in claimed
    ]
    blocked = [str(network) for network in settings.BOOPER_BLOCKED_TARGET_NETWORKS]
    return process.send(messages, proxy=settings.BOOPER_EGRESS_PROXY, blocked_networks=blocked)
