"""What a process loads: the web takes requests and never loads what sends them."""

import subprocess
import sys

_LOADED_BY_THE_WEB = """
import config.asgi, sys
from django.urls import get_resolver
get_resolver().url_patterns
print(*sorted(name for name in sys.modules if name.split(".")[0] in {"pycurl"} or name in
    {"booper.sending", "jobs.engine", "jobs.tasks", "jobs.worker"}))
"""


def test_the_web_loads_neither_the_sender_nor_the_worker():
    loaded = subprocess.run([sys.executable, "-c", _LOADED_BY_THE_WEB], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
