"""What takes spans in the place of a collector, and the caller whose trace they are in."""

from collections.abc import Sequence
from uuid import uuid4

from jobs.telemetry.spans import Span
from jobs.telemetry.trace_ids import Parent
from tests.runs import start_due

CALLER = Parent(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, True)


class Recorder:
    """Takes the spans of a test; of callers that are not recorded nothing is."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def is_sampled(self, trace_id: int, caller: Parent | None) -> bool:
        return caller is None or caller.is_sampled

    def send(self, sent: Sequence[Span]) -> None:
        self.spans += sent

    def take(self) -> list[Span]:
        taken, self.spans = self.spans, []
        return taken


def headers_sent() -> dict[str, str]:
    """The headers that go out with the job that is due."""
    [started] = start_due(uuid4())
    assert started.request is not None
    return dict(started.request.headers)
