"""What the figures were measured on, for the head of the tables."""

import os
import platform
import time
from pathlib import Path


def description() -> str:
    """Cores, memory, kernel and Python, and how busy the machine was to begin with."""
    memory_kb = int(_field("/proc/meminfo", "MemTotal").split()[0])
    parts = (
        f"{os.cpu_count()} cores ({_field('/proc/cpuinfo', 'model name')})",
        f"{memory_kb / 1024**2:.0f} GiB of memory",
        f"{platform.system()} {platform.release()}",
        f"Python {platform.python_version()}",
        f"load average {os.getloadavg()[0]:.2f} at {time.strftime('%H:%M:%S')}",
    )
    return ", ".join(parts)


def _field(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"
