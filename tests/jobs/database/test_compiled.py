"""A query whose SQL is made once answers what the ORM would."""

from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from jobs.database import sql
from jobs.database.compiled import CompiledQuery
from jobs.models import Job, User
from tests.factories import make_job, make_user

pytestmark = pytest.mark.django_db

OF_USER = CompiledQuery(
    lambda user_id, number: Job.objects.filter(user_id=user_id, id=number), examples=(UUID(int=1), 7_777_777)
)


def fields_of(row: Model) -> dict[str, object]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


@pytest.fixture
def job(user: User) -> Job:
    return make_job(user=user, name="n", backoff_seconds=[1.5, 2], idempotency_key="k")


def test_its_rows_are_those_of_the_orm_field_by_field(job: Job) -> None:
    [found] = OF_USER.rows(job.user_id, job.id)
    assert fields_of(found) == fields_of(Job.objects.get(id=job.id))
    assert not found._state.adding
    assert not found.get_deferred_fields()


def test_other_values_find_other_rows_by_the_same_sql(job: Job) -> None:
    other = make_job(user=make_user("grace@example.com"))
    with CaptureQueriesContext(connection) as queries:
        assert [row.id for row in OF_USER.rows(other.user_id, other.id)] == [other.id]
        assert OF_USER.rows(other.user_id, job.id) == []
        assert OF_USER.rows(uuid4(), job.id) == []
    assert len(queries) == 3


def test_an_order_and_a_limit_are_kept(user: User) -> None:
    ids = [make_job(user=user).id for _ in range(4)]
    make_job(user=make_user("grace@example.com"))
    latest = CompiledQuery(
        lambda user_id: Job.objects.filter(sql.owned_by(user_id)).order_by("-user_id", "-id")[:3],
        examples=(UUID(int=1),),
    )
    assert [row.id for row in latest.rows(user.id)] == ids[:0:-1]


def test_a_value_that_the_sql_does_not_depend_on_is_a_mistake(job: Job) -> None:
    query = CompiledQuery(lambda user_id, number: Job.objects.filter(user_id=user_id), examples=(UUID(int=1), 7))
    with pytest.raises(ValueError, match="not all of"):
        query.rows(job.user_id, job.id)
