"""Ids in paths and parameters: what is no id of ours names nothing, and costs no query."""

import re
from uuid import UUID

_INTEGER = re.compile(r"[1-9][0-9]{0,18}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_HIGHEST = 2**63 - 1


def integer(text: str) -> int | None:
    """Reads an id in plain decimal, as the API writes it, in the range that a database has."""
    if not _INTEGER.fullmatch(text):
        return None
    number = int(text)
    return number if number <= _HIGHEST else None


def uuid(text: str) -> UUID | None:
    """Reads a uuid in its usual form only: Python's UUID() takes braces, URNs and hyphens anywhere."""
    return UUID(text) if _UUID.fullmatch(text) else None
