"""The calls about keys, signing secrets, secrets and limits."""

from jobs.api.input import query
from jobs.api.schema.components.shapes import ref
from jobs.api.schema.operations.operation import listing, operation, parameters

LIST_KEYS = listing("listKeys", "List your API keys", tag="keys", of="ApiKey", columns=query.KEY_COLUMNS)

CREATE_KEY = operation(
    "createKey",
    "Make an API key",
    tag="keys",
    answers={201: ref("IssuedApiKey")},
    refusals=(429,),
    body="NewApiKey",
    needs_body=False,
    has_location=False,
)

DELETE_KEY = operation(
    "deleteKey",
    "Revoke an API key",
    tag="keys",
    description="It is refused within seconds, by every process.",
    answers={200: ref("ApiKey")},
    refusals=(404,),
    parameters=parameters("key_id"),
)

ROTATE_KEY = operation(
    "rotateKey",
    "Replace an API key",
    tag="keys",
    description="The new one has the same name and scope. The old one goes on for `overlap`.",
    answers={201: ref("IssuedApiKey")},
    refusals=(404, 409, 429),
    parameters=parameters("key_id"),
    body="KeyRotation",
    needs_body=False,
    has_location=False,
)

LIST_LIMITS = operation(
    "listLimits",
    "See your limits",
    tag="limits",
    description="What you may have and how much of it is used: by the minute or the day, or held at once. Figures are "
    "exact within a tenth.",
    answers={200: {"type": "array", "items": ref("Limit")}},
)

LIST_SECRETS = listing("listSecrets", "List your secrets", tag="secrets", of="Secret", columns=query.SECRET_COLUMNS)

SET_SECRET = operation(
    "setSecret",
    "Set a secret",
    tag="secrets",
    description="Makes it, or gives it another value, which counts from the next request that refers to it on. Its "
    "value is never told again. Jobs write `{{secret:NAME}}` in headers, body, query, and the path and query of URLs.",
    answers={200: ref("Secret"), 201: ref("Secret")},
    parameters=parameters("secret_name"),
    body="SecretInput",
    has_location=False,
)

DELETE_SECRET = operation(
    "deleteSecret",
    "Delete a secret",
    tag="secrets",
    description="What refers to it fails from then on, with `no_such_secret`.",
    answers={200: ref("Secret")},
    refusals=(404,),
    parameters=parameters("secret_name"),
)

GET_SIGNING_SECRET = operation(
    "getSigningSecret",
    "See which signing secrets are in force",
    tag="signing",
    answers={200: ref("SigningSecret")},
)

ROTATE_SIGNING_SECRET = operation(
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
