"""The schemas of keys, signing secrets, secrets and limits."""

from booper.content.secret_references import NAME_PATTERN
from jobs.api.schema.components.shapes import DURATION, MOMENT, TIME, UUID, Schema, object_of, or_null
from jobs.intake.key import LONGEST_NAME
from jobs.intake.secret import LONGEST_VALUE_BYTES, MOST_HOSTS
from jobs.models import Scope

_SCOPE: Schema = {
    "type": "string",
    "enum": Scope.values,
    "description": "`read`: what changes nothing; `write`: jobs, schedules and queues too; `admin`: keys, secrets, "
    "signing secrets and alerts too.",
}

_OVERLAP: Schema = {**DURATION, "description": "For how long what it replaces goes on: a day if left out."}

_EXPIRES_AT: Schema = {**MOMENT, "description": "Until when it is good: for ever if left out."}

_HINT: Schema = {"type": "string", "description": "The last four characters, to tell one from another."}

_KEY: dict[str, Schema] = {
    "id": UUID,
    "name": {"type": "string", "maxLength": LONGEST_NAME},
    "scope": _SCOPE,
    "hint": or_null({**_HINT, "description": f"{_HINT['description']} Null for keys of old."}),
    "inserted_at": TIME,
    "expires_at": or_null(TIME),
    "last_used_at": or_null({**TIME, "description": "Noted about once a minute."}),
    "revoked_at": or_null(TIME),
}

_SIGNING_SECRET: dict[str, Schema] = {
    "inserted_at": {**TIME, "description": "When the newest was made."},
    "in_force": {
        "type": "array",
        "minItems": 1,
        "items": object_of(
            {
                "hint": _HINT,
                "inserted_at": TIME,
                "until": or_null({**TIME, "description": "Until when it signs along; null for the newest."}),
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

SECRET: dict[str, Schema] = {
    "name": {"type": "string", "pattern": NAME_PATTERN, "example": "API_TOKEN"},
    "hosts": or_null(_HOSTS),
    "inserted_at": TIME,
    "updated_at": TIME,
    "used_by": object_of(
        {
            "schedules": {"type": "array", "items": UUID},
            "jobs": {"type": "array", "items": {"type": "integer", "format": "int64"}},
        },
        description="Schedules and waiting jobs that refer to it, the newest 20 of each, as far back as is looked.",
    ),
}

SCHEMAS: dict[str, Schema] = {
    "ApiKey": object_of(_KEY),
    "NewApiKey": object_of(
        {
            "name": {"type": "string", "maxLength": LONGEST_NAME, "nullable": True, "default": ""},
            "scope": or_null({**_SCOPE, "default": Scope.WRITE.value}),
            "expires_at": or_null(_EXPIRES_AT),
        },
        optional=("name", "scope", "expires_at"),
        example={"name": "deployer", "scope": "write"},
    ),
    "IssuedApiKey": object_of(
        {**_KEY, "key": {"type": "string", "description": "The key itself, told this once.", "example": "sk_…"}}
    ),
    "KeyRotation": object_of(
        {
            "overlap": or_null(_OVERLAP),
            "expires_at": or_null(
                {**MOMENT, "description": "Of the new key; left out, it lives as long as the old one was to."}
            ),
        },
        optional=("overlap", "expires_at"),
        example={"overlap": [1, "day"]},
    ),
    "Limit": object_of(
        {
            "name": {"type": "string", "example": "waiting_jobs"},
            "allowed": {"type": "integer", "minimum": 1, "nullable": True, "description": "Null for no limit."},
            "used": or_null({"type": "integer", "minimum": 0, "description": "Null where each worker counts."}),
            "resets_at": or_null({**TIME, "description": "When the window ends; null for what is held, not spent."}),
        }
    ),
    "Secret": object_of(SECRET),
    "SecretInput": object_of(
        {
            "value": {"type": "string", "minLength": 1, "maxLength": LONGEST_VALUE_BYTES, "writeOnly": True},
            "hosts": or_null(_HOSTS),
        },
        optional=("hosts",),
        example={"value": "s3cr3t", "hosts": ["api.example.com"]},
    ),
    "SigningSecret": object_of(_SIGNING_SECRET),
    "SecretRotation": object_of({"overlap": or_null(_OVERLAP)}, optional=("overlap",), example={"overlap": [1, "day"]}),
    "IssuedSigningSecret": object_of(
        {
            **_SIGNING_SECRET,
            "secret": {"type": "string", "description": "The new one, told this once.", "example": "whsec_…"},
        }
    ),
}
