"""An instance as `bin/up` starts it, from a checkout, and what it says to whoever has started it."""

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.processes.harness import ports
from tests.processes.harness.api import Api
from tests.processes.harness.processes import ROOT, Processes, Running
from tests.processes.harness.waiting import eventually

# What a developer's shell may have set for an instance of their own.
_PRIVATE = re.compile(
    r"(ALLOWED_HOSTS|BROKER_URL|DATABASE_URL|DEBUG|HOST|PORT|SECRET_KEY|(BOOPER|FLOWER|WEB|WORKER)_.*)"
)


class Instance:
    """`python` is what runs bin/up, which goes on with the one of its own .venv."""

    def __init__(
        self,
        processes: Processes,
        *,
        data_dir: Path,
        checkout: Path = ROOT,
        settings: Mapping[str, str] | None = None,
        python: str = sys.executable,
    ) -> None:
        self.port = ports.free()
        self.checkout = checkout
        self.data_dir = data_dir
        inherited = {name: value for name, value in os.environ.items() if not _PRIVATE.fullmatch(name)}
        own = {"PORT": str(self.port), "FLOWER_PORT": str(ports.free()), "BOOPER_DATA_DIR": str(data_dir)}
        self.env = {**inherited, **own, **(settings or {})}
        self.up: Running = processes.start("up", [python, "bin/up"], env=self.env, cwd=checkout)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def until_ready(self, *, within_seconds: float) -> None:
        def is_ready() -> bool:
            assert self.up.is_alive, self.said()
            return "Ready on" in self.said()

        eventually(is_ready, f"bin/up says that it is ready in {self.up.log}", within_seconds=within_seconds)

    def said(self) -> str:
        return self.up.log.read_text(errors="replace")

    def api(self) -> Api:
        """The first user's."""
        return Api(self.port, str(json.loads((self.data_dir / "first_user.json").read_text())["api_key"]))

    def processes(self) -> set[int]:
        """Those of it that live; none of another instance has its data folder in its environment."""
        mark = f"BOOPER_DATA_DIR={self.data_dir}".encode()
        found = set()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                is_ours = mark in (process / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if is_ours and _state(process) not in ("Z", "X", ""):
                found.add(int(process.name))
        return found


def _state(process: Path) -> str:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""
