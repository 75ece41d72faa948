"""What single users may have instead of the settings, as a worker knows it: it looks each few seconds."""

import time
from collections.abc import Mapping
from uuid import UUID

from jobs.guarding.limits import Limit
from jobs.models import User

LOOK_SECONDS = 15.0


class Overrides:
    """The limits that single tenants have of their own. One thread looks, any may ask."""

    def __init__(self) -> None:
        self._next_at = 0.0
        self._limits: Mapping[UUID, Mapping[str, int]] = {}

    def look(self) -> None:
        """Reads them, where it is time to. One query."""
        if time.monotonic() >= self._next_at:
            self._limits = dict(User.objects.exclude(limits={}).values_list("id", "limits"))
            self._next_at = time.monotonic() + LOOK_SECONDS

    def all(self, limit: Limit) -> Mapping[UUID, int]:
        """The users that have an own one."""
        return {user_id: own[limit.name] for user_id, own in self._limits.items() if limit.name in own}

    def of(self, user_id: UUID, limit: Limit) -> int | None:
        """None: as the setting has it. 0: no limit."""
        return self._limits.get(user_id, {}).get(limit.name)
