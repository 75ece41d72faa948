"""What a view's method was declared to take, and what the OpenAPI document says of it, are one."""

from collections.abc import Callable
from typing import Any

import pytest

from jobs.api.input.taken import takes
from jobs.api.schema.components.shapes import ref
from jobs.api.schema.operations.operation import operation, parameters

describe = operation("try", "Try", tag="demo", answers={200: ref("Pong")}, parameters=parameters("scope"))
describe_body = operation("try", "Try", tag="demo", answers={200: ref("Pong")}, body="DisableInput")


def test_a_call_that_takes_what_it_describes_is_described():
    @describe
    @takes(query=("scope",))
    def get(*_: Any) -> None: ...


@pytest.mark.parametrize(
    ("description", "declared"),
    [
        (describe, {}),
        (describe, {"query": ("scope", "limit")}),
        (describe, {"query": ("scope",), "body": ("reason",)}),
        (describe_body, {}),
        (describe_body, {"body": ("reason", "why")}),
    ],
)
def test_a_description_of_anything_else_stops_the_boot(description: Callable[[Any], Any], declared: dict[str, Any]):
    with pytest.raises(TypeError, match=r"try takes .*, and describes"):

        @description
        @takes(**declared)
        def get(*_: Any) -> None: ...
