"""Test suites that nobody here wrote, read from their packages: `.ci/suites FOLDER` fetches them."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def suites() -> Path:
    folder = os.environ.get("BOOPER_SUITES")
    if not folder:
        pytest.skip("needs a folder that .ci/suites has filled, named by BOOPER_SUITES")
    return Path(folder)
