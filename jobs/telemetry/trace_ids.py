"""The ids of traces and spans, made of those of rows: whoever has a row in hand knows them, and nothing is stored.

What a caller sent as `traceparent` is read here too: https://www.w3.org/TR/trace-context/
"""

import re
from dataclasses import dataclass
from hashlib import blake2b
from uuid import UUID

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_SAMPLED = 1


@dataclass(frozen=True, slots=True)
class Parent:
    """Where a span belongs: its trace, the span above it, and whether that one is recorded."""

    trace_id: int
    span_id: int
    is_sampled: bool

    def __str__(self) -> str:
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{int(self.is_sampled):02x}"


def read(traceparent: str | None) -> Parent | None:
    """What the header says; None for one that is none, which is as if it had not been sent."""
    found = _TRACEPARENT.fullmatch((traceparent or "").strip(" \t"))
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    # A later version may say more behind these four; ours may not.
    if version == "ff" or (version == "00" and more) or not int(trace_id, 16) or not int(span_id, 16):
        return None
    return Parent(int(trace_id, 16), int(span_id, 16), bool(int(flags, 16) & _SAMPLED))


def of_trace(uuid: UUID) -> int:
    """A trace of its own. Hashed, as samplers take the lower half to be chance, and in a uuid some bits are fixed."""
    return _made_of(uuid, "trace", size=16)


def of_span(uuid: UUID, part: str = "") -> int:
    """The span of a row, or of a `part` of it, such as its second attempt."""
    return _made_of(uuid, f"span {part}", size=8)


def _made_of(uuid: UUID, what: str, *, size: int) -> int:
    # Zero is none.
    return int.from_bytes(blake2b(uuid.bytes, digest_size=size, person=what.encode()[:16]).digest()) or 1
