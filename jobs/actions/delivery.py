"""What a door may have done to one delivery: send it again."""

from datetime import datetime

from jobs.delivering import transitions
from jobs.models import Delivery


def resend_delivery(delivery: Delivery, *, now: datetime) -> Delivery | None:
    """Sends an ended delivery again. None while it is on its way, or if `is_worn_out`."""
    return transitions.resend(delivery, now=now)


def is_worn_out(delivery: Delivery) -> bool:
    """Whether its attempts can't be counted any further, so that it is not sent again."""
    return delivery.attempt >= transitions.MOST_ATTEMPTS
