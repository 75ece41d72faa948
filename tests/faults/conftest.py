"""What the fault tests are given: stacks of real processes; and what they counted, at the end of the run."""

from collections.abc import Callable, Iterator

import pytest

from tests.faults import report
from tests.processes.harness.fixtures import make_stack, pytest_runtest_makereport, servers

__all__ = ["make_stack", "pytest_runtest_makereport", "servers"]

_COUNTED = "counted"


@pytest.fixture(autouse=True)
def _counted(record_property: Callable[[str, object], None]) -> Iterator[None]:
    """Has what a trial says go with its report, as another process than the one that ran it may show it."""
    yield
    for line in report.take():
        record_property(_COUNTED, line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = {
        report.nodeid: [line for name, line in report.user_properties if name == _COUNTED]
        for outcome in ("", "error")
        for report in terminalreporter.getreports(outcome)
        if report.when == "teardown"
    }
    if any(found.values()):
        terminalreporter.section("what the trials counted")
    for nodeid, lines in found.items():
        for line in lines:
            terminalreporter.write_line(f"{nodeid.rpartition('::')[2]}\n    {line}")
