"""Ids of traces are made of uuids, and a caller's traceparent is read as W3C has it."""

from uuid import UUID

import pytest

from jobs.models.identifiers import uuid7
from jobs.telemetry import trace_ids
from jobs.telemetry.trace_ids import Parent

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
JOB = UUID(int=7)


def test_a_traceparent_says_the_trace_the_span_and_whether_it_is_recorded() -> None:
    read = trace_ids.read(f"00-{TRACE}-{SPAN}-01")
    assert read == Parent(int(TRACE, 16), int(SPAN, 16), True)
    assert str(read) == f"00-{TRACE}-{SPAN}-01"
    assert str(trace_ids.read(f"00-{TRACE}-{SPAN}-00")) == f"00-{TRACE}-{SPAN}-00"
    assert trace_ids.read(f"00-{TRACE}-{SPAN}-03") == read, "flags that mean something else say nothing here"


def test_of_a_later_version_the_first_four_parts_are_taken() -> None:
    assert trace_ids.read(f"cc-{TRACE}-{SPAN}-01-what-the-future-has") == trace_ids.read(f"00-{TRACE}-{SPAN}-01")


@pytest.mark.parametrize(
    "malformed",
    [
        *(None, "", "-", "traceparent", f"00-{TRACE}-{SPAN}", f"00-{TRACE}-{SPAN}-1", f"00-{TRACE[:-1]}-{SPAN}-01"),
        *(
            f"00-{TRACE}-{SPAN}-01-more",
            f"ff-{TRACE}-{SPAN}-01",
            f"00-{TRACE.upper()}-{SPAN}-01",
            f"0-{TRACE}-{SPAN}-01",
        ),
        *(f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"cc-{TRACE}-{SPAN}-01.more"),
        *(f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-0x", f"00-{TRACE}-{SPAN}-01\n"),
    ],
)
def test_one_that_is_none_is_as_if_it_had_not_been_sent(malformed: str | None) -> None:
    assert trace_ids.read(malformed) is None


def test_a_row_has_the_same_ids_everywhere_and_its_parts_their_own() -> None:
    assert trace_ids.of_trace(JOB) == trace_ids.of_trace(UUID(int=7)) != trace_ids.of_trace(UUID(int=8))
    spans = [trace_ids.of_span(JOB), *(trace_ids.of_span(JOB, str(attempt)) for attempt in (1, 2, 11, 32_767))]
    assert len(set(spans)) == len(spans)
    assert all(0 < span < 1 << 64 for span in spans)
    assert 0 < trace_ids.of_trace(JOB) < 1 << 128


def test_the_half_that_samplers_look_at_is_spread_evenly() -> None:
    halves = [trace_ids.of_trace(uuid7()) & ((1 << 64) - 1) for _ in range(2_000)]
    tenths = [sum(tenth <= half * 10 >> 64 < tenth + 1 for half in halves) for tenth in range(10)]
    assert min(tenths) > 120
