"""The API answers as its OpenAPI document says, whatever is sent: schemathesis tries."""

from collections import Counter
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from hypothesis import HealthCheck, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.result import Ok
from schemathesis.generation.hypothesis import builder
from schemathesis.pytest.lazy import get_all_tests

from jobs.api import urls
from jobs.api.endpoints import openapi
from jobs.models import Job, JobState, Schedule, User
from tests.conftest import Announced
from tests.factories import make_job, make_schedule
from tests.fuzzing import amount

# A busy machine is minutes at the largest.
pytestmark = pytest.mark.timeout(amount.LONGEST_SECONDS * 2)

document = openapi.document(urls.ROUTES)
schema = schemathesis.openapi.from_dict(document)

METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
OPERATIONS = [
    f"{method.upper()} {path}" for path, found in document["paths"].items() for method in found if method in METHODS
]
# Beside those that hypothesis draws. `FUZZ_EXAMPLES` has all tried.
MOST_PREPARED = 500
CHECKS = (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
# What schemathesis could not try, by its own word.
LEFT_OUT = (
    builder.InvalidHeadersExampleMark,
    builder.InvalidRegexMark,
    builder.MissingPathParameters,
    builder.NonSerializableMark,
    builder.UnsatisfiableExampleMark,
    builder.UnserializablePayloadMark,
)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_answer_is_a_5xx_or_undocumented(
    operation: str, wsgi_application: WSGIHandler, user: User, token: str, announced: Announced
) -> None:
    # Only here, where `schema.parametrize()` would do it for all of them in each process that collects tests.
    [made] = get_all_tests(schema=schema.include(name=operation), test_func=_try, settings=None, given_kwargs={})
    assert isinstance(made, Ok), made
    _, tries = made.ok()
    share_out(tries, operation)
    tries(application=wsgi_application, there=There(user), token=token)
    assert [mark.get(tries) for mark in LEFT_OUT if mark.is_set(tries)] == []


def share_out(tries: Any, operation: str) -> None:
    """Leaves each call some of its prepared cases, another part than the other database's, unless all are asked for.

    Seven calls that take a job have thousands of them, drawn up of one schema each time.
    """
    prepared = tries.hypothesis_explicit_examples
    if not amount.IS_LONG and len(prepared) > MOST_PREPARED:
        each = -(-len(prepared) // MOST_PREPARED)
        offset = OPERATIONS.index(operation) + (connection.vendor == "postgresql")
        tries.hypothesis_explicit_examples = prepared[offset % each :: each]


@settings(max_examples=60, derandomize=True, database=None, deadline=None, suppress_health_check=[*HealthCheck])
def _try(case: Any, application: WSGIHandler, there: "There", token: str) -> None:
    lead_half_of_them_further(case, there)
    case.call_and_validate(app=application, headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)


class There:
    """What is there to be named: another where it was cancelled or deleted meanwhile, and after ten times anyway."""

    def __init__(self, user: User) -> None:
        self._make = {"job_id": lambda: make_job(user=user).id, "schedule_id": lambda: str(make_schedule().id)}
        self._is_kept = {
            "job_id": lambda id: Job.objects.filter(id=id, state=JobState.SCHEDULED).exists(),
            "schedule_id": lambda id: Schedule.objects.filter(id=id, disabled_at=None, deleted_at=None).exists(),
        }
        self._made: dict[str, Any] = {}
        self._asked: Counter[str] = Counter()

    def one(self, parameter: str) -> Any:
        is_due = self._asked[parameter] % 10 == 0
        if is_due or not self._is_kept[parameter](self._made[parameter]):
            self._made[parameter] = self._make[parameter]()
        self._asked[parameter] += 1
        return self._made[parameter]


def lead_half_of_them_further(case: Any, there: There) -> None:
    """Past the first check: no random id is that of a job, and no random text a URL."""
    if len(str(case.path_parameters)) % 2 and "job_id" in case.path_parameters:
        case.path_parameters["job_id"] = there.one("job_id")
    # The ids of schedules are all as long.
    if sum(str(case.path_parameters).encode(errors="replace")) % 2 and "schedule_id" in case.path_parameters:
        case.path_parameters["schedule_id"] = there.one("schedule_id")
    if len(str(case.body)) % 2 and isinstance(case.body, dict) and isinstance(case.body.get("url"), str):
        case.body["url"] = "https://example.com/hook"
