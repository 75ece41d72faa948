"""The cases of cronsim, run against our own cron: what it refuses is refused, and the next runs are those it says."""

import sys
import unittest
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from booper.timing import cron

CASES = ("TestValidation", "TestIterator", "TestDstTransitions")
"""The rest looks into cronsim's own attributes, or runs backwards."""

# MONL is 1L here, and what never matches is refused at once rather than found out by looking.
DIFFERENT_ON_PURPOSE = {"test_it_rejects_symbolic_dow_l", "test_it_handles_no_matches"}


class OurCron:
    """Our cron behind the name and the manners of cronsim's class."""

    def __init__(self, expression: str, at: datetime) -> None:
        self._cron = cron.parse(expression)
        self._at = at

    def __iter__(self) -> Iterator[datetime]:
        return self

    def __next__(self) -> datetime:
        zone = self._at.tzinfo
        found = cron.next_match(self._cron, after=self._at if zone else self._at.replace(tzinfo=UTC), zone=zone or UTC)
        if found is None:
            raise StopIteration
        self._at = found.astimezone(zone) if zone else found.replace(tzinfo=None)
        return self._at


@pytest.fixture
def cases(suites: Path, monkeypatch: pytest.MonkeyPatch) -> unittest.TestSuite:
    [file] = suites.glob("cronsim-*/tests/test_cronsim.py")
    stand_in: Any = ModuleType("cronsim")
    stand_in.CronSim, stand_in.CronSimError = OurCron, cron.InvalidCron
    monkeypatch.setitem(sys.modules, "cronsim", stand_in)
    spec = spec_from_file_location("cases_of_cronsim", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    kinds = [_with_our_words(getattr(module, name)) for name in CASES]
    return unittest.TestSuite(map(unittest.defaultTestLoader.loadTestsFromTestCase, kinds))


def _with_our_words(kind: type[unittest.TestCase]) -> type[unittest.TestCase]:
    """The same cases, which do not mind what a refusal says."""

    def refused(_case: unittest.TestCase, error: type[Exception], _words: str) -> AbstractContextManager[Any]:
        return pytest.raises(error)

    return type(kind.__name__, (kind,), {"assertRaisesRegex": refused})


def test_the_cases_of_cronsim_hold(cases: unittest.TestSuite) -> None:
    result = unittest.TestResult()
    cases.run(result)

    failed = {case.id().rpartition(".")[2]: why for case, why in [*result.failures, *result.errors]}
    assert result.testsRun > 50
    assert failed.keys() == DIFFERENT_ON_PURPOSE, "\n".join(failed.values())
