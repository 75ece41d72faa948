"""The command line of `bin/bench`."""

import argparse
import importlib
import sys
import time
from dataclasses import replace

from benchmarks import machine, scene

MEASURES = (
    "drain",
    "create",
    "web",
    "lateness",
    "costs",
    "wire",
    "workers",
    "scale",
    "schedules",
    "steady",
    "snapshot",
    "pages",
    "live",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/bench", description="Measures Booper beside its peers, prints tables.")
    parser.add_argument("--only", action="append", choices=MEASURES, help="one measure; may be given several times")
    parser.add_argument(
        "--short", action="store_true", help="a few minutes, for CI: the harness runs, figures are rough"
    )
    parser.add_argument("--smoke", action="store_true", help="seconds: whether the harness runs at all")
    parser.add_argument("--embedded", action="store_true", help="only what needs no database server")
    parser.add_argument("--rounds", type=int, help="rounds that medians are taken of")
    parser.add_argument("--minutes", type=float, help="how long `steady` goes on (twenty)")
    given = parser.parse_args()
    effort = scene.SMOKE if given.smoke else scene.SHORT if given.short else scene.LONG
    if given.rounds:
        effort = scene.with_rounds(effort, given.rounds)
    if given.minutes:
        effort = replace(effort, minutes=given.minutes)
    print(f"Machine: {machine.description()}", flush=True)
    began = time.monotonic()
    with scene.opened(effort, is_embedded_only=given.embedded) as opened:
        for name in given.only or MEASURES:
            importlib.import_module(f"benchmarks.measures.{name}").measure(opened)
    print(f"\nMeasured in {time.monotonic() - began:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
