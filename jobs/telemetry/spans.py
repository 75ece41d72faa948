"""Spans as values, and who takes those of this process; the library behind it is loaded with the first one.

Whatever that library does, no job is claimed, recorded or answered otherwise for it.
"""

import importlib
import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from jobs.database.outages import Outage
from jobs.telemetry.trace_ids import Parent

logger = logging.getLogger(__name__)

Value = str | int
_EXPORTING = "jobs.telemetry.exported_spans"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What was done, in nanoseconds since 1970. `kind`: server, client, producer, internal.

    `links`: spans of other traces that it comes of.
    """

    name: str
    kind: str
    trace_id: int
    span_id: int
    parent_id: int | None
    begun_at: int
    ended_at: int
    is_failed: bool
    attributes: Mapping[str, Value]
    links: Sequence[Parent] = ()


class Exporter(Protocol):
    def is_sampled(self, trace_id: int, caller: Parent | None) -> bool:
        """The same for each span of a trace, in whichever process: it hangs on the trace and its caller alone."""

    def send(self, spans: Sequence[Span]) -> None:
        """Takes them and returns at once; those beyond a bound are dropped."""


_lock = threading.Lock()
_exporters: list[Exporter] = []
_outage = Outage(logger, begins="spans are lost, as they can't be made or taken", ends="spans are taken again")


def is_sampled(trace_id: int, caller: Parent | None) -> bool:
    """Whether spans of this trace are sent."""
    try:
        return exporter().is_sampled(trace_id, caller)
    except Exception as error:
        _outage.fails(error)
        return False


def send(ended: Iterable[Span | None]) -> None:
    """Makes what `ended` makes and sends it; None is one that is not recorded."""
    try:
        exporter().send([span for span in ended if span is not None])
    except Exception as error:
        _outage.fails(error)
    else:
        if _outage.is_on:
            _outage.works()


def exporter() -> Exporter:
    """That of this process, made when it is first asked for: after any fork."""
    if not _exporters:
        with _lock:
            if not _exporters:
                _exporters.append(_made())
    return _exporters[0]


def _made() -> Exporter:
    try:
        made: Exporter = importlib.import_module(_EXPORTING).OtlpExporter()
    except Exception:
        # One of the library's own variables that it does not take: it is not asked again for each job.
        logger.exception("no traces are sent from this process: its exporter can't be made")
        return _Nobody()
    return made


class _Nobody:
    def is_sampled(self, trace_id: int, caller: Parent | None) -> bool:
        return False

    def send(self, spans: Sequence[Span]) -> None: ...
