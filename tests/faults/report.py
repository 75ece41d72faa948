"""What the trials counted, shown at the end of the run whether they held or not."""

_said: list[str] = []


def say(text: str) -> None:
    """A line under the name of the test that runs."""
    _said.append(text)


def take() -> list[str]:
    """What was said since it was asked last."""
    lines = list(_said)
    _said.clear()
    return lines
