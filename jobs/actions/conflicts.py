"""What a held idempotency key means for those who come with it: `ignore`, `replace` or `refuse`, each for itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from jobs.models import HOLDS_ITS_KEY, Job
from jobs.running import replacement
from jobs.specs import JobSpec, OnConflict, RecurrenceSpec

Wish = tuple[JobSpec, RecurrenceSpec | None]


class Holder(Protocol):
    """The job that has the key; of a schedule, its upcoming run."""

    @property
    def id(self) -> int: ...

    @property
    def schedule_id(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a wish was not granted, in words for its owner."""

    reason: str


def amended(wishes: Sequence[Wish], places: Sequence[int]) -> Wish:
    """What the first of these, which have one key, comes to where that is free: the last that replaces it wins."""
    first = wishes[places[0]]
    return first if first[1] is not None else _last_replacing(wishes, places[1:]) or first


def replaced(
    wishes: Sequence[Wish], held: Mapping[int, Job], groups: Mapping[int, Sequence[int]], *, now: datetime
) -> tuple[dict[int, Job], set[int]]:
    """The jobs whose place was taken: by the last wish of each group that replaces what holds its key, where it may.

    `held` and `groups` are by the place of a group's first wish. Answers the holders as they are now, and the places
    of those that were replaced. A holder that was started meanwhile is not among them: its key is free again.
    """
    specs: dict[int, JobSpec] = {}
    for place, holder in held.items():
        last = _last_replacing(wishes, groups[place])
        if last is not None and holder.schedule_id is None:
            specs[holder.id] = last[0]
    done = replacement.replace_locked(specs, now=now)
    now_held = {place: done.get(job.id, job) for place, job in held.items() if job.id in done or job.id not in specs}
    return now_held, {place for place, job in now_held.items() if job.id in done}


def _last_replacing(wishes: Sequence[Wish], places: Sequence[int]) -> Wish | None:
    for place in reversed(places):
        spec, plan = wishes[place]
        if plan is None and spec.on_conflict == OnConflict.REPLACE:
            return wishes[place]
    return None


def refusal(wish: Wish, holder: Holder) -> Refused | None:
    """Why a wish whose key that job holds is answered 409, if it is."""
    spec, plan = wish
    if spec.on_conflict == OnConflict.IGNORE:
        return None
    what = f"job {holder.id}" if holder.schedule_id is None else f"schedule {holder.schedule_id}"
    held = f"{what} holds the idempotency key {spec.idempotency_key!r}"
    if spec.on_conflict == OnConflict.REFUSE:
        return Refused(f"{held}: cancel that first, or leave on_conflict out to be answered with it")
    if holder.schedule_id is not None:
        return Refused(f"{held}: on_conflict replaces a single job alone, so PATCH the schedule or cancel it first")
    if plan is not None:
        return Refused(f"{held}: a schedule can't take the place of a single job, so cancel that one first")
    return None


def count_of_new(wishes: Sequence[Wish], *, user_id: UUID) -> int:
    """How many more jobs these come to, where those that replace one are no more. No query unless some replace."""
    keys = {spec.idempotency_key for spec, plan in wishes if plan is None and spec.on_conflict == OnConflict.REPLACE}
    keys.discard(None)
    if not keys:
        return len(wishes)
    holders = Job.objects.filter(HOLDS_ITS_KEY, user_id=user_id, idempotency_key__in=list(keys))
    taken = set(holders.values_list("idempotency_key", flat=True))
    return sum(spec.on_conflict != OnConflict.REPLACE or spec.idempotency_key not in taken for spec, _ in wishes)
