"""Who may have how many of a worker's places, in the abstract and in the claims of each lane."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.database.claim_bounds import ClaimBounds
from jobs.delivering import stage as delivering
from jobs.guarding.places import Places, origin
from jobs.models import Delivery, Job
from jobs.queues import limits
from jobs.running import queue_stage
from jobs.running import stage as running
from tests.factories import NOON, make_job, make_user

A, B, C = uuid4(), uuid4(), uuid4()
TARPIT = "https://tarpit.example/hang"


def places(total: int = 100, *, share: float = 0.5, per_host: float = 0.25) -> Places:
    return Places(total, share=share, per_host=per_host)


def fill(places: Places, user_id: UUID, *, url: str = TARPIT, most: int = 1000) -> int:
    """Takes all that the user may have, as claims would; how many."""
    for count in range(most):
        bounds = places.bounds(now=0.0)
        if user_id in bounds.full or bounds.cut(1, user_id) < 1 or origin(url) in bounds.full_hosts.get(user_id, ()):
            return count
        places.take(user_id, url)
    return most


def test_a_tenant_alone_has_all_places_but_a_tenth():
    assert fill(places(), A) == 90


def test_another_finds_places_at_once_and_so_does_the_one_after():
    shared = places()
    assert [fill(shared, A), fill(shared, B), fill(shared, C)] == [90, 5, 2]


def test_with_others_there_nobody_has_more_than_a_share_and_no_host_more_than_its_own():
    shared = places()
    shared.take(B, "https://b.example/")
    assert fill(shared, A) == 25
    assert shared.bounds(now=0.0).full_hosts == {A: ("https://tarpit.example/",)}
    assert fill(shared, A, url="https://other.example:8443/x") == 24
    assert A in shared.bounds(now=0.0).full


def test_all_places_are_back_a_second_after_the_last_of_the_others():
    shared = places()
    for user_id in (A, B):
        shared.take(user_id, TARPIT)
    assert shared.bounds(now=5.0).rooms[A] == 24
    shared.give_back(B, TARPIT)
    assert shared.bounds(now=5.9).rooms[A] == 24
    assert shared.bounds(now=6.0).rooms == {A: 89}


def test_what_is_given_back_can_be_taken_again():
    shared = places()
    fill(shared, A)
    assert shared.bounds(now=0.0).full == {A}
    shared.give_back(A, TARPIT)
    assert shared.bounds(now=0.0).rooms == {A: 1}


@pytest.mark.parametrize("total", range(1, 30))
def test_a_worker_of_any_size_lets_somebody_in(total: int):
    assert fill(places(total), A) >= 1


def test_without_limits_all_places_are_anybodys():
    free = places(share=0, per_host=0)
    free.take(B, TARPIT)
    assert free.bounds(now=0.0) == ClaimBounds()


# --- In the claims ------------------------------------------------------------------------------------------------


def make_jobs(user, count: int, *, url: str = "https://a.example/", queue_id: int | None = None) -> None:
    for _ in range(count):
        make_job(user=user, url=url, queue_id=queue_id, scheduled_at=NOON)


def make_deliveries(user, count: int, *, url: str = "https://a.example/") -> None:
    job = make_job(user=user, scheduled_at=NOON.replace(year=NOON.year + 1))
    for sequence in range(count):
        Delivery.objects.create(
            job=job, user=user, kind="webhook", event="job.started", sequence=sequence, url=url, body="{}", due_at=NOON,
            inserted_at=NOON,
        )  # fmt: skip


def make_queued(user, count: int, *, url: str = "https://a.example/") -> None:
    queue = limits.named(user.id, "mail", now=NOON)
    make_jobs(user, count, url=url, queue_id=queue.id)
    limits.touch([(queue.id, NOON)])


LANES = pytest.mark.parametrize(
    ("make", "stage"), [(make_jobs, running), (make_queued, queue_stage), (make_deliveries, delivering)]
)


def claimed(stage, bounds: ClaimBounds, *, is_crowded: bool = False) -> list[UUID]:
    started, _ = stage.claim(uuid4(), limit=10, is_crowded=is_crowded, bounds=bounds, now=NOON)
    return [item.row.user_id for item in started]


@pytest.mark.django_db
@LANES
def test_who_is_full_is_passed_over_for_those_behind(make: Callable[..., None], stage):
    hostile, other = make_user(), make_user("bob@example.com")
    make(hostile, 12)
    make(other, 1)
    assert claimed(stage, ClaimBounds(full=frozenset([hostile.id]))) == [other.id]
    assert claimed(stage, ClaimBounds(full=frozenset([hostile.id]))) == []


@pytest.mark.django_db
@LANES
def test_nobody_is_given_more_than_their_room(make: Callable[..., None], stage):
    hostile, other = make_user(), make_user("bob@example.com")
    make(hostile, 12)
    make(other, 3)
    found = claimed(stage, ClaimBounds(rooms={hostile.id: 2}, newcomer=8), is_crowded=True)
    assert sorted(found.count(user.id) for user in (hostile, other)) == [2, 3]


@pytest.mark.django_db
@LANES
def test_a_host_that_is_full_is_passed_over_and_the_tenants_other_hosts_are_not(make: Callable[..., None], stage):
    user = make_user()
    make(user, 4, url=TARPIT)
    make(user, 2, url="https://tarpit.example.org/")
    bounds = ClaimBounds(rooms={user.id: 5}, full_hosts={user.id: (origin(TARPIT),)})
    assert claimed(stage, bounds) == [user.id] * 2
    assert claimed(stage, ClaimBounds()) == [user.id] * 4


@pytest.mark.django_db
def test_bounds_that_are_not_reached_cost_no_query():
    user = make_user()
    make_jobs(user, 1)
    assert claimed(running, ClaimBounds()) == [user.id]
    counts = []
    for bounds in (ClaimBounds(), ClaimBounds(rooms={user.id: 50}, newcomer=40)):
        make_jobs(user, 1)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert claimed(running, bounds) == [user.id]
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert Job.objects.filter(state="executing").count() == 3


@pytest.mark.parametrize(("own", "alone", "with_another"), [(7, 7, 7), (70, 70, 49), (0, 100, 99)])
def test_a_tenant_may_have_places_of_its_own(own: int, alone: int, with_another: int):
    for others, expected in ((0, alone), (1, with_another)):
        shared = places(per_host=0)
        shared.own = lambda: {A: own}
        for _ in range(others):
            shared.take(B, "https://b.example/")
        assert fill(shared, A) == expected


def test_a_tenants_own_places_are_kept_to_by_its_first_claim_too():
    shared = places()
    shared.own = lambda: {A: 3}
    bounds = shared.bounds(now=0.0)
    assert (bounds.cut(50, A), bounds.cut(50, B), bounds.are_tight) == (3, 50, True)
