"""What schemas are made of: the kinds of values that many fields have, and how an object of fields is written."""

from typing import Any

from booper.timing.durations import UNITS

Schema = dict[str, Any]

TIME: Schema = {"type": "string", "format": "date-time", "example": "2026-12-01T09:00:00Z"}

UUID: Schema = {"type": "string", "format": "uuid", "example": "0193f2c4-6a1e-7b3d-9c41-0f5b9a6c1d22"}

JOB_ID: Schema = {"type": "integer", "format": "int64", "minimum": 1, "example": 73496}

ANY_JSON: Schema = {"description": "Any JSON, nested at most 100 deep."}

MOMENT: Schema = {
    "description": "A datetime (RFC 3339; without an offset in `timezone`, or UTC) or a unix timestamp, in seconds"
    " or, above 1e11, in milliseconds. At most ten years ahead; the past means now.",
    "anyOf": [{"type": "string", "example": "2026-12-01T09:00:00Z"}, {"type": "number", "minimum": 0}],
}

NEXT_CURSOR: Schema = {
    "type": "string",
    "nullable": True,
    "description": "For the next page, null on the last; only there if the request had a `cursor`.",
}


def ref(name: str, section: str = "schemas") -> Schema:
    return {"$ref": f"#/components/{section}/{name}"}


def or_null(schema: Schema) -> Schema:
    return {**schema, "nullable": True}


def may_be_null(properties: dict[str, Schema]) -> dict[str, Schema]:
    """The properties, each of which but `url` may be null, which means the same as leaving it out."""
    return {name: schema if name == "url" else or_null(schema) for name, schema in properties.items()}


def object_of(properties: dict[str, Schema], *, optional: tuple[str, ...] = (), **more: Any) -> Schema:
    required = [name for name in properties if name not in optional]
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False, **more}
    return schema | {"required": required} if required else schema


# Ten years in seconds, three leap days among them; of the other units there are fewer in them.
_AMOUNT: Schema = {"type": "number", "minimum": 0, "maximum": 3_653 * 86_400}

DURATION: Schema = {
    "description": f"A number of seconds, [amount, unit] or text such as `30 seconds`. Units: {', '.join(UNITS)}, "
    "singular too; months and years go by the calendar. From nothing to ten years.",
    "anyOf": [
        _AMOUNT,
        {
            "type": "array",
            "minItems": 2,
            "maxItems": 2,
            "items": {
                "anyOf": [_AMOUNT, {"type": "string", "enum": [*UNITS, *(unit.removesuffix("s") for unit in UNITS)]}]
            },
            "example": [5, "minutes"],
        },
        {"type": "string", "example": "30 seconds"},
    ],
}

TIMEZONE: Schema = {
    "type": "string",
    "description": "An IANA name, for `cron`, for times without an offset, and for months and years.",
    "default": "UTC",
    "example": "Europe/London",
}

URL: Schema = {
    "type": "string",
    "maxLength": 2048,
    "description": "Absolute, https:// (http:// where the operator allows it), no user information, a public address.",
    "example": "https://example.com/hook",
}

SCHEMAS: dict[str, Schema] = {
    "Duration": DURATION,
}
