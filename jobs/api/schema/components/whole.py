"""All that the OpenAPI document's section `components` holds."""

from jobs.api.schema.components import (
    alerts,
    applied,
    calendars,
    deliveries,
    demo,
    guarding,
    inbox,
    jobs,
    parameters,
    queues,
    refusals,
    schedules,
    shapes,
)
from jobs.api.schema.components.shapes import Schema

SCHEMAS: dict[str, Schema] = {
    **shapes.SCHEMAS,
    **jobs.SCHEMAS,
    **schedules.SCHEMAS,
    **queues.SCHEMAS,
    **calendars.SCHEMAS,
    **applied.SCHEMAS,
    **deliveries.SCHEMAS,
    **alerts.SCHEMAS,
    **demo.SCHEMAS,
    **guarding.SCHEMAS,
    **inbox.SCHEMAS,
    **refusals.SCHEMAS,
}
PARAMETERS = parameters.PARAMETERS
RESPONSES = refusals.RESPONSES

SECURITY: dict[str, Schema] = {
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "sk_…",
        "description": "`Authorization: Bearer sk_…`; `Authorization: Token sk_…` is taken as well.",
    }
}
