"""Hands tests to the processes of a run, file by file, and test by test where it makes no difference: `-n 2 -p spread`.

A file of many long tests would keep one process at work for minutes after the other has done all else.
"""

import gc
from collections import Counter

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

# Each test here makes all that it needs by itself.
_SPREAD = (
    "tests/browser/",
    "tests/jobs/test_schema.py",
)
# Few tests that take long each: begun first, or one process would be at them when the others have done all else.
_LONG = (
    "tests/config/test_broker_tls.py",
    "tests/faults/test_alerts.py",
    "tests/faults/test_simulation.py",
    "tests/faults/test_storm.py",
    "tests/jobs/database/test_old_snapshot.py",
    "tests/jobs/engine/",
    "tests/jobs/guarding/test_sign_in_attempts.py",
    "tests/jobs/pages/test_costs.py",
    "tests/jobs/test_migrations.py",
    "tests/jobs/test_planted.py",
)


class Spreading(LoadFileScheduling):  # type: ignore[misc]
    """Begins the long files first, then the others by how many tests they have; single tests fill what is left."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(_SPREAD) else str(super()._split_scope(nodeid))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    counts = Counter(_file(item) for item in items)
    items.sort(
        key=lambda item: (not _file(item).startswith(_LONG), _file(item).startswith(_SPREAD), -counts[_file(item)])
    )


def pytest_collection_finish() -> None:
    """Walking all that was collected and loaded again and again took a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Spreading:
    config.option.loadscopereorder = False
    return Spreading(config, log)
