"""The SDK: every call of the HTTP API as a method that returns plain data or raises one of the errors below."""

from booper.client.alerts import Alerts
from booper.client.awaited import AsyncScheduler
from booper.client.calendars import Calendars
from booper.client.deliveries import Deliveries
from booper.client.errors import (
    APIError,
    BadRequest,
    BooperError,
    Conflict,
    ConnectionFailed,
    InvalidCall,
    NotFound,
    RateLimited,
    ServerError,
    TooLarge,
    Unauthorized,
)
from booper.client.inbox import Inbox
from booper.client.inputs import JobInput
from booper.client.jobs import Jobs
from booper.client.keys import Keys
from booper.client.limits import Limits
from booper.client.logs import Logs
from booper.client.queues import Queues
from booper.client.receivers import Receivers
from booper.client.records import (
    Alert,
    AlertIncident,
    ApiKey,
    BatchItem,
    Calendar,
    Delivery,
    DeliveryWithBody,
    InboxRequest,
    IssuedApiKey,
    IssuedSigningSecret,
    Job,
    JobError,
    JobStatus,
    Limit,
    LogEvent,
    Preview,
    Queue,
    Receiver,
    RefusedJob,
    Run,
    Schedule,
    Secret,
    SigningSecret,
    Timeline,
    TimelineEntry,
    Version,
)
from booper.client.resources import PAGE_SIZE
from booper.client.scheduler import Scheduler
from booper.client.schedules import Schedules
from booper.client.secrets import Secrets
from booper.client.settings import API_KEY_VARIABLE, API_URL_VARIABLE, DEFAULT_API_URL
from booper.client.shapes import Filter, Id, Json, JsonList, Span
from booper.client.signing_secrets import SigningSecrets

__all__ = [
    "API_KEY_VARIABLE",
    "API_URL_VARIABLE",
    "DEFAULT_API_URL",
    "PAGE_SIZE",
    "APIError",
    "Alert",
    "AlertIncident",
    "Alerts",
    "ApiKey",
    "AsyncScheduler",
    "BadRequest",
    "BatchItem",
    "BooperError",
    "Calendar",
    "Calendars",
    "Conflict",
    "ConnectionFailed",
    "Deliveries",
    "Delivery",
    "DeliveryWithBody",
    "Filter",
    "Id",
    "Inbox",
    "InboxRequest",
    "InvalidCall",
    "IssuedApiKey",
    "IssuedSigningSecret",
    "Job",
    "JobError",
    "JobInput",
    "JobStatus",
    "Jobs",
    "Json",
    "JsonList",
    "Keys",
    "Limit",
    "Limits",
    "LogEvent",
    "Logs",
    "NotFound",
    "Preview",
    "Queue",
    "Queues",
    "RateLimited",
    "Receiver",
    "Receivers",
    "RefusedJob",
    "Run",
    "Schedule",
    "Scheduler",
    "Schedules",
    "Secret",
    "Secrets",
    "ServerError",
    "SigningSecret",
    "SigningSecrets",
    "Span",
    "Timeline",
    "TimelineEntry",
    "TooLarge",
    "Unauthorized",
    "Version",
]
