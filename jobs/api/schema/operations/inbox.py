"""The calls about the inbox."""

from jobs.api.input import query
from jobs.api.schema.components.shapes import ref
from jobs.api.schema.operations.operation import listing, operation, parameters

LIST_INBOX = listing(
    "listInbox", "List what arrived in your inbox", tag="inbox", of="InboxRequest", columns=query.INBOX_COLUMNS
)

GET_INBOX_ADDRESS = operation(
    "getInboxAddress",
    "Read your inbox's address",
    tag="inbox",
    description="It takes any request, at any path below it too, and keeps the last 200 for a day, 256 KiB of each.",
    answers={200: ref("InboxAddress")},
)

GET_INBOX_REQUEST = operation(
    "getInboxRequest",
    "Read one request that arrived",
    tag="inbox",
    answers={200: ref("InboxRequest")},
    refusals=(404,),
    parameters=parameters("inbox_request_id"),
)

CLEAR_INBOX = operation("clearInbox", "Empty your inbox", tag="inbox", answers={200: ref("InboxCleared")})

ROTATE_INBOX = operation(
    "rotateInbox",
    "Change your inbox's address",
    tag="inbox",
    description="The one before takes nothing any more.",
    answers={201: ref("InboxAddress")},
    has_location=False,
)
