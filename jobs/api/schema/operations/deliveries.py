"""The calls about deliveries and receivers."""

from jobs.api.input import query
from jobs.api.schema.components.shapes import ref
from jobs.api.schema.operations.operation import listing, operation, parameters

_DELIVERY_ANSWER = {200: ref("DeliveryWithBody")}

LIST_DELIVERIES = listing(
    "listDeliveries",
    "List callbacks and webhooks",
    tag="deliveries",
    of="Delivery",
    columns=query.DELIVERY_COLUMNS,
    filters=("delivery_job_id", "tag", "kind", "delivery_state"),
)

GET_DELIVERY = operation(
    "getDelivery",
    "Get a delivery, with what is sent",
    tag="deliveries",
    answers=_DELIVERY_ANSWER,
    refusals=(404,),
    parameters=parameters("delivery_id"),
)

RESEND_DELIVERY = operation(
    "resendDelivery",
    "Send a delivery again",
    tag="deliveries",
    description="The same body under the same `webhook-id`, signed anew and retried for a day as if it were new. 409 "
    "if it is still on its way, its receiver is switched off, or it has had 15,000 attempts.",
    answers=_DELIVERY_ANSWER,
    refusals=(404, 409),
    parameters=parameters("delivery_id"),
)

RESEND_DELIVERIES = operation(
    "resendDeliveries",
    "Send many deliveries again",
    tag="deliveries",
    description="Those that have ended and that the same filters would list, as if each were sent again alone. Without "
    "a `state`, those that failed; never to a receiver that is switched off. Without any filter, `all` has to be true.",
    answers={200: ref("Resent")},
    parameters=parameters("delivery_job_id", "tag", "kind", "delivery_state", "all", "bulk_dry_run"),
    body="DeliveryFilters",
    form_example={"kind": "webhook"},
    needs_body=False,
)

LIST_RECEIVERS = listing(
    "listReceivers", "List receivers that failed", tag="deliveries", of="Receiver", columns=query.RECEIVER_COLUMNS
)

GET_RECEIVER = operation(
    "getReceiver",
    "Get a receiver that failed",
    tag="deliveries",
    answers={200: ref("Receiver")},
    refusals=(404,),
    parameters=parameters("receiver_id"),
)

ENABLE_RECEIVER = operation(
    "enableReceiver",
    "Switch a receiver on",
    tag="deliveries",
    description="It is sent to again, and has five days again. Deliveries that failed meanwhile can be sent again one "
    "by one. Nothing changes if it works.",
    answers={200: ref("Receiver")},
    refusals=(404,),
    parameters=parameters("receiver_id"),
)
