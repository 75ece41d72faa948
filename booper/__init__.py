"""Booper: HTTP jobs that run on time, once, and say why when they do not."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from booper.client import AsyncScheduler as AsyncScheduler
    from booper.client import Scheduler as Scheduler

__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    """`from booper import Scheduler`, which the server never does: it has no use for a client."""
    if name in {"AsyncScheduler", "Scheduler"}:
        return getattr(import_module("booper.client"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
