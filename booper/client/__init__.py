"""The SDK: every call of the HTTP API as a method that returns plain data or raises one of the errors below."""

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
from booper.client.jobs import Jobs
from booper.client.logs import Logs
from booper.client.queues import Queues
from booper.client.resources import PAGE_SIZE
from booper.client.scheduler import Scheduler
from booper.client.schedules import Schedules
from booper.client.settings import API_KEY_VARIABLE, API_URL_VARIABLE, DEFAULT_API_URL
from booper.client.shapes import Filter, Id, Json, JsonList

__all__ = [
    "API_KEY_VARIABLE",
    "API_URL_VARIABLE",
    "DEFAULT_API_URL",
    "PAGE_SIZE",
    "APIError",
    "AsyncScheduler",
    "BadRequest",
    "BooperError",
    "Calendars",
    "Conflict",
    "ConnectionFailed",
    "Deliveries",
    "Filter",
    "Id",
    "InvalidCall",
    "Jobs",
    "Json",
    "JsonList",
    "Logs",
    "NotFound",
    "Queues",
    "RateLimited",
    "Scheduler",
    "Schedules",
    "ServerError",
    "TooLarge",
    "Unauthorized",
]
