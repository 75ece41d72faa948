"""The Celery application of a worker for whom names are as a test has them; all else is as the Procfile's has it.

A name that ends in `.dead.test` is asked for in vain for as long as a resolver tries. `.paced.test` stands for an
address of the loopback that may be dialled, but is in no network that the operator allows: requests to it are paced,
as those to anywhere outside are. Any other name stands for the loopback that is allowed.
"""

import threading
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

from celery.signals import celeryd_init

from booper.targets.policy import Policy
from config.celery import app

__all__ = ("PACED_ADDRESS", "app")

PACED_ADDRESS = "127.0.0.2"
# Two tries of five seconds each at two name servers, as resolv.conf(5) has it.
_RESOLVER_SECONDS = 20.0
_never = threading.Event()


def _resolve(host: str) -> Sequence[str]:
    if host.endswith(".dead.test"):
        _never.wait(_RESOLVER_SECONDS)
        raise OSError(f"no name server answers for {host}")
    return [PACED_ADDRESS if host.endswith(".paced.test") else "127.0.0.1"]


@celeryd_init.connect
def _take_over_names(**_: Any) -> None:
    # Only now, as Django's models can't be imported before Celery has set Django up.
    worker: Any = import_module("jobs.worker")
    of_settings = worker.policy_of_settings

    def policy() -> Policy:
        usual: Policy = of_settings()
        return replace(usual, allowed_networks=(*usual.allowed_networks, f"{PACED_ADDRESS}/32"), resolve=_resolve)

    worker.policy_of_settings = policy
