"""What the journeys are given: stacks of real processes."""

from tests.processes.harness.fixtures import make_stack, pytest_runtest_makereport, servers

__all__ = ["make_stack", "pytest_runtest_makereport", "servers"]
