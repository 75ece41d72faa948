"""What the API answers, as types: each named and shaped as in the OpenAPI document, which a test holds them to."""

from typing import Any, Literal, NotRequired, TypedDict, final

from booper.client.shapes import Json

JobState = Literal["scheduled", "available", "executing", "retryable", "completed", "cancelled", "discarded"]
DeliveryKind = Literal["callback", "webhook", "alert"]
DeliveryState = Literal["pending", "sending", "delivered", "failed"]
ReceiverState = Literal["working", "failing", "off"]
Scope = Literal["read", "write", "admin"]
Overlap = Literal["allow", "skip", "queue", "cancel"]
CatchUp = Literal["latest", "skip"]
# Whatever was sent for one, which comes back as it was.
Duration = str | float | list[Any]


class WouldFollow(TypedDict):
    after: Literal["completed", "discarded"]
    method: str
    url: str
    name: str | None
    schedule_in: str | None
    children: int


class Relative(TypedDict):
    id: str
    job_id: int
    state: JobState
    method: str
    url: str
    name: str | None


class JobStatus(TypedDict):
    """Times are RFC 3339 in UTC, here and below."""

    id: int
    state: JobState
    inserted_at: str
    scheduled_at: str
    attempted_at: str | None
    completed_at: str | None
    cancelled_at: str | None
    discarded_at: str | None
    has_confict: bool
    has_conflict: bool


class JobError(TypedDict):
    code: str
    message: str
    response_status: int | None
    at: str


@final
class Job(TypedDict):
    id: str
    job_id: int
    user_id: str
    schedule_id: str | None
    name: str | None
    description: str | None
    idempotency_key: str | None
    inserted_at: str
    job: JobStatus
    expires_at: str | None
    parent_id: str | None
    tags: list[str]
    queue: str | None
    attempt: int
    max_attempts: int
    error: JobError | None
    args: Json


@final
class RefusedJob(TypedDict):
    """A job of a batch that was refused: `"job_id" in each` tells the others from it."""

    error: Json


BatchItem = Job | RefusedJob


class Cancelled(TypedDict):
    matched: int
    cancelled: NotRequired[int]


class Retried(TypedDict):
    matched: int
    retried: NotRequired[int]


class RunNow(TypedDict):
    matched: int
    run: NotRequired[int]


class Deleted(TypedDict):
    matched: int
    deleted: NotRequired[int]


class Resent(TypedDict):
    matched: int
    resent: NotRequired[int]


class Reason(TypedDict):
    code: str
    message: str
    until: str | None


class TimelineEntry(TypedDict):
    at: str
    type: Literal["log", "delivery", "wait"]
    name: str
    text: str
    attempt: int | None
    seconds: float | None
    payload: Json


class Timeline(TypedDict):
    id: str
    job_id: int
    state: JobState
    reason: Reason
    late_seconds: float | None
    seconds_in_states: dict[str, float]
    parent: Relative | None
    children: list[Relative]
    follows: list[WouldFollow]
    is_complete: bool
    entries: list[TimelineEntry]


class Schedule(TypedDict):
    """`frequency` is {"repeat_every": [2, "minutes"]} or {"cron": "0 9 * * *"}, or a list of cron expressions."""

    id: str
    key: str | None
    managed_by: str | None
    name: str | None
    description: str | None
    inserted_at: str
    disabled_at: str | None
    disabled_reason: str | None
    user_id: str
    frequency: Json
    timezone: str
    starts_at: str | None
    ends_at: str | None
    max_runs: int | None
    run_count: int
    next_run_at: str | None
    overlap: Overlap
    catch_up: CatchUp
    include_metadata: bool | None
    disable_after: int | None
    jitter: Duration | None
    skip_on: list[str] | None
    only_on: list[str] | None
    state: Json
    previous: Any
    args: Json


@final
class Run(TypedDict):
    at: str
    local: str
    note: str | None


BackfilledRun = Job | Run


class PreviewedRequest(TypedDict):
    method: Literal["get", "post", "put", "patch", "delete"]
    url: str
    query: Json
    headers: dict[str, str]
    body: Any


class Preview(TypedDict):
    description: str
    frequency: Json | None
    timezone: str
    runs: list[Run]
    skipped: list[Run]
    request: PreviewedRequest | None
    follows: list[WouldFollow]


class LogEvent(TypedDict):
    id: str
    event: str
    inserted_at: str
    job_id: int
    user_id: str
    payload: Json


class DeliveryError(TypedDict):
    code: str
    message: str


class Delivery(TypedDict):
    id: str
    job_id: int | None
    user_id: str
    kind: DeliveryKind
    event: str
    sequence: int | None
    url: str
    state: DeliveryState
    attempt: int
    inserted_at: str
    next_attempt_at: str | None
    attempted_at: str | None
    delivered_at: str | None
    failed_at: str | None
    resent_at: str | None
    response_status: int | None
    error: DeliveryError | None


class DeliveryWithBody(Delivery):
    body: Json


class Receiver(TypedDict):
    id: str
    user_id: str
    origin: str
    state: ReceiverState
    failing_since: str | None
    disabled_at: str | None
    last_failed_at: str
    response_status: int | None
    error: DeliveryError | None


class Rate(TypedDict):
    limit: int
    period: list[Any]


class Queue(TypedDict):
    name: str
    inserted_at: str
    concurrency: int | None
    rate: Rate | None
    paused: bool
    waiting: int
    running: int


class ListedCalendar(TypedDict):
    """A calendar without the text of its .ics file."""

    name: str
    inserted_at: str
    updated_at: str
    dates: list[Any] | None
    country: str | None
    subdivision: str | None
    day_count: int
    next_days: list[str]
    used_by: list[str]


class Calendar(ListedCalendar):
    ics: str | None


class Alert(TypedDict):
    id: str
    user_id: str
    name: str
    when: Json
    of: Json | None
    to: list[str]
    mute_for: Duration
    inserted_at: str
    updated_at: str
    firing: int


class AlertIncident(TypedDict):
    """One time that an alert fired, and what each address was sent and answered."""

    id: str
    alert_id: str
    state: Literal["firing", "resolved"]
    test: bool
    subject: Json
    since: str
    until: str | None
    told_at: str
    summary: str
    resolved_by: str | None
    job: Json | None
    deliveries: list[Json]


class ApiKey(TypedDict):
    id: str
    name: str
    scope: Scope
    hint: str | None
    inserted_at: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None


class IssuedApiKey(ApiKey):
    key: str


class SigningSecretInForce(TypedDict):
    hint: str
    inserted_at: str
    until: str | None


class SigningSecret(TypedDict):
    inserted_at: str
    in_force: list[SigningSecretInForce]


class IssuedSigningSecret(SigningSecret):
    secret: str


class SecretUses(TypedDict):
    schedules: list[str]
    jobs: list[int]


class Secret(TypedDict):
    name: str
    hosts: list[str] | None
    inserted_at: str
    updated_at: str
    used_by: SecretUses


class Limit(TypedDict):
    name: str
    allowed: int | None
    used: int | None
    resets_at: str | None


class InboxRequest(TypedDict):
    id: str
    inserted_at: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str
    body_base64: str
    truncated: bool
    address: str


class InboxCleared(TypedDict):
    deleted: int


class InboxAddress(TypedDict):
    address: str


class Version(TypedDict):
    version: str
    api: str


class Pong(TypedDict):
    message: str
