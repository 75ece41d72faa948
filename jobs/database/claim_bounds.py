"""How much a claim may take of each tenant, so that none has more on the wire than its places."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimBounds:
    """The bounds of a claim. Without any, it takes what is due the longest."""

    full: frozenset[UUID] = frozenset()
    """Tenants that may have nothing more."""
    rooms: Mapping[UUID, int] = field(default_factory=dict)
    """How many more each of the others may have that has something on the wire."""
    newcomer: int | None = None
    """How many one may have that has nothing there yet; None: any number."""
    full_hosts: Mapping[UUID, tuple[str, ...]] = field(default_factory=dict)
    """The origins (`https://a.example:8443/`) that may have nothing more of a tenant that is not full."""

    narrow: Mapping[UUID, int] = field(default_factory=dict)
    """The most that one claim may have of each of these tenants."""

    @property
    def are_tight(self) -> bool:
        """Whether something that is due has to be passed over."""
        return bool(self.full or self.full_hosts or self.narrow)

    def passing_over(self, hosts: Mapping[UUID, tuple[str, ...]], *, narrow: Mapping[UUID, int]) -> "ClaimBounds":
        """The same, and nothing more of these origins either, and no more of some tenants than `narrow` has."""
        more = {user_id: origins for user_id, origins in hosts.items() if user_id not in self.full}
        known = self.full_hosts
        both = {user_id: tuple(dict.fromkeys((*known.get(user_id, ()), *origins))) for user_id, origins in more.items()}
        return replace(self, full_hosts={**known, **both}, narrow={**self.narrow, **_least(self.narrow, narrow)})

    def cut(self, limit: int, user_id: UUID | None = None) -> int:
        """`limit`, or the fewer that this tenant may have; without one, that whoever it is may have."""
        rooms = (
            [self.rooms.get(user_id, self.newcomer), self.narrow.get(user_id)]
            if user_id is not None
            else [self.newcomer, *self.rooms.values()]
        )
        return min([limit, *(room for room in rooms if room is not None)])


def _least(some: Mapping[UUID, int], others: Mapping[UUID, int]) -> dict[UUID, int]:
    return {user_id: min(most, some.get(user_id, most)) for user_id, most in others.items()}


NONE = ClaimBounds()
