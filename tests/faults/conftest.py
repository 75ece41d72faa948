"""What the fault tests are given: stacks of real processes; and what they counted, at the end of the run."""

import pytest

from tests.faults import report
from tests.processes.harness.fixtures import make_stack, pytest_runtest_makereport, servers

__all__ = ["make_stack", "pytest_runtest_makereport", "servers"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if report.lines:
        terminalreporter.section("what the trials counted")
        for line in report.lines:
            terminalreporter.write_line(line)
