"""wrk, which asks for more than a client in Python can: the same request again and again, on kept connections."""

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of it; the percentiles are milliseconds."""

    count: int
    per_second: float
    p50: float
    p99: float


def is_here() -> bool:
    return shutil.which("wrk") is not None


def send(port: int, path: str, *, key: str = "", body: Any = None, connections: int, seconds: float) -> Loaded:
    """A POST where there is a body, else a GET. Raises RuntimeError for an answer that is not 2xx or 3xx."""
    lines = [f'wrk.headers["Authorization"] = "Bearer {key}"'] if key else []
    if body is not None:
        text = json.dumps(json.dumps(body))
        lines += ['wrk.method = "POST"', 'wrk.headers["Content-Type"] = "application/json"', f"wrk.body = {text}"]
    with tempfile.TemporaryDirectory(prefix="booper-wrk-") as folder:
        script = Path(folder) / "request.lua"
        script.write_text("\n".join(lines))
        options = ("-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s", "--latency")
        command = ("wrk", *options, "-s", str(script), f"http://127.0.0.1:{port}{path}")
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return _read(done.stdout)


def _read(said: str) -> Loaded:
    if "Non-2xx" in said:
        raise RuntimeError(said)
    count = re.search(r"(\d+) requests in", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if count is None or rate is None:
        raise RuntimeError(said)
    return Loaded(int(count[1]), float(rate[1]), _percentile(said, "50%"), _percentile(said, "99%"))


def _percentile(said: str, name: str) -> float:
    found = re.search(rf"^\s*{name}\s+([\d.]+)(us|ms|s|m)\s*$", said, re.MULTILINE)
    return float(found[1]) * _UNITS[found[2]] if found else float("nan")
