"""What the tests of the client send."""

from collections.abc import Callable
from typing import Any

from booper.client import (
    Scheduler,
)

HOOK = {"url": "https://example.com/hook"}


Use = Callable[[Scheduler], Any]
