"""What the trials counted, shown at the end of the run whether they held or not."""

import os

lines: list[str] = []


def say(text: str) -> None:
    """A line under the name of the test that runs."""
    name = os.environ["PYTEST_CURRENT_TEST"].rpartition("::")[2].partition(" ")[0]
    lines.append(f"{name}\n    {text}")
