"""What goes into a call and comes out of it, as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

Json = dict[str, Any]
JsonList = list[Json]
Id = str | int | UUID
Filter = str | int | float | bool | datetime | UUID | Iterable[str] | None
"""A list's filter: several values are joined with commas, a naive datetime is in UTC, None leaves the filter out."""
