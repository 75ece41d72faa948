"""The supervisor's promises, on real processes: what dies comes back, and nothing outlives it."""

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config import supervisor

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[2]
DRIVER = """
import os, signal, sys
from pathlib import Path
from config import procfile
from config.console import Console
from config.supervisor import Supervisor

programs = procfile.programs(Path("Procfile").read_text(), variables={}, counts={"worker": 2})
console = Console(1, [program.name for program in programs], is_coloured=False)
runner = Supervisor(
    programs,
    directory=Path.cwd(),
    environment=os.environ,
    console=console,
    last="broker",
    grace_seconds=float(sys.argv[1]),
)
# The tests themselves may run under nohup.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
print("driver", os.getpid(), flush=True)
sys.exit(runner.run())
"""
# Holds the pipe open for as long as it lives, and a child of its own does as well.
SLEEPER = "exec 3>alive; echo up $$$$; sleep 300 & wait"

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")


class Supervised:
    """A supervisor on a Procfile, in a process of its own, and the pipe `alive` that its processes can hold open."""

    def __init__(self, folder: Path, procfile: str, *, grace_seconds: float = 5) -> None:
        (folder / "Procfile").write_text(procfile)
        os.mkfifo(folder / "alive")
        # Without waiting for a writer, so that a process that never starts fails the test instead of hanging it.
        self.alive = os.open(folder / "alive", os.O_RDONLY | os.O_NONBLOCK)
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(grace_seconds)],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT), "BOOPER_DATA_DIR": str(folder)},
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.next_line("driver")

    def next_line(self, containing: str) -> str:
        """The rest of the next output line that has `containing` in it, after that."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            _, found, rest = line.decode().partition(containing)
            if found:
                return rest.strip()
        raise AssertionError(f"the output ended without {containing!r}")

    def rest(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.read().decode()

    def all_gone_within(self, seconds: float) -> bool:
        """Whether every process that held the pipe `alive` has ended by then."""
        readable, _, _ = select.select([self.alive], [], [], seconds)
        return bool(readable) and os.read(self.alive, 1) == b""

    def reapers(self) -> list[int]:
        return [pid for pid in self.children() if "reaper" in _command(pid)]

    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            # Killed, it is the reaper that tidies up: each test that ends early tests that too.
            self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        os.close(self.alive)


Supervise = Callable[..., Supervised]


def _command(pid: int) -> str:
    """How it was started; empty if it has ended since it was listed."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Supervise]:
    with contextlib.ExitStack() as stack:

        def start(procfile: str, *, grace_seconds: float = 5) -> Supervised:
            supervised = Supervised(tmp_path, procfile, grace_seconds=grace_seconds)
            stack.callback(supervised.close)
            return supervised

        yield start


def test_a_process_that_is_killed_runs_again_within_a_second(supervise: Supervise) -> None:
    supervised = supervise(f"worker: sh -c '{SLEEPER}'\n")
    first = int(supervised.next_line("worker.1 | up"))
    os.kill(first, signal.SIGKILL)
    announced = supervised.next_line("worker.1 was ended by SIGKILL after")
    assert announced.endswith("starting it again in 0.25 s.")
    assert int(supervised.next_line("worker.1 | up")) != first


def test_the_more_often_a_process_dies_young_the_longer_it_waits() -> None:
    assert [supervisor.restart_delay(deaths) for deaths in range(9)] == [0, 0.25, 0.5, 1, 2, 4, 8, 10, 10]
    assert supervisor.restart_delay(1_000_000) == 10


def test_a_command_that_does_not_exist_is_named_and_tried_again(supervise: Supervise) -> None:
    supervised = supervise("web: no-such-command --at all\n")
    announced = supervised.next_line("web could not be started")
    assert "no-such-command" in announced
    assert "no-such-command" in supervised.next_line("web could not be started")


def test_what_a_dead_process_leaves_running_is_ended_before_it_starts_again(supervise: Supervise) -> None:
    supervised = supervise(
        "web: sh -c 'test -e again && { echo back; exec sleep 300; }; touch again; "
        "exec 3>alive; sleep 300 & kill -9 $$$$'\n"
    )
    supervised.next_line("web    | back")
    assert supervised.all_gone_within(2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_every_process_and_what_they_started(supervise: Supervise, number: signal.Signals) -> None:
    supervised = supervise(f"web: sh -c '{SLEEPER}'\nworker: sh -c '{SLEEPER}'\n")
    for _ in range(3):
        supervised.next_line("| up")
    supervised.process.send_signal(number)
    assert supervised.process.wait(timeout=30) == 0
    assert supervised.all_gone_within(2)


def test_a_process_finishes_what_it_is_doing_before_the_broker_goes(supervise: Supervise) -> None:
    supervised = supervise(
        "worker: sh -c 'trap \"sleep 0.3; echo finished; exit 0\" TERM; echo up; while :; do sleep 0.05; done'\n"
        "broker: sh -c 'trap \"echo gone; exit 0\" TERM; echo up; while :; do sleep 0.05; done'\n"
    )
    for _ in range(3):
        supervised.next_line("| up")
    supervised.process.send_signal(signal.SIGINT)
    said = [line.split(" | ") for line in supervised.rest().splitlines()]
    ends = [(name.strip(), what) for name, what in said if what in ("finished", "gone")]
    assert sorted(ends[:2]) == [("worker.1", "finished"), ("worker.2", "finished")]
    assert ends[2:] == [("broker", "gone")]
    assert supervised.process.wait(timeout=30) == 0


def test_a_process_that_will_not_go_is_killed_when_its_grace_is_over(supervise: Supervise) -> None:
    supervised = supervise(
        "web: sh -c 'trap \"\" TERM; exec 3>alive; echo up; while :; do sleep 0.05; done'\n", grace_seconds=0.3
    )
    supervised.next_line("| up")
    supervised.process.send_signal(signal.SIGTERM)
    assert supervised.next_line("web is killed") == "."
    assert supervised.process.wait(timeout=30) == 1
    assert supervised.all_gone_within(2)


def test_a_second_ctrl_c_kills_at_once(supervise: Supervise) -> None:
    supervised = supervise(
        "web: sh -c 'trap \"\" TERM; exec 3>alive; echo up; while :; do sleep 0.05; done'\n", grace_seconds=60
    )
    supervised.next_line("| up")
    for _ in range(20):
        supervised.process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            supervised.process.wait(timeout=0.3)
            break
    assert supervised.process.returncode == 1
    assert supervised.all_gone_within(2)


def test_nothing_outlives_a_supervisor_that_is_killed(supervise: Supervise) -> None:
    supervised = supervise(f"web: sh -c '{SLEEPER}'\nbroker: sh -c '{SLEEPER}'\n")
    supervised.next_line("| up")
    supervised.next_line("| up")
    supervised.process.kill()
    assert supervised.all_gone_within(5)


def test_what_ignores_being_told_does_not_outlive_a_killed_supervisor_either(supervise: Supervise) -> None:
    supervised = supervise(
        "web: sh -c 'trap \"\" TERM; exec 3>alive; echo up; while :; do sleep 0.05; done'\n", grace_seconds=0.3
    )
    supervised.next_line("| up")
    supervised.process.kill()
    assert supervised.all_gone_within(5)


@linux_only
def test_the_kernel_ends_the_processes_when_supervisor_and_reaper_are_both_killed(supervise: Supervise) -> None:
    supervised = supervise("web: sh -c 'exec 3>alive; echo up; exec sleep 300'\n")
    supervised.next_line("| up")
    [reaper] = supervised.reapers()
    # Stopped, so that it cannot replace the reaper before it is killed itself.
    supervised.process.send_signal(signal.SIGSTOP)
    os.kill(reaper, signal.SIGKILL)
    supervised.process.kill()
    assert supervised.all_gone_within(5)


@linux_only
def test_a_reaper_that_is_killed_is_replaced_by_one_that_knows_every_process(supervise: Supervise) -> None:
    supervised = supervise(f"web: sh -c '{SLEEPER}'\nticker: sh -c 'while :; do echo tick; sleep 0.05; done'\n")
    supervised.next_line("| up")
    [first] = supervised.reapers()
    os.kill(first, signal.SIGKILL)
    while supervised.reapers() in ([], [first]):
        supervised.next_line("| tick")
    for _ in range(10):
        # Once its loop has come round, the supervisor has told the new one.
        supervised.next_line("| tick")
    supervised.process.kill()
    assert supervised.all_gone_within(5)


def test_output_that_nobody_reads_holds_no_process_up(supervise: Supervise) -> None:
    supervised = supervise(
        "web: sh -c 'exec 3>alive; yes this is a line of output | head -n 100000; exec 3>&-; exec sleep 300'\n"
    )
    # Two and a half megabytes, and not a line of them read yet.
    assert supervised.all_gone_within(20)
    supervised.process.send_signal(signal.SIGTERM)
    assert "lines are missing here: nobody read them in time." in supervised.rest()


def test_a_reader_that_goes_away_takes_nothing_down(supervise: Supervise) -> None:
    supervised = supervise("web: sh -c 'exec 3>alive; echo up; while :; do echo more; sleep 0.02; done'\n")
    supervised.next_line("| up")
    assert supervised.process.stdout is not None
    supervised.process.stdout.close()
    assert not supervised.all_gone_within(0.5)
    supervised.process.send_signal(signal.SIGTERM)
    assert supervised.process.wait(timeout=30) == 0
