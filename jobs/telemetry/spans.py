"""Spans as values, and who takes those of this process; the library behind it is loaded with the first one."""

import importlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from jobs.telemetry.trace_ids import Parent

Value = str | int
_EXPORTING = "jobs.telemetry.exported_spans"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What was done, in nanoseconds since 1970. `kind`: server, client, producer, internal."""

    name: str
    kind: str
    trace_id: int
    span_id: int
    parent_id: int | None
    begun_at: int
    ended_at: int
    is_failed: bool
    attributes: Mapping[str, Value]


class Exporter(Protocol):
    def is_sampled(self, trace_id: int, caller: Parent | None) -> bool:
        """The same for each span of a trace, in whichever process: it hangs on the trace and its caller alone."""

    def send(self, spans: Sequence[Span]) -> None:
        """Takes them and returns at once; those beyond a bound are dropped."""


_lock = threading.Lock()
_exporters: list[Exporter] = []


def exporter() -> Exporter:
    """That of this process, made when it is first asked for: after any fork."""
    if not _exporters:
        with _lock:
            if not _exporters:
                _exporters.append(importlib.import_module(_EXPORTING).OtlpExporter())
    return _exporters[0]
