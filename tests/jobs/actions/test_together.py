"""Requests of the same moment share an insert: nobody waits for company, and nobody shares another one's fault."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from jobs.actions import batch, together
from jobs.actions import job as job_actions
from jobs.actions.batch import NewJob
from jobs.actions.together import Company
from jobs.models import Job, User
from jobs.running import transitions
from jobs.specs import JobSpec
from tests.factories import NOON, make_spec, make_user

SOMEBODY = UUID(int=1)
Rows = Sequence[tuple[JobSpec, NewJob]]


class Database:
    """Takes what it is given; the first statement waits until it is `released`."""

    def __init__(self, answer: Callable[[Rows], set[UUID]] | None = None) -> None:
        self.rounds: list[list[str | None]] = []
        self.entered = threading.Event()
        self.released = threading.Event()
        self._answer = answer or (lambda rows: {job.uuid for _, job in rows})

    def insert(self, rows: Rows) -> set[UUID]:
        self.rounds.append([spec.name for spec, _ in rows])
        if len(self.rounds) == 1:
            self.entered.set()
            assert self.released.wait(30)
        return self._answer(rows)


def take(company: Company, name: str) -> NewJob | None:
    return company.take(make_spec(name=name), user_id=SOMEBODY, now=NOON)


def all_at_once(database: Database, names: Sequence[str]) -> list[Future[NewJob | None]]:
    """One whose statement is on its way, and the others while it is."""
    company = Company(database.insert)
    with ThreadPoolExecutor(len(names)) as threads:
        futures = [threads.submit(take, company, names[0])]
        assert database.entered.wait(30)
        for count, name in enumerate(names[1:], start=1):
            futures.append(threads.submit(take, company, name))
            until(partial(_waits, company, count))
        database.released.set()
    return futures


def _waits(company: Company, count: int) -> bool:
    return len(company._waiting) == count


def until(holds: Callable[[], bool]) -> None:
    """The test's own time-out is the limit."""
    while not holds():
        time.sleep(0.001)


def test_one_alone_is_inserted_at_once() -> None:
    database = Database()
    database.released.set()
    company = Company(database.insert)
    assert [job is not None for job in (take(company, "a"), take(company, "b"))] == [True, True]
    assert database.rounds == [["a"], ["b"]]


def test_those_who_come_meanwhile_share_the_next_statement() -> None:
    database = Database()
    futures = all_at_once(database, "abcd")
    assert database.rounds == [["a"], ["b", "c", "d"]]
    jobs = [future.result() for future in futures]
    assert len({job.uuid for job in jobs if job is not None}) == 4


def test_more_than_a_statement_should_hold_are_several() -> None:
    database = Database()
    names = [str(number) for number in range(together._MOST_TOGETHER + 3)]
    all_at_once(database, names)
    assert [len(names) for names in database.rounds] == [1, together._MOST_TOGETHER, 2]


def test_one_that_a_held_key_keeps_out_is_told_so_alone() -> None:
    database = Database(lambda rows: {job.uuid for spec, job in rows if spec.name != "c"})
    assert [future.result() is not None for future in all_at_once(database, "abcd")] == [True, True, False, True]


def test_one_that_spoils_the_statement_leaves_the_others_to_try_alone() -> None:
    def refuse(rows: Rows) -> set[UUID]:
        if len(rows) > 1:
            raise IntegrityError("the user is gone")
        return {job.uuid for _, job in rows}

    assert [future.result() is None for future in all_at_once(Database(refuse), "abc")] == [False, True, True]


def test_a_database_that_is_away_is_so_for_everybody_and_the_next_one_asks_again() -> None:
    def fail(rows: Rows) -> set[UUID]:
        raise OperationalError("the server closed the connection")

    database = Database(fail)
    for future in all_at_once(database, "abc"):
        with pytest.raises(OperationalError, match="closed the connection"):
            future.result()
    assert database.rounds == [["a"], ["b", "c"]]


@pytest.fixture
def owner(transactional_db: None) -> User:
    return make_user()


def row_of(job: Any) -> dict[str, Any]:
    row = Job.objects.filter(id=job.id).values().get()
    return {name: value for name, value in row.items() if name not in ("id", "uuid")}


def test_the_row_is_that_of_one_inserted_alone(owner: User) -> None:
    spec = make_spec(
        name="n",
        description="d",
        callback_url="https://example.com/c",
        webhook_url="https://example.com/w",
        backoff_seconds=[1.0, 2.5],
        idempotency_key="k",
    )
    taken = job_actions.schedule_job(spec, None, user_id=owner.id, now=NOON)
    assert isinstance(taken.job, NewJob)
    together_with = row_of(taken.job)
    Job.objects.all().delete()
    alone = transitions.schedule(spec, user_id=owner.id, now=NOON).job
    assert together_with == row_of(alone)


def test_jobs_of_two_users_share_a_statement_and_stay_theirs(owner: User) -> None:
    other = make_user("grace@example.com")
    jobs = [(make_spec(), batch.new_job(make_spec(), user_id=user.id, now=NOON)) for user in (owner, other)]
    assert batch.insert(jobs) == {job.uuid for _, job in jobs}
    assert [Job.objects.get(id=job.id).user_id for _, job in jobs] == [owner.id, other.id]


def test_a_key_that_is_held_answers_the_holder(owner: User) -> None:
    first = job_actions.schedule_job(make_spec(idempotency_key="k"), None, user_id=owner.id, now=NOON)
    second = job_actions.schedule_job(make_spec(idempotency_key="k"), None, user_id=owner.id, now=NOON)
    assert (first.is_new, second.is_new) == (True, False)
    assert second.job.id == first.job.id


def test_inside_a_transaction_nothing_is_committed_by_others(owner: User) -> None:
    with transaction.atomic():
        job_actions.schedule_job(make_spec(), None, user_id=owner.id, now=NOON)
        transaction.set_rollback(True)
    assert not Job.objects.exists()
    assert not connection.in_atomic_block
