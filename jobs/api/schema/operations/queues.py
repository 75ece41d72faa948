"""The calls about queues."""

from jobs.api.input import query
from jobs.api.schema.components.shapes import ref
from jobs.api.schema.operations.operation import listing, operation, parameters

LIST_QUEUES = listing("listQueues", "List queues", tag="queues", of="Queue", columns=query.QUEUE_COLUMNS)

GET_QUEUE = operation(
    "getQueue",
    "Get a queue",
    tag="queues",
    answers={200: ref("Queue")},
    refusals=(404,),
    parameters=parameters("queue_name"),
)

SET_QUEUE = operation(
    "setQueue",
    "Set a queue's limits",
    tag="queues",
    description="All of them: what is left out is no limit, and not paused. Makes the queue if it is not there. "
    "Requests that are on the wire stay there.",
    answers={200: ref("Queue")},
    parameters=parameters("queue_name"),
    body="QueueLimits",
    form_example={"concurrency": "5", "rate[limit]": "100", "rate[period]": "1 minute"},
)
