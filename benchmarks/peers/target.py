"""The one request that every Python peer makes: a kept connection for each thread, which is the best `requests` can do."""

import os
import threading

import requests

REDIS = os.environ.get("BENCH_REDIS", "redis://127.0.0.1:6379")
POSTGRES = os.environ.get("BENCH_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres")
_local = threading.local()


def get(url: str) -> int:
    """The status that `url` answers."""
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
    session: requests.Session = _local.session
    return session.get(url, timeout=30).status_code
