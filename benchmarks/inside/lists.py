"""What it takes to ask an instance's web process for its lists: a session of the admin, and a cursor in the middle."""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

from jobs.api.input.cursors import Order
from jobs.models import Job, User


def main() -> dict[str, Any]:
    return {"cookie": f"{settings.SESSION_COOKIE_NAME}={_session()}", "cursor": _cursor_in_the_middle()}


def _session() -> str:
    """Of the user with the key, who becomes an operator."""
    user = User.objects.order_by("date_joined").first()
    assert user is not None
    user.is_staff = user.is_superuser = True
    user.save()
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = user._meta.pk.value_to_string(user)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def _cursor_in_the_middle() -> str:
    newest = Job.objects.order_by("-id").first()
    assert newest is not None
    middle = Job.objects.filter(id__lte=newest.id // 2).order_by("-id").first()
    return Order(model=Job, column="id", is_descending=True).cursor_at(middle or newest)
