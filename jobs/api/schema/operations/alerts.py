"""The calls about alerts."""

from jobs.api.input import query
from jobs.api.schema.components.shapes import ref
from jobs.api.schema.operations.operation import listing, operation, parameters

LIST_ALERTS = listing("listAlerts", "List alerts", tag="alerts", of="Alert", columns=query.ALERT_COLUMNS)

CREATE_ALERT = operation(
    "createAlert",
    "Make an alert",
    tag="alerts",
    description="It counts what ends from now on, and tells each address when it fires, and when that is over. "
    "409 if there is one of this name.",
    answers={201: ref("Alert")},
    refusals=(409, 429),
    body="AlertInput",
    form_example={"name": "nightly", "when[discarded]": 3, "to[]": "https://example.com/alerts"},
)

GET_ALERT = operation(
    "getAlert",
    "Get an alert",
    tag="alerts",
    answers={200: ref("Alert")},
    refusals=(404,),
    parameters=parameters("alert_id"),
)

CHANGE_ALERT = operation(
    "changeAlert",
    "Change an alert",
    tag="alerts",
    description="What is left out stays as it is. With another `when` or `of` it begins to count anew, and what fires "
    "is over.",
    answers={200: ref("Alert")},
    refusals=(404, 409),
    parameters=parameters("alert_id"),
    body="AlertChanges",
    form_example={"mute_for": "1 hour"},
)

DELETE_ALERT = operation(
    "deleteAlert",
    "Delete an alert",
    tag="alerts",
    description="With its incidents; of those that fire it is said that they are over.",
    answers={200: ref("Alert")},
    refusals=(404,),
    parameters=parameters("alert_id"),
)

TEST_ALERT = operation(
    "testAlert",
    "Try an alert",
    tag="alerts",
    description="Sends a message to each address, with `test` true. What each answered is in its incidents. 409 after "
    "ten of them within a minute.",
    answers={202: ref("AlertIncident")},
    refusals=(404, 409),
    parameters=parameters("alert_id"),
)

LIST_INCIDENTS = listing(
    "listAlertIncidents",
    "List when an alert fired",
    tag="alerts",
    of="AlertIncident",
    columns=query.INCIDENT_COLUMNS,
    before=("alert_id",),
    refusals=(404,),
)
