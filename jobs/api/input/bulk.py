"""What a call about many rows is asked for: the filters of their list, `all` without any, and `dry_run`."""

from collections.abc import Sequence
from typing import Any

from rest_framework.request import Request

from jobs.api.input import query
from jobs.intake.fields import Input

OPTIONS = ("all", "dry_run")


def read(request: Request, in_body: dict[str, Any], *, filters: Sequence[str]) -> Input:
    """The fields out of the query, as the list has them, or out of the body."""
    known = (*filters, *OPTIONS)
    in_query = query.read(request, known=known).fields
    given = Input({**in_body, **in_query}, known=known)
    for name in in_body.keys() & in_query.keys():
        given.refuse(name, detail="it is both in the query and in the body: give it once")
    return given


def finish(given: Input, *, filters: Sequence[str], everything: str) -> bool:
    """Whether it is only asked how many there are. Raises InvalidInput; `everything` is what `all` would mean."""
    wants_all, is_dry = given.switch("all"), given.switch("dry_run")
    if not wants_all and not any(given.has(name) for name in filters):
        remedy = f"give one or more of {', '.join(filters)}, or all=true for {everything}"
        given.refuse(detail=f"there is no filter: {remedy}")
    given.finish()
    return bool(is_dry)
