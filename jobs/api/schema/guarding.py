"""What the OpenAPI document says of keys, signing secrets, secrets and limits."""

from booper.content.secret_references import NAME_PATTERN
from jobs.api.input import query
from jobs.api.schema import components
from jobs.api.schema.components import (
    _DURATION,
    _MOMENT,
    _TIME,
    _UUID,
    Schema,
    _object,
    _or_null,
    _parameter,
    ref,
)
from jobs.api.schema.operations import _listing, _operation, _parameters
from jobs.intake.key import LONGEST_NAME
from jobs.intake.secret import LONGEST_VALUE_BYTES, MOST_HOSTS
from jobs.models import Scope

_SCOPE: Schema = {
    "type": "string",
    "enum": Scope.values,
    "description": "`read`: what changes nothing; `write`: jobs, schedules and queues too; `admin`: keys, secrets and "
    "signing secrets too.",
}
_OVERLAP: Schema = {**_DURATION, "description": "For how long what it replaces goes on: a day if left out."}
_EXPIRES_AT: Schema = {**_MOMENT, "description": "Until when it is good: for ever if left out."}
_HINT: Schema = {"type": "string", "description": "The last four characters, to tell one from another."}
_KEY: dict[str, Schema] = {
    "id": _UUID,
    "name": {"type": "string", "maxLength": LONGEST_NAME},
    "scope": _SCOPE,
    "hint": _or_null({**_HINT, "description": f"{_HINT['description']} Null for keys of old."}),
    "inserted_at": _TIME,
    "expires_at": _or_null(_TIME),
    "last_used_at": _or_null({**_TIME, "description": "Noted about once a minute."}),
    "revoked_at": _or_null(_TIME),
}
_SIGNING_SECRET: dict[str, Schema] = {
    "inserted_at": {**_TIME, "description": "When the newest was made."},
    "in_force": {
        "type": "array",
        "minItems": 1,
        "items": _object(
            {
                "hint": _HINT,
                "inserted_at": _TIME,
                "until": _or_null({**_TIME, "description": "Until when it signs along; null for the newest."}),
            }
        ),
    },
}

_HOSTS: Schema = {
    "type": "array",
    "items": {"type": "string", "example": "api.example.com"},
    "minItems": 1,
    "maxItems": MOST_HOSTS,
    "description": "The only hosts that it may be sent to; any, if left out.",
}
_SECRET: dict[str, Schema] = {
    "name": {"type": "string", "pattern": NAME_PATTERN, "example": "API_TOKEN"},
    "hosts": _or_null(_HOSTS),
    "inserted_at": _TIME,
    "updated_at": _TIME,
    "used_by": _object(
        {
            "schedules": {"type": "array", "items": _UUID},
            "jobs": {"type": "array", "items": {"type": "integer", "format": "int64"}},
        },
        description="Schedules and waiting jobs that refer to it, the newest 20 of each, as far back as is looked.",
    ),
}

components.SCHEMAS |= {
    "ApiKey": _object(_KEY),
    "NewApiKey": _object(
        {
            "name": {"type": "string", "maxLength": LONGEST_NAME, "nullable": True, "default": ""},
            "scope": _or_null({**_SCOPE, "default": Scope.WRITE.value}),
            "expires_at": _or_null(_EXPIRES_AT),
        },
        optional=("name", "scope", "expires_at"),
        example={"name": "deployer", "scope": "write"},
    ),
    "IssuedApiKey": _object(
        {**_KEY, "key": {"type": "string", "description": "The key itself, told this once.", "example": "sk_…"}}
    ),
    "KeyRotation": _object(
        {
            "overlap": _or_null(_OVERLAP),
            "expires_at": _or_null(
                {**_MOMENT, "description": "Of the new key; left out, it lives as long as the old one was to."}
            ),
        },
        optional=("overlap", "expires_at"),
        example={"overlap": [1, "day"]},
    ),
    "Limit": _object(
        {
            "name": {"type": "string", "example": "waiting_jobs"},
            "allowed": {"type": "integer", "minimum": 1, "nullable": True, "description": "Null for no limit."},
            "used": _or_null({"type": "integer", "minimum": 0, "description": "Null where each worker counts."}),
            "resets_at": _or_null({**_TIME, "description": "When the window ends; null for what is held, not spent."}),
        }
    ),
    "Secret": _object(_SECRET),
    "SecretInput": _object(
        {
            "value": {"type": "string", "minLength": 1, "maxLength": LONGEST_VALUE_BYTES, "writeOnly": True},
            "hosts": _or_null(_HOSTS),
        },
        optional=("hosts",),
        example={"value": "s3cr3t", "hosts": ["api.example.com"]},
    ),
    "SigningSecret": _object(_SIGNING_SECRET),
    "SecretRotation": _object({"overlap": _or_null(_OVERLAP)}, optional=("overlap",), example={"overlap": [1, "day"]}),
    "IssuedSigningSecret": _object(
        {
            **_SIGNING_SECRET,
            "secret": {"type": "string", "description": "The new one, told this once.", "example": "whsec_…"},
        }
    ),
}
components.PARAMETERS |= {
    "secret_name": _parameter("name", "Its name.", _SECRET["name"], place="path", required=True),
    "key_id": _parameter("key_id", "Its uuid.", _UUID, place="path", required=True),
}

LIST_KEYS = _listing("listKeys", "List your API keys", tag="keys", of="ApiKey", columns=query.KEY_COLUMNS)
CREATE_KEY = _operation(
    "createKey",
    "Make an API key",
    tag="keys",
    answers={201: ref("IssuedApiKey")},
    refusals=(429,),
    body="NewApiKey",
    needs_body=False,
    has_location=False,
)
DELETE_KEY = _operation(
    "deleteKey",
    "Revoke an API key",
    tag="keys",
    description="It is refused within seconds, by every process.",
    answers={200: ref("ApiKey")},
    refusals=(404,),
    parameters=_parameters("key_id"),
)
ROTATE_KEY = _operation(
    "rotateKey",
    "Replace an API key",
    tag="keys",
    description="The new one has the same name and scope. The old one goes on for `overlap`.",
    answers={201: ref("IssuedApiKey")},
    refusals=(404, 409, 429),
    parameters=_parameters("key_id"),
    body="KeyRotation",
    needs_body=False,
    has_location=False,
)
LIST_LIMITS = _operation(
    "listLimits",
    "See your limits",
    tag="limits",
    description="What you may have and how much of it is used: by the minute or the day, or held at once. Figures are "
    "exact within a tenth.",
    answers={200: {"type": "array", "items": ref("Limit")}},
)
LIST_SECRETS = _listing("listSecrets", "List your secrets", tag="secrets", of="Secret", columns=query.SECRET_COLUMNS)
SET_SECRET = _operation(
    "setSecret",
    "Set a secret",
    tag="secrets",
    description="Makes it, or gives it another value, which counts from the next request that refers to it on. Its "
    "value is never told again. Jobs write `{{secret:NAME}}` in headers, body, query, and the path and query of URLs.",
    answers={200: ref("Secret"), 201: ref("Secret")},
    parameters=_parameters("secret_name"),
    body="SecretInput",
    has_location=False,
)
DELETE_SECRET = _operation(
    "deleteSecret",
    "Delete a secret",
    tag="secrets",
    description="What refers to it fails from then on, with `no_such_secret`.",
    answers={200: ref("Secret")},
    refusals=(404,),
    parameters=_parameters("secret_name"),
)
GET_SIGNING_SECRET = _operation(
    "getSigningSecret",
    "See which signing secrets are in force",
    tag="signing",
    answers={200: ref("SigningSecret")},
)
ROTATE_SIGNING_SECRET = _operation(
    "rotateSigningSecret",
    "Replace the signing secret",
    tag="signing",
    description="Requests, callbacks and webhooks carry both signatures for `overlap`: verify with either meanwhile. "
    "Workers take up the new one within half a minute. With an overlap of 0 every secret before it ends at once.",
    answers={201: ref("IssuedSigningSecret")},
    body="SecretRotation",
    needs_body=False,
    has_location=False,
)
