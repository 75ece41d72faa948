"""Jobs a second with one, two and four worker processes, on each stack."""

import contextlib
from collections import defaultdict
from statistics import median

from benchmarks import tables
from benchmarks.measures.drain import drain
from benchmarks.scene import Scene

COUNTS = (1, 2, 4)


def measure(scene: Scene) -> None:
    rates = defaultdict(list)
    with contextlib.ExitStack() as exits:
        instances = {
            stack: exits.enter_context(
                scene.instance(f"workers-{index}", broker_url=broker_url, is_postgres=is_postgres)
            )
            for index, (stack, broker_url, is_postgres) in enumerate(scene.stacks())
        }
        for _ in range(scene.effort.rounds):
            for stack, instance in instances.items():
                for count in COUNTS:
                    rates[stack, count].append(drain(scene, instance, workers=count))
    rows = [
        (
            stack,
            count,
            f"{median(rates[stack, count]):,.0f}",
            tables.ratio(median(rates[stack, count]), median(rates[stack, 1])),
            f"{min(rates[stack, count]):,.0f} to {max(rates[stack, count]):,.0f}",
        )
        for stack in instances
        for count in COUNTS
    ]
    head = ("stack", "worker processes", "jobs/s", "against one", "lowest to highest")
    tables.show(f"Due jobs a second, medians of {scene.effort.rounds} interleaved rounds", head, rows)
