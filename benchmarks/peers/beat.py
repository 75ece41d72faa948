"""`beat MODULE VERB ARGUMENT…`: what a peer that schedules is asked to do; prints its answer as JSON.

What a peer hands over goes into lists of one Redis, `wave` and `added`: their lengths are what is measured.
"""

import importlib
import json
import sys
import time

import redis

from benchmarks.peers import target

HANDED_OVER = f"{target.REDIS}/8"
_LONGEST_SECONDS = 120.0


def seconds_until_added() -> float:
    """From now until one more has been handed over to the list `added`."""
    began = time.monotonic()
    with redis.Redis.from_url(HANDED_OVER) as client:
        while not client.llen("added"):
            if time.monotonic() > began + _LONGEST_SECONDS:
                raise TimeoutError("the new schedule has not taken effect")
            time.sleep(0.005)
        client.delete("added")
    return time.monotonic() - began


if __name__ == "__main__":
    module = importlib.import_module(f"benchmarks.peers.{sys.argv[1]}")
    print(json.dumps(getattr(module, sys.argv[2])(*map(float, sys.argv[3:]))))
