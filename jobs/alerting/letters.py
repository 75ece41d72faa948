"""Alerts by e-mail: written with their incidents, sent by workers by Django's mail settings, tried for a day.

Those by services are rows of the same table, written, claimed and recorded here; `jobs.alerting.services` sends them.

One is claimed before it is sent, so that no two workers send it. A worker that is killed in between may have sent it:
it goes out once more then, under the same Message-ID.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from booper.outcomes import verdict
from booper.outcomes.outcome import Failure, Outcome
from jobs.models import AlertLetter, DeliveryState, User
from jobs.outgoing import mail

SCHEME = "mailto:"
MOST_AN_HOUR = 60
_BATCH = 10
# Longer than ten of them may take.
_TAKEN_FOR_LOST = timedelta(minutes=5)
_TOO_MANY = f"there were {MOST_AN_HOUR} to you within the last hour: see the incidents of the alert"
_NOT_YOURS = "it is not the address of the alert's owner any more: PATCH the alert"


def insert(letters: Sequence[AlertLetter], *, now: datetime) -> None:
    """Inside the transaction that opens or ends their incidents. More than a mailbox may take fail at once.

    Mails and what goes by services are counted apart.
    """
    for is_mail in (True, False):
        of_kind = [letter for letter in letters if letter.url.startswith(SCHEME) == is_mail]
        if not of_kind:
            continue
        lately = _of_kind(is_mail).filter(user_id=of_kind[0].user_id, inserted_at__gt=now - timedelta(hours=1))
        room = MOST_AN_HOUR - lately[:MOST_AN_HOUR].count()
        for letter in of_kind[max(0, room) :]:
            letter.state, letter.failed_at = DeliveryState.FAILED, now
            letter.error_code, letter.error_message = "too_many", _TOO_MANY
    AlertLetter.objects.bulk_create(letters)


def _of_kind(is_mail: bool) -> QuerySet[AlertLetter]:
    mails = Q(url__startswith=SCHEME)
    return AlertLetter.objects.filter(mails if is_mail else ~mails)


def send_due(*, now: datetime, has_time: Callable[[], bool] = lambda: True) -> int:
    """Sends what is due; how many attempts that were. Nothing where this instance sends no mail."""
    count = 0
    while settings.EMAIL_HOST and has_time() and (letters := claim(now=now)):
        owners = dict(User.objects.filter(id__in={each.user_id for each in letters}).values_list("id", "email"))
        for letter in letters:
            record(letter, _send(letter, owners), now=now)
            count += 1
    return count


def claim(*, now: datetime, is_mail: bool = True) -> list[AlertLetter]:
    """Takes up some that are due, mails or what goes by services; of nobody who is suspended."""
    suspended = User.objects.filter(suspended_at__isnull=False).values("id")
    due = _of_kind(is_mail).filter(state=DeliveryState.PENDING, due_at__lte=now).exclude(user_id__in=suspended)
    with transaction.atomic():
        rows = due.order_by("due_at", "id").select_for_update(skip_locked=True)
        ids = list(rows.values_list("id", flat=True)[:_BATCH])
        AlertLetter.objects.filter(id__in=ids).update(
            due_at=now + _TAKEN_FOR_LOST, attempt=F("attempt") + 1, attempted_at=now
        )
    return list(AlertLetter.objects.filter(id__in=ids).order_by("id"))


def record(letter: AlertLetter, failure: Failure | None, *, now: datetime) -> None:
    """pending -> delivered | failed | pending, to be tried again: unless another worker has taken it up since."""
    own = AlertLetter.objects.filter(id=letter.id, attempt=letter.attempt, state=DeliveryState.PENDING)
    if failure is None:
        own.update(state=DeliveryState.DELIVERED, delivered_at=now, error_code=None, error_message=None)
        return
    fields = {"error_code": failure.code, "error_message": failure.message}
    outcome = Outcome(response=None, failure=failure, duration_ms=0)
    judged = verdict.decide_delivery(outcome, attempt=letter.attempt, first_at=letter.inserted_at, now=now)
    is_over = failure.code in _FOR_GOOD or judged.retry_at is None
    if is_over:
        own.update(state=DeliveryState.FAILED, failed_at=now, **fields)
    else:
        own.update(due_at=judged.retry_at, **fields)


_FOR_GOOD = ("mail_refused", "not_yours", "service_not_named", "service_url")


def _send(letter: AlertLetter, owners: dict[UUID, str]) -> Failure | None:
    address = letter.url.removeprefix(SCHEME)
    if owners.get(letter.user_id, "").lower() != address.lower():
        return Failure("not_yours", _NOT_YOURS)
    return mail.send(to=address, title=letter.title, text=letter.text, message_id=str(letter.id))
