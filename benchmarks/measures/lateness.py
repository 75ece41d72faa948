"""How late requests reach their target, at a steady rate of jobs that wait in the database until they are due.

Each job's URL tells when it is due, and the sink compares that with its clock: the whole way is in it, from the wake-up
over claim and commit to the last byte of the request. The capacity is what the same process drains in the same run.
"""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from benchmarks import tables
from benchmarks.booper import Instance
from benchmarks.measures.drain import LONGEST_SECONDS, run_due, seconds_to_bring
from benchmarks.processes import wait_until
from benchmarks.scene import Scene

STEADY_PER_SECOND = 50.0
SHARES = (0.1, 0.5, 0.9)
_CAPACITY_ROUNDS = 2
# With that to spare, nothing of making and announcing them is under way any more.
_SECONDS_TO_SETTLE = 2


def measure(scene: Scene) -> None:
    rows = []
    for index, (name, broker_url, is_postgres) in enumerate(scene.stacks()):
        with (
            scene.instance("lateness", broker_url=broker_url, is_postgres=is_postgres) as instance,
            instance.running("worker"),
            instance.running("beat"),
        ):
            # By the first stack it is seen what load does; the others are to say the same at the rate of the promise.
            rows += _rows(scene, instance, name, shares=() if index else SHARES)
    head = ("stack", "jobs/s", "p50 ms", "p99 ms", "p50 range", "p99 range")
    tables.show(f"Late by, one worker process, medians of {scene.effort.rounds} interleaved rounds", head, rows)


def _rows(scene: Scene, instance: Instance, stack: str, *, shares: Sequence[float]) -> list[tuple[str, ...]]:
    rates = {f"{STEADY_PER_SECOND:g}": STEADY_PER_SECOND}
    if shares:
        rounds = min(_CAPACITY_ROUNDS, scene.effort.rounds)
        capacity = median(run_due(scene, instance, scene.effort.jobs) for _ in range(rounds))
        rates |= {f"{capacity * share:,.0f} ({share:.0%} of capacity)": capacity * share for share in shares}
    p50, p99 = defaultdict(list), defaultdict(list)
    for _ in range(scene.effort.rounds):
        for label, per_second in rates.items():
            late_by = late(scene, instance, per_second=per_second)
            p50[label].append(1000 * late_by["p50"])
            p99[label].append(1000 * late_by["p99"])
    return [
        (stack, label, f"{median(p50[label]):.1f}", f"{median(p99[label]):.1f}", _range(p50[label]), _range(p99[label]))
        for label in rates
    ]


def _range(values: list[float]) -> str:
    return f"{min(values):.1f} to {max(values):.1f}"


def late(scene: Scene, instance: Instance, *, per_second: float) -> dict[str, float]:
    """Seconds late, p50 and p99, with the worker and the beat that are there."""
    count = max(10, int(per_second * scene.effort.seconds))
    seconds = seconds_to_bring(count) + _SECONDS_TO_SETTLE
    scene.sink.reset()
    instance.inside("rows", "spread", count, seconds, per_second, scene.sink.url)
    wait_until(
        lambda: scene.sink.report()["count"] >= count,
        what=f"{count} arrived",
        within_seconds=LONGEST_SECONDS,
        # It answers from the process that is to take the requests.
        pause_seconds=0.25,
    )
    percentiles: dict[str, float] = scene.sink.report()["late"]
    instance.wait_until_done(within_seconds=LONGEST_SECONDS)
    return percentiles
