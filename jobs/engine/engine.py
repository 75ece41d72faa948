"""The heart of a worker process: claims what is due, keeps it on the wire side by side, records what came of it.

Three threads. The database's claims and records, one after the other, so what it has in hand is always known. The
network's owns the sender. The lease's renews it, whatever the other two are waiting for.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import Error, close_old_connections, connection

from booper.outcomes.outcome import Outcome
from booper.targets.addresses import Network
from jobs.database import clock, outages
from jobs.engine import hosts, recording
from jobs.engine.breaking_off import BreakingOff
from jobs.engine.held_lease import HeldLease
from jobs.engine.hosts import Hosts
from jobs.engine.lane_state import Key, LaneState
from jobs.engine.outbox import Outbox, Sender
from jobs.engine.reconcile import Reconcile
from jobs.engine.rescue import Rescue
from jobs.engine.stage import Finished, Stage, Upcoming
from jobs.engine.way_out import WayOut
from jobs.guarding import suspension
from jobs.guarding.places import Places, unshared
from jobs.telemetry import signs_of_life
from jobs.telemetry.signs_of_life import DATABASE, SignsOfLife
from jobs.waking.announcer import Lane

logger = logging.getLogger(__name__)

# How often a worker looks for itself: the longest a lost wake-up can delay a job.
_LOOK_SECONDS = 1.0
_CALL_SECONDS = 0.25
# With much in hand, an outcome waits this long for others to be recorded with.
_COMPANY_SECONDS = 0.004
_CROWD = 40
_BATCH = 200
_LONGEST_PAUSE_SECONDS = 5.0


class Engine:
    def __init__(
        self,
        *,
        name: str,
        stages: Mapping[Lane, Stage],
        make_sender: Callable[[], Sender],
        announce: Callable[[Lane, Iterable[datetime]], None],
        concurrency: int,
        lease: timedelta,
        make_places: Callable[[int], Places] = unshared,
        targets: Hosts | None = None,
        allowed_networks: Sequence[Network] = (),
        signs: SignsOfLife = signs_of_life.own,
    ) -> None:
        """Starts to `allowed_networks` are not paced."""
        self._name = name
        self._signs = signs
        self._lanes = {lane: LaneState(lane, stage, make_places(concurrency)) for lane, stage in stages.items()}
        self._make_sender = make_sender
        self._announce = announce
        self._concurrency = concurrency
        self._lease = HeldLease(lease)
        self._reconcile = Reconcile()
        self._rescue = Rescue(self._lease, self._reconcile)
        self._breaking_off = BreakingOff()
        self._sender: Sender | None = None
        self._condition = threading.Condition()
        self._hosts = targets or hosts.unlimited()
        self._way_out = WayOut()
        for lane_state in self._lanes.values():
            lane_state.places.own = self._hosts.own_places
        self._outbox = Outbox(self._hosts.pace, allowed_networks=tuple(allowed_networks), covers=self._lease.covers)
        self._arrived: deque[tuple[Key, Outcome]] = deque()
        self._is_stopping = False
        self._is_aborting = False
        self._is_ended = threading.Event()
        self._look_at = 0.0
        self._pause_seconds = 0.0
        self._outage = outages.of_the_database(logger)
        self._threads: list[threading.Thread] = []

    # --- What the doors call --------------------------------------------------------------------------------------

    def start(self) -> None:
        self._take_lease()
        self._sender = self._make_sender()
        for name, run in (("network", self._network), ("database", self._database), ("lease", self._keep_lease)):
            self._signs.sign(name, within_seconds=_LONGEST_PAUSE_SECONDS)
            thread = threading.Thread(target=self._or_die, args=(name, run), name=f"engine-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._signs.end("start")

    def wake(self, lane: Lane, instants: Iterable[datetime]) -> None:
        with self._condition:
            for instant in instants:
                self._lanes[lane].wake(instant)
            self._condition.notify()

    @property
    def is_stopping(self) -> bool:
        return self._is_stopping

    def stop_claiming(self) -> None:
        """Takes no lock: it is called from a signal handler."""
        self._is_stopping = self._signs.is_ending = True

    def shut_down(self, *, grace: timedelta) -> None:
        """Waits up to `grace` for what is on the wire, then breaks it off and hands it back."""
        self.stop_claiming()
        self._nudge()
        if not self._is_ended.wait(grace.total_seconds()):
            self._is_aborting = True
            self._nudge()
            self._is_ended.wait(2.0)
        for thread in self._threads:
            thread.join(1.0)

    def _nudge(self) -> None:
        with self._condition:
            self._condition.notify()
        if self._sender is not None:
            self._sender.wake()

    def _or_die(self, name: str, run: Callable[[], None]) -> None:
        try:
            run()
            self._signs.end(name)
        except BaseException:
            # Half an engine would hold its lease and do nothing: better dead, and started again by the supervisor.
            logger.critical("the engine broke, the process ends", exc_info=True)
            logging.shutdown()
            os._exit(70)
        finally:
            connection.close()

    # --- The network's thread -------------------------------------------------------------------------------------

    def _network(self) -> None:
        sender = self._sender
        assert sender is not None
        while not self._is_ended.is_set():
            self._signs.sign("network")
            self._submit(sender)
            if self._is_aborting:
                self._bring(self._outbox.abort_all(sender))
            self._bring(sender.poll(self._outbox.wait_seconds))
        sender.close()

    def _submit(self, sender: Sender) -> None:
        self._bring(self._outbox.send(sender))

    def _bring(self, arrived: Sequence[tuple[Key, Outcome]]) -> None:
        if arrived:
            with self._condition:
                self._arrived.extend(arrived)
                self._condition.notify()

    # --- The database's thread ------------------------------------------------------------------------------------

    def _database(self) -> None:
        while not self._is_done():
            self._signs.sign("database", within_seconds=_LONGEST_PAUSE_SECONDS)
            try:
                self._wait()
                self._turn()
            except Error as error:
                # Whatever it is: this process has requests on the wire, and nothing is better for them than waiting.
                self._pause(error)
        self._is_ended.set()
        self._lease.give_up()
        assert self._sender is not None
        self._sender.wake()

    def _turn(self) -> None:
        self._record()
        self._break_off()
        if not self._is_stopping:
            self._look_who_is_held()
            self._claim()
            for upcoming in self._rescue.run([lane.stage for lane in self._lanes.values()]):
                self._chain(upcoming)
        self._reconcile.run(self._lease.process.id, self._lanes.values())
        if self._outage.is_on:
            self._signs.have(DATABASE)
            self._outage.works()
        self._pause_seconds = 0.0

    def _is_done(self) -> bool:
        return self._is_stopping and not any(lane.in_hand for lane in self._lanes.values())

    def _wait(self) -> None:
        now = clock.now()
        with self._condition:
            if not self._arrived:
                self._condition.wait(self._seconds_to_wait(now))
            is_crowded = sum(len(lane.in_hand) for lane in self._lanes.values()) >= _CROWD
        if self._arrived and is_crowded:
            time.sleep(_COMPANY_SECONDS)

    def _seconds_to_wait(self, now: datetime) -> float:
        if self._is_stopping:
            return _LOOK_SECONDS / 4
        seconds = _LOOK_SECONDS
        for lane in self._lanes.values() if self._may_claim() else ():
            if not self._room(lane):
                # What arrives makes some. Until then a wake-up that has come due stays, and is not to be waited for.
                continue
            if lane.has_more:
                return 0.0
            if lane.instants:
                seconds = min(seconds, (lane.instants[0] - now).total_seconds())
        return max(seconds, 0.0)

    def _room(self, lane: LaneState) -> int:
        return self._way_out.room(max(0, self._concurrency - len(lane.in_hand)), now=time.monotonic())

    def _may_claim(self) -> bool:
        return self._lease.is_fresh and not suspension.held().is_paused

    def _look_who_is_held(self) -> None:
        """Looks whether the operator holds up everybody, or some tenants."""
        if time.monotonic() >= self._look_at:
            suspension.look()
            self._hosts.look()
            self._look_at = time.monotonic() + suspension.LOOK_SECONDS

    def _claim(self) -> None:
        if not self._may_claim():
            return
        for name, lane in self._lanes.items():
            now = clock.now()
            room = self._room(lane)
            if not room or not self._should_claim(lane, now):
                continue
            limit = min(room, _BATCH)
            lane.has_more = True  # should the claim fail, it is made again
            # Before it, as the pause may come while its answer is waited for.
            claimed_at = time.monotonic()
            bounds = self._hosts.narrowed(lane.places.bounds(now=claimed_at), lane=name, now=claimed_at)
            started, upcoming = lane.stage.claim(
                self._lease.process.id, limit=limit, is_crowded=lane.is_crowded, bounds=bounds, now=now
            )
            self._hosts.claimed(started, lane=name, now=claimed_at)
            self._way_out.claimed(len(started), now=claimed_at)
            lane.claimed(started, limit=limit, bounds=bounds)
            lane.look_at = time.monotonic() + _LOOK_SECONDS
            for item in started:
                key = (name, item.row.id, item.row.attempt)
                if item.request is not None:
                    self._outbox.put(key, item.request, claimed_at=claimed_at)
                else:
                    self._arrived.append((key, Outcome(response=None, failure=item.failure, duration_ms=0)))
            if started and self._sender is not None:
                self._sender.wake()
            if started and lane.is_crowded and time.monotonic() >= lane.call_at:
                # There may be more than this process can take: let another one look.
                lane.call_at = time.monotonic() + _CALL_SECONDS
                self._announce(name, [now])
            self._chain(upcoming)

    def _should_claim(self, lane: LaneState, now: datetime) -> bool:
        with self._condition:
            is_woken = lane.take_due(now)
        if is_woken or lane.has_more:
            return True
        if time.monotonic() < lane.look_at:
            return False
        lane.look_at = time.monotonic() + _LOOK_SECONDS
        return lane.stage.is_due(now=now)

    def _record(self) -> None:
        with self._condition:
            arrived = list(self._arrived)
        # A key that is in hand no more was recorded by a try that failed later on, at another lane.
        for name, came in _by_lane(arrived).items():
            lane, unwanted = self._lanes[name], self._breaking_off.found
            finished = [
                Finished(started, outcome, key in unwanted)
                for key, outcome in came
                if (started := lane.in_hand.get(key)) is not None
            ]
            if finished:
                self._chain(recording.record_all(lane.stage, self._lease.process.id, finished))
                # Only now, as what could not be recorded comes here again.
                self._hosts.note(finished, lane=name, now=time.monotonic())
                self._way_out.note([item.outcome for item in finished], now=time.monotonic())
            for key, _ in came:
                lane.give_back(key)
        with self._condition:
            # Only now, for what could not be recorded is recorded at the next try.
            for _ in arrived:
                self._arrived.popleft()

    def _break_off(self) -> None:
        unwanted = self._breaking_off.find(self._lease.process.id, list(self._lanes.values()))
        if unwanted and self._sender is not None:
            for key in unwanted:
                self._outbox.drop(key)
            self._sender.wake()

    def _chain(self, upcoming: Upcoming) -> None:
        if upcoming.jobs:
            self._announce(Lane.JOBS, upcoming.jobs)
        if upcoming.queues:
            self._announce(Lane.QUEUES, upcoming.queues)
        if upcoming.deliveries:
            self._announce(Lane.DELIVERIES, upcoming.deliveries)

    def _pause(self, error: Exception) -> None:
        """The database is away: wait a little longer each time, keep what is in hand."""
        self._pause_seconds = min(_LONGEST_PAUSE_SECONDS, self._pause_seconds * 2 or 0.1)
        self._outage.fails(error)
        self._signs.wait_for(DATABASE, str(error))
        close_old_connections()
        connection.close()
        self._reconcile.make_soon()
        if self._is_aborting:
            # No time is left: the lease will run out, and another worker takes up what is in hand.
            for lane in self._lanes.values():
                lane.in_hand.clear()
                lane.places.clear()
        time.sleep(self._pause_seconds)

    # --- The lease's thread ---------------------------------------------------------------------------------------

    def _keep_lease(self) -> None:
        wait_seconds = self._lease.half_seconds / 2
        self._signs.sign("lease", within_seconds=wait_seconds)
        while not self._is_ended.wait(wait_seconds):
            wait_seconds = self._lease.renew()
            self._signs.sign("lease", within_seconds=wait_seconds)
            if self._lease.is_fresh:
                self._signs.have("its lease")
            else:
                self._signs.wait_for("its lease", "it could not be renewed in time, so nothing is taken up")

    def _take_lease(self) -> None:
        """Takes the lease as soon as the database can be worked with."""
        while True:
            self._signs.sign("start", within_seconds=_LONGEST_PAUSE_SECONDS)
            try:
                self._lease.take(self._name)
            except Error as error:
                if self._is_stopping:
                    raise SystemExit(1) from error
                self._pause(error)
            else:
                return


def _by_lane(arrived: Iterable[tuple[Key, Outcome]]) -> dict[Lane, list[tuple[Key, Outcome]]]:
    came: dict[Lane, list[tuple[Key, Outcome]]] = {}
    for item in arrived:
        came.setdefault(item[0][0], []).append(item)
    return came
