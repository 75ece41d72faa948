"""Users' signing secrets, remembered for seconds."""

import threading
import time
from collections.abc import Iterable
from uuid import UUID

from jobs.models import User

_SECRETS_KEPT_SECONDS = 30.0
_secrets_lock = threading.Lock()


_secrets: dict[UUID, tuple[str, float]] = {}


def signing_secrets(user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Each user's secret, at most 30 s old; at most one query."""
    now = time.monotonic()
    wanted = set(user_ids)
    with _secrets_lock:
        known = {user_id: _secrets[user_id] for user_id in wanted if user_id in _secrets}
    fresh = {user_id: secret for user_id, (secret, read_at) in known.items() if now - read_at < _SECRETS_KEPT_SECONDS}
    if missing := wanted - fresh.keys():
        read = dict(User.objects.filter(id__in=missing).values_list("id", "signing_secret"))
        with _secrets_lock:
            _secrets.update({user_id: (secret, now) for user_id, secret in read.items()})
        fresh |= read
    return fresh


def forget_secrets() -> None:
    with _secrets_lock:
        _secrets.clear()
