"""What the checker of a trial takes for granted is checked itself."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tests.faults.evidence import Evidence, Fault, Ledger
from tests.processes.harness.record import DeliveryRow, Record
from tests.processes.harness.target import Arrival


def evidence_of(*waits: tuple[float, float]) -> Evidence:
    """Of callbacks, each answered at the first of these times and recorded at the second."""
    rows, arrivals = {}, []
    for job_id, (answered_at, recorded_at) in enumerate(waits):
        delivered_at = datetime.fromtimestamp(recorded_at, UTC)
        row = DeliveryRow(uuid4(), job_id, "callback", "job.finished", None, "delivered", delivered_at, None)
        rows[job_id] = [row]
        headers = {"webhook-id": str(row.uuid)}
        arrivals.append(Arrival(answered_at - 0.1, "POST", "/", headers, b"", answered_at=answered_at, status=200))
    record = Record(jobs={}, events={}, deliveries=rows, schedules={}, processes={})
    return Evidence(Ledger(), record, arrivals, now=1000, record_seconds=1.5, neighbourhood_seconds=3)


@pytest.mark.parametrize(
    ("waits", "recorded_by"),
    [
        pytest.param([], 101.5, id="in its time, where nothing shows the contrary"),
        pytest.param([(98, 98.5), (102, 104)], 103.5, id="as much later as others of about the same time"),
        pytest.param([(90, 99), (110, 120)], 101.5, id="whatever others waited at another time"),
    ],
)
def test_an_answer_is_recorded(waits: list[tuple[float, float]], recorded_by: float) -> None:
    assert evidence_of(*waits).recorded_by(100) == pytest.approx(recorded_by)


@pytest.mark.parametrize(
    ("kind", "read_at", "excuses"),
    [
        pytest.param("worker killed", 100.9, ["worker killed"], id="that was sent before its worker was killed"),
        pytest.param("worker killed", 101.1, [], id="but not one that came later than a target may read it"),
        pytest.param("broker killed", 100.5, [], id="and no other fault"),
    ],
)
def test_a_fault_excuses_a_request(kind: str, read_at: float, excuses: list[str]) -> None:
    evidence = evidence_of()
    evidence.ledger.faults.append(Fault(kind, 99.0, 100.0))
    assert evidence.worker_faults(read_at, read_at + 0.1) == excuses
