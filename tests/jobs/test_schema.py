"""The API answers as its OpenAPI document says, whatever is sent: schemathesis tries."""

from typing import Any

import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from hypothesis import HealthCheck, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from jobs.api import urls
from jobs.api.endpoints import openapi
from jobs.models import User
from tests.conftest import Announced
from tests.factories import make_job, make_schedule

schema = schemathesis.openapi.from_dict(openapi.document(urls.ROUTES))

CHECKS = (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)


@schema.parametrize()
@settings(max_examples=60, derandomize=True, database=None, deadline=None, suppress_health_check=[*HealthCheck])
def test_no_answer_is_a_5xx_or_undocumented(
    case: Any, wsgi_application: WSGIHandler, user: User, token: str, announced: Announced
) -> None:
    lead_half_of_them_further(case, user)
    case.call_and_validate(app=wsgi_application, headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)


def lead_half_of_them_further(case: Any, user: User) -> None:
    """Past the first check: no random id is that of a job, and no random text a URL."""
    if len(str(case.path_parameters)) % 2 and "job_id" in case.path_parameters:
        case.path_parameters["job_id"] = make_job(user=user).id
    # The ids of schedules are all as long.
    if sum(str(case.path_parameters).encode(errors="replace")) % 2 and "schedule_id" in case.path_parameters:
        case.path_parameters["schedule_id"] = str(make_schedule().id)
    if len(str(case.body)) % 2 and isinstance(case.body, dict) and isinstance(case.body.get("url"), str):
        case.body["url"] = "https://example.com/hook"
