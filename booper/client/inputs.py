"""What the API takes, as types: named and shaped as in the OpenAPI document, which a test holds them to."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypedDict

from booper.client.records import CatchUp, Overlap
from booper.client.shapes import Span

Moment = datetime | str | float


class JobInput(TypedDict, total=False):
    """What a job may say, for whoever wants to have it checked; `jobs.create` takes any mapping."""

    method: str
    url: str
    query: Mapping[str, Any] | None
    headers: Mapping[str, str | float] | None
    body: Any
    body_format: Literal["json", "form", "text", "base64"] | None
    expires_in: Span | None
    expires_at: Moment | None
    success_when: Mapping[str, Any] | None
    schedule_in: Span | None
    scheduled_at: Moment | None
    timezone: str | None
    name: str | None
    description: str | None
    idempotency_key: str | None
    on_conflict: Literal["ignore", "replace", "refuse"] | None
    callback_url: str | None
    webhook_url: str | None
    timeout: float | None
    max_attempts: int | None
    backoff: Sequence[Span] | None
    cron: str | Sequence[str] | None
    repeat_every: Span | None
    starts_at: Moment | None
    ends_at: Moment | None
    max_runs: int | None
    overlap: Overlap | None
    catch_up: CatchUp | None
    include_metadata: bool | None
    disable_after: int | None
    jitter: Span | None
    skip_on: str | Sequence[str] | None
    only_on: str | Sequence[str] | None
    queue: str | None
    tags: Sequence[str] | None
    then: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
    on_failure: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
