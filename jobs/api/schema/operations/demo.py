"""The calls to try things with, and those that are open to everyone."""

from jobs.api.schema.components.shapes import ref
from jobs.api.schema.operations.operation import operation

GET_VERSION = operation("getVersion", "Which Booper this is", tag="demo", answers={200: ref("Version")}, is_open=True)

PING = operation(
    "ping",
    "See whether the API is up",
    tag="demo",
    answers={200: ref("Pong")},
    is_open=True,
    is_bare=True,
)

ECHO = operation(
    "echo",
    "Get back what was sent",
    tag="demo",
    description="Any JSON; a form is answered as the object that it means.",
    answers={200: ref("AnyJSON")},
    body="AnyJSON",
    form_example={"hello": "world"},
    is_open=True,
    is_bare=True,
)

BROADCAST = operation(
    "broadcast",
    "Receive a message",
    tag="demo",
    description="A target for a first job. Keys that begin with `$` are passed over.",
    answers={200: ref("Broadcast")},
    body="BroadcastInput",
    form_example={"content": "Hi", "author": "Booper", "channel": "quickstart"},
    is_open=True,
    is_bare=True,
)
