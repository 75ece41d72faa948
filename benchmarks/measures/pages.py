"""What each page of owners and operators takes where there is most: milliseconds, queries, and what they read.

PostgreSQL and SQLite, each with as many jobs as `scale` has at most and as many schedules as `schedules`, of many
tenants. Pages are asked for in a process of their own, one after the other: the time is that of the server.
"""

from typing import Any

from benchmarks import tables
from benchmarks.scene import Scene

_ROUNDS = 5
_TOO_SLOW_MS = 200.0


def measure(scene: Scene) -> None:
    seen = set()
    for _, broker_url, is_postgres in scene.stacks():
        if is_postgres in seen:
            continue
        seen.add(is_postgres)
        database = "PostgreSQL" if is_postgres else "SQLite"
        with scene.instance(f"pages-{database}".lower(), broker_url=broker_url, is_postgres=is_postgres) as instance:
            filled = instance.inside("pages", "fill", scene.effort.waiting[-1], scene.effort.schedules)
            costs = instance.inside("pages", "ask", max(scene.effort.rounds, _ROUNDS))["costs"]
        counts = ", ".join(f"{count:,} {what}" for what, count in filled.items())
        _show(f"Pages on {database}: {counts}", costs)


def _show(title: str, costs: list[dict[str, Any]]) -> None:
    rows = [
        (
            *(
                each["who"],
                f"`{each['path']}`",
                f"{each['ms']:.1f}",
                f"{each['cpu_ms']:.1f}",
                each["queries"],
                f"{each['kilobytes']:.0f}",
            ),
            *(f"{each['buffers']:,}", f"{each['passed']:,}", " ".join(each["scans"])),
        )
        for each in sorted(costs, key=lambda each: -each["ms"])
    ]
    head = (
        "who",
        "page",
        "ms",
        "of them CPU of Python",
        "queries",
        "kB",
        "buffers",
        "rows in vain",
        "tables read whole",
    )
    tables.show(title, head, rows)
    slow = sum(each["ms"] > _TOO_SLOW_MS for each in costs)
    print(f"\n{len(costs)} answers, {slow} of them slower than {_TOO_SLOW_MS:g} ms.", flush=True)
