"""Who signed in, and who tried to: for the audit trail and the list of sessions, of the admin and the pages alike."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from jobs.database import clock
from jobs.guarding import admission, audit, client_address
from jobs.models import User


@receiver(user_logged_in)
def note_sign_in(sender: Any, request: HttpRequest | None, user: User, **more: Any) -> None:
    admission.signed_in(request, user, now=clock.now())


@receiver(user_login_failed)
def note_failed_sign_in(
    sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **more: Any
) -> None:
    """Notes failures of users that there are: what strangers type may be anything, a password too."""
    email = str(credentials.get("username") or credentials.get("email") or "").strip().lower()
    user = User.objects.filter(email=email).first()
    if user is not None:
        audit.note("sign_in.failed", user_id=user.pk, actor="somebody", now=clock.now(), address=_address(request))


def _address(request: HttpRequest | None) -> str:
    return "" if request is None else client_address.of(request.META)
