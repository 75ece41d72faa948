"""Hands tests to the processes of a run, file by file, and test by test where it makes no difference: `-n 2 -p spread`.

A file of many long tests would keep one process at work for minutes after the other has done all else.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

# Each test here makes all that it needs by itself.
_SPREAD = (
    "tests/browser/",
    "tests/jobs/test_schema.py",
)


class Spreading(LoadFileScheduling):  # type: ignore[misc]
    """The units are begun by how many tests they have, so that single tests are last, and fill what is left."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(_SPREAD) else str(super()._split_scope(nodeid))


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Spreading:
    return Spreading(config, log)
