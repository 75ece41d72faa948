"""Which hosts and which queues have the most attempts just now: the greatest by name, the rest together.

Tenants invent hosts and queues. So only so many are told apart in a minute, of one tenant and of all, and fewer are
shown: what is kept, written and scraped is bounded, whatever they send.
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping

from jobs.telemetry import counters

OTHER = "other"
SUCCESS, FAILED = "success", "failed"
# Series of one figure are two for each of these, and two for the rest.
MOST_SHOWN = 20
_MOST_OF_A_TENANT = 50
_MOST = 2000
_WINDOW_SECONDS = 60.0
_LONGEST_NAME = 100


Attempt = tuple[Hashable, str, bool]
"""Whose attempt has ended, what it is counted under, which is the tenant's own word, and whether it went well."""


class Busiest:
    """The attempts of one process by one thing. Any thread may call any method."""

    def __init__(self, name: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`name` is that of the gauges, in attempts a second, by "outcome|what"."""
        self._name = name
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._began_at = self._monotonic()
        self._counts: dict[tuple[Hashable, str], list[int]] = {}
        self._of_tenant: Counter[Hashable] = Counter()
        self._other = [0, 0]

    def note(self, attempts: Iterable[Attempt]) -> None:
        # Most of a batch are alike.
        counts = Counter(attempts)
        with self._lock:
            for (tenant, what, is_well), count in counts.items():
                self._place(tenant, what[:_LONGEST_NAME])[0 if is_well else 1] += count

    def _place(self, tenant: Hashable, what: str) -> list[int]:
        found = self._counts.get((tenant, what))
        if found is not None:
            return found
        if what == OTHER or len(self._counts) >= _MOST or self._of_tenant[tenant] >= _MOST_OF_A_TENANT:
            return self._other
        self._of_tenant[tenant] += 1
        self._counts[tenant, what] = found = [0, 0]
        return found

    def publish(self, tallies: counters.Tallies) -> None:
        """Sets the gauges to what the last minute brought, once a minute; else it leaves them as they are."""
        with self._lock:
            seconds = self._monotonic() - self._began_at
            if seconds < _WINDOW_SECONDS:
                return
            shown = self._shown()
            self._begin()
        rates = {
            f"{outcome}|{what}": count / seconds
            for what, pair in shown.items()
            for outcome, count in zip((SUCCESS, FAILED), pair, strict=True)
        }
        tallies.set_gauges(self._name, rates)

    def _shown(self) -> Mapping[str, list[int]]:
        """The greatest. Where there are several tenants, half of the places at most are one's own."""
        if not self._counts and not any(self._other):
            return {}
        most_of_a_tenant = MOST_SHOWN if len(self._of_tenant) < 2 else MOST_SHOWN // 2
        shown: dict[str, list[int]] = defaultdict(lambda: [0, 0], {OTHER: list(self._other)})
        of_tenant: Counter[Hashable] = Counter()
        for (tenant, what), pair in sorted(self._counts.items(), key=lambda item: -sum(item[1])):
            has_room = len(shown) <= MOST_SHOWN and of_tenant[tenant] < most_of_a_tenant
            if has_room and what not in shown:
                of_tenant[tenant] += 1
            place = shown[what if has_room or what in shown else OTHER]
            place[0], place[1] = place[0] + pair[0], place[1] + pair[1]
        return shown


def greatest(gauges: Iterable[Mapping[str, float]], name: str) -> Mapping[str, Mapping[str, float]]:
    """Adds up what several processes have published: attempts a second by what and outcome, the rest as OTHER."""
    totals: dict[str, dict[str, float]] = defaultdict(lambda: {SUCCESS: 0.0, FAILED: 0.0})
    for each in gauges:
        for label, rate in counters.by_label(each, name).items():
            outcome, _, what = label.partition("|")
            totals[what][outcome] += rate
    named = sorted((what for what in totals if what != OTHER), key=lambda what: -sum(totals[what].values()))
    for what in named[MOST_SHOWN:]:
        for outcome, rate in totals.pop(what).items():
            totals[OTHER][outcome] += rate
    return totals


HOSTS, QUEUES = "host_attempts", "queue_attempts"
hosts, queues = Busiest(HOSTS), Busiest(QUEUES)
"""Those of this process: by host, and by the id of a queue."""
