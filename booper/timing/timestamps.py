"""Moments as text: RFC 3339 in UTC with Z."""

from datetime import UTC, datetime


def timestamp(moment: datetime, *, precision: str = "auto") -> str:
    """RFC 3339 in UTC with `Z`; `precision` is a timespec of datetime.isoformat."""
    return moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
