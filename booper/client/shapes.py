"""What goes into a call and comes out of it, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

Json = dict[str, Any]
JsonList = list[Json]
T = TypeVar("T")
Rows = list[T]
"""For classes that have a method of the name `list`."""
Id = str | int | UUID
Filter = str | int | float | bool | datetime | UUID | Iterable[str] | None
"""A list's filter: several values are joined with commas, a naive datetime is in UTC, None leaves the filter out."""
Span = timedelta | str | float | Sequence[Any]
"""A duration: `timedelta(hours=1)`, `"1 hour"`, `[1, "hour"]`, or seconds."""
