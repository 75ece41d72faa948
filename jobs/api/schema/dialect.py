"""The document in OpenAPI 3.1: null is a type, and a default a remark, as generated clients send what they are told."""

from typing import Any

Schema = dict[str, Any]

VERSION = "3.1.0"
# Their contents are values, and no schemas.
_VALUES = ("example", "examples", "enum", "const", "pattern", "default")
_COMBINED = ("$ref", "allOf", "anyOf", "oneOf", "enum")


def in_3_1(part: Any) -> Any:
    """A part of a document as it is put together here, where `nullable` says that null is taken."""
    if isinstance(part, list):
        return [in_3_1(item) for item in part]
    if not isinstance(part, dict):
        return part
    if isinstance(named := part.get("properties"), dict):
        # The names of properties are not keywords.
        rest = in_3_1({key: value for key, value in part.items() if key != "properties"})
        return {**rest, "properties": {name: in_3_1(schema) for name, schema in named.items()}}
    schema = {key: value if key in _VALUES else in_3_1(value) for key, value in part.items()}
    return _with_null(_with_default_in_words(_with_bare_reference(schema)))


def _with_bare_reference(schema: Schema) -> Schema:
    """Unwraps a reference, as in 3.1 it may have a description beside it."""
    if len(schema.get("allOf", ())) == 1:
        [reference] = schema.pop("allOf")
        return {**reference, **schema}
    return schema


def _with_default_in_words(schema: Schema) -> Schema:
    """A client that is generated from a default sends it: with PATCH it would undo what was set."""
    if "default" not in schema:
        return schema
    default = schema.pop("default")
    text = str(default).lower() if isinstance(default, bool) else str(default)
    return {**schema, "description": f"{schema.get('description', '')} By default `{text}`.".strip()}


def _with_null(schema: Schema) -> Schema:
    if not schema.pop("nullable", False):
        return schema
    if "type" in schema and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    if not any(key in schema for key in _COMBINED):
        # Any value at all, null among them.
        return schema
    inner = {key: schema.pop(key) for key in ("type", *_COMBINED) if key in schema}
    alternatives = inner["anyOf"] if list(inner) == ["anyOf"] else [inner]
    return {"anyOf": [*alternatives, {"type": "null"}], **schema}
