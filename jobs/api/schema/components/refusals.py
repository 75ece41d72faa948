"""The refusals: their schema, and the response of each status."""

from jobs.api.schema.components.shapes import Schema, object_of, ref
from jobs.api.wire.problems import CONTENT_TYPE, KINDS

_FIELD_ERROR: Schema = object_of(
    {
        "pointer": {
            "type": "string",
            "description": "A JSON pointer into the body, or into the query parameters.",
            "example": "/schedule_in/1",
        },
        "detail": {"type": "string"},
    }
)

_PROBLEM: dict[str, Schema] = {
    "type": {"type": "string", "enum": [f"urn:booper:problem:{kind}" for kind, _ in KINDS.values()]},
    "title": {"type": "string"},
    "status": {"type": "integer", "enum": [*KINDS]},
    "detail": {"type": "string"},
}


def _refusal(status: int, description: str, *, header: str | None = None, detail: str) -> Schema:
    kind, title = KINDS[status]
    example: Schema = {"type": f"urn:booper:problem:{kind}", "title": title, "status": status, "detail": detail}
    schema = ref("Problem")
    if status == 400:
        schema = ref("InvalidInput")
        example["errors"] = [{"pointer": "/schedule_in/1", "detail": detail.partition(": ")[2]}]
    if status == 429:
        schema = ref("LimitReached")
        example |= {"limit": "requests", "allowed": 300_000, "used": 300_000}
    response: Schema = {
        "description": description,
        "content": {CONTENT_TYPE: {"schema": schema, "example": example}},
    }
    if header is not None:
        response["headers"] = {header: {"schema": {"type": "string"}, "required": True}}
    return response


RESPONSES: dict[str, Schema] = {
    "400": _refusal(
        400,
        "Something is wrong with the input: `errors` says what, and where.",
        detail='schedule_in/1: "minuts" is not a unit of time: did you mean "minutes"?',
    ),
    "401": _refusal(
        401,
        "There is no API key, or it is not valid.",
        header="WWW-Authenticate",
        detail="there is no API key: send the header Authorization: Bearer sk_…",
    ),
    "403": _refusal(
        403,
        "The API key has not the scope for it, or its owner is suspended.",
        detail="the API key has the scope read, and POST /api/jobs needs write: use a key that has it",
    ),
    "404": _refusal(404, "It is not there, or somebody else's.", detail="there is no job '12' of yours"),
    "409": _refusal(409, "Its state does not allow it (any more).", detail="job 12 is completed"),
    "412": _refusal(
        412,
        "It is not as `If-Match` has it.",
        detail='it was changed in the meantime and its ETag is "…" now: read it again',
    ),
    "413": _refusal(413, "The body is too large.", detail="the body has more than 1048576 bytes: send less"),
    # Of the web server, before the API sees the call.
    "414": {
        "description": "The URL of the call is too long.",
        "content": {CONTENT_TYPE: {"schema": ref("ServerRefusal")}},
    },
    "415": _refusal(415, "The body is in a format that is not read here.", detail="'text/xml' is not read here"),
    "429": _refusal(
        429,
        "A limit is reached: `limit` is its name. Docs: limits.",
        header="Retry-After",
        detail="requests: 300000 in a minute are allowed, and 300000 were made: try again in 12 seconds",
    ),
    "503": _refusal(
        503,
        "The database does not answer.",
        header="Retry-After",
        detail="the database did not answer: try again in 5 seconds",
    ),
}

SCHEMAS: dict[str, Schema] = {
    "FieldError": _FIELD_ERROR,
    "Problem": object_of(_PROBLEM),
    "ServerRefusal": object_of(
        {
            "type": {"type": "string", "enum": ["about:blank"]},
            "title": {"type": "string", "example": "URI Too Long"},
            "status": {"type": "integer", "example": 414},
            "detail": {"type": "string"},
        }
    ),
    "LimitReached": object_of(
        {
            **_PROBLEM,
            "limit": {"type": "string", "description": "Its name.", "example": "waiting_jobs"},
            "allowed": {"type": "integer", "minimum": 0},
            "used": {"type": "integer", "minimum": 0},
        }
    ),
    "InvalidInput": object_of({**_PROBLEM, "errors": {"type": "array", "items": ref("FieldError")}}),
}
