"""An instance's own settings, and every statement that this process sends to the database counted by its first word.

The counts are written to the file that BENCH_STATEMENTS names, from a thread, so that they are there however it ends.
"""

import collections
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db.backends.signals import connection_created

from config.settings import *  # noqa: F403

_FILE = Path(os.environ["BENCH_STATEMENTS"])
_counts: collections.Counter[str] = collections.Counter()


def _count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    words = sql.split(None, 1)
    _counts[words[0].upper() if words else ""] += 1
    return execute(sql, params, many, context)


def _watch(connection: Any, **_: Any) -> None:
    if _count not in connection.execute_wrappers:
        connection.execute_wrappers.append(_count)


def _write() -> None:
    draft = _FILE.with_suffix(".draft")
    while True:
        time.sleep(0.2)
        draft.write_text(json.dumps(dict(_counts)))
        draft.replace(_FILE)


connection_created.connect(_watch)
threading.Thread(target=_write, name="bench-statements", daemon=True).start()
