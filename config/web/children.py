"""A web process ends when its supervisor does, however that ends: none is left that keeps the port."""

import multiprocessing
import os
import signal
import threading


def end_with_parent() -> None:
    """Ends a process that multiprocessing has started with its parent; does nothing in another."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), name="parent-watch", daemon=True).start()


def _end_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
