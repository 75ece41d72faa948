"""An instance on which one tenant works quietly, and hostile ones move in next door."""

import itertools
import json
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from tests.processes.harness.api import Api, NoAnswer
from tests.processes.harness.neighbour import Neighbour, Noticed
from tests.processes.harness.processes import Running
from tests.processes.harness.stack import Stack, manage
from tests.processes.harness.waiting import eventually

_QUIET_SECONDS, _ATTACKED_SECONDS = 5, 8
# What must hold: so many times of quiet, and for lateness never above this.
_LATENESS_TIMES, _LATENESS_SECONDS = 5, 2.0
_GET_TIMES = 10
# What is quicker than that is the machine's noise: a process that waits for a processor, a commit for a disk.
_LATENESS_AT_LEAST_SECONDS = 0.1
_GET_AT_LEAST_SECONDS = 0.03
# All of one start: a command takes seconds where a machine is busy.
_TENANTS = 20
_MAKE_TENANTS = f"""
from jobs.management import people
from jobs.models import ApiKey
for number in range({_TENANTS}):
    print(ApiKey.issue(people.find_or_make(f"mallory-{{number}}@example.com").id)[1])
"""
# A batch of the API has no more.
MOST_AT_ONCE = 1000


class Attack:
    """A process of tests.processes.harness.hostile, and what it has counted so far."""

    def __init__(self, process: Running) -> None:
        self.process = process

    @property
    def counts(self) -> Mapping[str, int]:
        lines = self.process.log.read_text().splitlines()
        assert self.process.is_alive, "\n".join(lines[-20:])
        # The last one may be written only in part.
        counts: dict[str, int] = json.loads(lines[-2]) if len(lines) > 1 else {}
        return counts

    def is_on(self, at_least: int, *kinds: str) -> None:
        """Waits until so many of these kinds are counted."""
        eventually(
            lambda: min(self.counts.get(kind, 0) for kind in kinds) >= at_least,
            f"{at_least} {kinds}",
            within_seconds=60,
        )


class Street:
    """`bob` is who works quietly. Each mallory is somebody of whom nobody has heard before."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.bob = Api(stack.port, stack.key)
        self._attacks: list[Attack] = []
        # Each writes to a file of its own.
        self._numbers = itertools.count()
        self._tenants: list[Api] = []
        self._keys = manage("shell", "--command", _MAKE_TENANTS, env=stack.env).splitlines()[-_TENANTS:]

    def mallory(self) -> Api:
        self._tenants.append(Api(self.stack.port, self._keys.pop()))
        return self._tenants[-1]

    def attack(self, what: str, **arguments: Any) -> Attack:
        command = [sys.executable, "-m", "tests.processes.harness.hostile", what, json.dumps(arguments)]
        name = f"{what}-{next(self._numbers)}"
        self._attacks.append(Attack(self.stack.processes.start(name, command, env=self.stack.env)))
        return self._attacks[-1]

    def target(self, **arguments: Any) -> tuple[Attack, int]:
        """A hostile target and its port."""
        target = self.attack("serve", **arguments)
        target.is_on(1, "port")
        return target, target.counts["port"]

    def calls(self, api: Api, path: str, **arguments: Any) -> Attack:
        return self.attack("call", port=self.stack.port, path=path, **{"method": "POST", "keys": [api.key]} | arguments)

    def notice_quiet(self, *, host: str = "127.0.0.1") -> Noticed:
        """What Bob notices of an instance on which nobody else is. `host` is what Neighbour takes."""
        self._neighbour = Neighbour(self.stack, self.bob, host=host)
        return self._neighbour.notice(_QUIET_SECONDS)

    def require_no_harm(self, quiet: Noticed) -> None:
        """Holds what Bob notices now to what must hold, by what it was in quiet."""
        attacked = self._neighbour.notice(_ATTACKED_SECONDS)
        seen = f"quiet: {quiet}\nattacked: {attacked}"
        sys.stdout.write(f"\n{self.stack.kind}\n{seen}\n")
        lateness = max(quiet.p99_of_lateness, _LATENESS_AT_LEAST_SECONDS)
        assert attacked.p99_of_lateness < min(_LATENESS_TIMES * lateness, _LATENESS_SECONDS), seen
        assert attacked.p99_of_gets < _GET_TIMES * max(quiet.p99_of_gets, _GET_AT_LEAST_SECONDS), seen

    def move_out(self) -> None:
        """Ends what is hostile, and all that was asked for."""
        for attack in self._attacks:
            attack.process.kill()
        for api in self._tenants:
            eventually(partial(self._has_nothing, api), "all of it is cancelled", within_seconds=180)
            api.close()
        self._attacks.clear()
        self._tenants.clear()

    def _has_nothing(self, api: Api) -> bool:
        try:
            cancelled = api.post("/api/jobs/cancel?all=true")
        except NoAnswer:
            # Tens of thousands are cancelled by one call, some thousand a second.
            return False
        # One that is over its limit has to wait until it is not.
        return cancelled.status == 200 and cancelled.data["matched"] == 0


def post_all(api: Api, jobs: Iterable[Mapping[str, Any]]) -> None:
    """In as few requests as there may be. AssertionError if one is refused."""
    jobs = list(jobs)
    for begin in range(0, len(jobs), MOST_AT_ONCE):
        answer = api.post("/api/jobs/batch", {"jobs": jobs[begin : begin + MOST_AT_ONCE]})
        assert answer.status == 201, (answer.status, str(answer.body)[:500])
