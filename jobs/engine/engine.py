"""The heart of a worker process: claims what is due, keeps it on the wire side by side, records what came of it.

Three threads. The database's claims and records, one after the other, so what it has in hand is always known. The
network's owns the sender. The lease's renews it, whatever the other two are waiting for.
"""

import heapq
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from django.db import Error, close_old_connections, connection

from booper.outcomes.outcome import Failure, Outcome, Request
from jobs.database import clock, faults, lower_bounds
from jobs.database.claim_bounds import ClaimBounds
from jobs.engine import leases
from jobs.engine.stage import Finished, Stage, Started, Upcoming
from jobs.guarding import suspension
from jobs.guarding.places import Places, unshared
from jobs.models import Process, ProcessRole
from jobs.waking.announcer import Lane

logger = logging.getLogger(__name__)

# How often a worker looks for itself: the longest a lost wake-up can delay a job.
_LOOK_SECONDS = 1.0
_RESCUE_SECONDS = 3.0
_LONGEST_RESCUE_PAUSE_SECONDS = 10.0
_CALL_SECONDS = 0.25
# With much in hand, an outcome waits this long for others to be recorded with.
_COMPANY_SECONDS = 0.004
_CROWD = 40
_RECONCILE_SECONDS = 30.0
# One statement that failed must not cost a quarter of the lease.
_LEASE_RETRY_SECONDS = 1.0
_BATCH = 200
_RESCUE_BATCH = 500
_LONGEST_PAUSE_SECONDS = 5.0

_NOT_SENT = Outcome(response=None, failure=Failure("aborted", "not sent, as this process was suspended"), duration_ms=0)

Key = tuple[Lane, int, int]


class Sender(Protocol):
    """booper.sending.sender.Sender, or a stand-in for it."""

    def submit(self, key: Key, request: Request) -> None: ...
    def poll(self, timeout_seconds: float) -> list[tuple[Key, Outcome]]: ...
    def wake(self) -> None: ...
    def abort_all(self) -> None: ...
    def close(self) -> None: ...


def rescue_pause_seconds(took_seconds: float, *, is_full: bool) -> float:
    """How long after the beginning of a rescue the next one begins; at once if there may be more to take up.

    Where it takes long, as an old snapshot keeps what others would have swept away, it is made less often. Within
    bounds: one that only waited its turn to write must not leave a dead worker's jobs alone for minutes.
    """
    if is_full:
        return 0.0
    return min(max(_RESCUE_SECONDS, lower_bounds.COST_SHARE * took_seconds), _LONGEST_RESCUE_PAUSE_SECONDS)


class _LaneState:
    """What the engine knows of one lane: when to look, and what is in hand."""

    def __init__(self, name: Lane, stage: Stage, places: Places) -> None:
        self.name = name
        self.stage = stage
        self.places = places
        self.instants: list[datetime] = []
        self._awaited: set[datetime] = set()
        self.has_more = True
        self.is_crowded = False
        self.in_hand: dict[Key, Started] = {}
        self.look_at = 0.0
        self.call_at = 0.0

    def wake(self, instant: datetime) -> None:
        if instant not in self._awaited:
            self._awaited.add(instant)
            heapq.heappush(self.instants, instant)

    def take_due(self, now: datetime) -> bool:
        """Whether a wake-up has come due; forgets those that have."""
        is_due = False
        while self.instants and self.instants[0] <= now:
            self._awaited.discard(heapq.heappop(self.instants))
            is_due = True
        return is_due

    def take(self, key: Key, item: Started) -> None:
        self.in_hand[key] = item
        self.places.take(item.row.user_id, item.row.url)

    def give_back(self, key: Key) -> None:
        row = self.in_hand.pop(key).row
        self.places.give_back(row.user_id, row.url)
        # Whoever had all its places may have this one.
        self.has_more = self.has_more or self.is_crowded

    def claimed(self, started: list[Started], *, limit: int, bounds: ClaimBounds) -> None:
        """What a claim has brought says whether there is more; who is full waits for a place, or for a wake-up."""
        for item in started:
            self.take((self.name, item.row.id, item.row.attempt), item)
        # One in equal shares comes short where some have less than theirs: then it is made again, not in shares.
        in_shares = self.is_crowded or bounds.are_tight
        is_full = len(started) >= bounds.cut(limit)
        left = self.places.bounds(now=time.monotonic())
        self.is_crowded = is_full or left.are_tight
        self.has_more = (is_full or (in_shares and bool(started))) and bool(left.rooms or not left.full)

    @property
    def known_ids(self) -> set[int]:
        return {started.row.id for started in self.in_hand.values()}


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
    ) -> None:
        self._name = name
        self._lanes = {lane: _LaneState(lane, stage, make_places(concurrency)) for lane, stage in stages.items()}
        self._make_sender = make_sender
        self._announce = announce
        self._concurrency = concurrency
        self._lease = lease
        self._process: Process | None = None
        self._sender: Sender | None = None
        self._condition = threading.Condition()
        # With the time of the claim.
        self._outbox: deque[tuple[Key, Request, float]] = deque()
        self._arrived: deque[tuple[Key, Outcome]] = deque()
        self._is_stopping = False
        self._is_aborting = False
        self._is_ended = threading.Event()
        self._renewed_at = time.monotonic()
        self._lease_failed_at = time.monotonic()
        self._is_lease_failing = False
        self._rescue_at = 0.0
        self._look_at = 0.0
        self._reconcile_at = time.monotonic() + _RECONCILE_SECONDS
        self._pause_seconds = 0.0
        # What the database answered, as long as it is no answer.
        self._fault: str | None = None
        self._threads: list[threading.Thread] = []

    # --- What the doors call --------------------------------------------------------------------------------------

    def start(self) -> None:
        self._process = self._until_it_works(
            lambda: leases.take(ProcessRole.WORKER, self._name, lease=self._lease, now=clock.now())
        )
        # It may have taken a while.
        self._renewed_at = self._lease_failed_at = time.monotonic()
        self._sender = self._make_sender()
        for name, run in (("network", self._network), ("database", self._database), ("lease", self._keep_lease)):
            thread = threading.Thread(target=self._or_die, args=(run,), name=f"engine-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()

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
        self._is_stopping = True

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

    def _or_die(self, run: Callable[[], None]) -> None:
        try:
            run()
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
            self._submit(sender)
            if self._is_aborting:
                sender.abort_all()
            arrived = sender.poll(1.0)
            if arrived:
                with self._condition:
                    self._arrived.extend(arrived)
                    self._condition.notify()
        sender.close()

    def _submit(self, sender: Sender) -> None:
        while self._outbox:
            key, request, claimed_at = self._outbox.popleft()
            if time.monotonic() - claimed_at < self._lease.total_seconds() / 2:
                sender.submit(key, request)
                continue
            # This process was suspended in between: another one may have sent it by now.
            with self._condition:
                self._arrived.append((key, _NOT_SENT))
                self._condition.notify()

    # --- The database's thread ------------------------------------------------------------------------------------

    def _database(self) -> None:
        while not self._is_done():
            try:
                self._wait()
                self._turn()
            except Error as error:
                # Whatever it is: this process has requests on the wire, and nothing is better for them than waiting.
                self._pause(error)
        process = self._process
        assert process is not None
        self._is_ended.set()
        self._try_once(lambda: leases.give_up(process))
        assert self._sender is not None
        self._sender.wake()

    def _turn(self) -> None:
        self._record()
        if not self._is_stopping:
            self._look_who_is_held()
            self._claim()
            self._rescue()
        self._reconcile()
        if self._fault is not None:
            logger.warning("the database answers again")
        self._fault, self._pause_seconds = None, 0.0

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

    def _room(self, lane: _LaneState) -> int:
        return max(0, self._concurrency - len(lane.in_hand))

    def _may_claim(self) -> bool:
        """Not after a pause: what is claimed before the lease is renewed would be taken from us at once."""
        is_leased = time.monotonic() - self._renewed_at < self._lease.total_seconds() / 2
        return is_leased and not suspension.held().is_paused

    def _look_who_is_held(self) -> None:
        """By the operator: all, or some tenants."""
        if time.monotonic() >= self._look_at:
            suspension.look()
            self._look_at = time.monotonic() + suspension.LOOK_SECONDS

    def _claim(self) -> None:
        assert self._process is not None
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
            bounds = lane.places.bounds(now=claimed_at)
            started, upcoming = lane.stage.claim(
                self._process.id, limit=limit, is_crowded=lane.is_crowded, bounds=bounds, now=now
            )
            lane.claimed(started, limit=limit, bounds=bounds)
            lane.look_at = time.monotonic() + _LOOK_SECONDS
            for item in started:
                key = (name, item.row.id, item.row.attempt)
                if item.request is not None:
                    self._outbox.append((key, item.request, claimed_at))
                else:
                    self._arrived.append((key, Outcome(response=None, failure=item.failure, duration_ms=0)))
            if started and self._sender is not None:
                self._sender.wake()
            if started and lane.is_crowded and time.monotonic() >= lane.call_at:
                # There may be more than this process can take: let another one look.
                lane.call_at = time.monotonic() + _CALL_SECONDS
                self._announce(name, [now])
            self._chain(upcoming)

    def _should_claim(self, lane: _LaneState, now: datetime) -> bool:
        with self._condition:
            is_woken = lane.take_due(now)
        if is_woken or lane.has_more:
            return True
        if time.monotonic() < lane.look_at:
            return False
        lane.look_at = time.monotonic() + _LOOK_SECONDS
        return lane.stage.is_due(now=now)

    def _record(self) -> None:
        assert self._process is not None
        with self._condition:
            arrived = list(self._arrived)
        for name, lane in self._lanes.items():
            keys = [(key, outcome) for key, outcome in arrived if key[0] == name and key in lane.in_hand]
            finished = [Finished(lane.in_hand[key], outcome) for key, outcome in keys]
            if finished:
                self._chain(self._record_all(lane.stage, finished))
            for key, _ in keys:
                lane.give_back(key)
        with self._condition:
            # Only now, for what could not be recorded is recorded at the next try.
            for _ in arrived:
                self._arrived.popleft()

    def _record_all(self, stage: Stage, finished: list[Finished]) -> Upcoming:
        assert self._process is not None
        try:
            return stage.record(self._process.id, finished, now=clock.now())
        except Exception as error:
            if faults.is_of_the_database(error):
                raise
            logger.exception("a batch of %d outcomes can't be recorded together, so one by one", len(finished))
        jobs: list[datetime] = []
        deliveries: list[datetime] = []
        for item in finished:
            upcoming = self._record_one(stage, item)
            jobs += upcoming.jobs
            deliveries += upcoming.deliveries
        return Upcoming(jobs, deliveries)

    def _record_one(self, stage: Stage, item: Finished) -> Upcoming:
        """An outcome that no database takes must not hold up the others, nor be tried for ever."""
        assert self._process is not None
        try:
            return stage.record(self._process.id, [item], now=clock.now())
        except Exception as error:
            if faults.is_of_the_database(error):
                raise
            # By its number: the row in words has its URL, headers and body, and with them its owner's keys.
            row = item.started.row
            logger.exception("an outcome can't be recorded as it is: %s %d", type(row).__name__, row.id)
            failure = Failure("internal", "the answer could not be stored; Booper's log has the reason")
            outcome = Outcome(response=None, failure=failure, duration_ms=item.outcome.duration_ms)
            return stage.record(self._process.id, [Finished(item.started, outcome)], now=clock.now())

    def _rescue(self) -> None:
        moment = time.monotonic()
        # After an outage all leases have run out together: who comes back first gives the others time to renew theirs.
        since_outage = moment - self._lease_failed_at
        is_outage = moment - self._renewed_at > self._lease.total_seconds() / 2
        if moment < self._rescue_at or is_outage or since_outage < self._lease.total_seconds() / 2:
            return
        self._rescue_at = moment + _RESCUE_SECONDS
        now = clock.reread()
        if clock.seconds_since_step() < self._lease.total_seconds() / 2:
            # The same where the clock was set: leases are by the old time until they are renewed.
            self._reconcile_at = 0.0
            return
        is_full = False
        for lane in self._lanes.values():
            count, upcoming = lane.stage.rescue(limit=_RESCUE_BATCH, now=now)
            is_full = is_full or count == _RESCUE_BATCH
            self._chain(upcoming)
        self._rescue_at = moment + rescue_pause_seconds(time.monotonic() - moment, is_full=is_full)

    def _reconcile(self) -> None:
        """A claim whose answer was lost on the way would stay under our lease for ever."""
        if time.monotonic() < self._reconcile_at:
            return
        assert self._process is not None
        now = clock.reread()
        for name, lane in self._lanes.items():
            count = lane.stage.hand_back(self._process.id, known_ids=lane.known_ids, now=now)
            if count:
                logger.warning("handed back %d %s of a claim that did not reach this worker", count, name)
        leases.begin_anew(clock.reread)
        leases.forget_dead(silent_since=now - timedelta(hours=1))
        self._reconcile_at = time.monotonic() + _RECONCILE_SECONDS

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
        if (fault := str(error)) != self._fault:
            # Once a change: an outage of an hour is not a thousand lines.
            logger.warning("the database can't be worked with, it is tried again until it can: %s", fault)
        self._fault = fault
        close_old_connections()
        connection.close()
        self._reconcile_at = 0.0
        if self._is_aborting:
            # No time is left: the lease will run out, and another worker takes up what is in hand.
            for lane in self._lanes.values():
                lane.in_hand.clear()
                lane.places.clear()
        time.sleep(self._pause_seconds)

    # --- The lease's thread ---------------------------------------------------------------------------------------

    def _keep_lease(self) -> None:
        wait_seconds = self._lease.total_seconds() / 4
        while not self._is_ended.wait(wait_seconds):
            wait_seconds = self._renew_lease()

    def _renew_lease(self) -> float:
        """Renews it once; in how many seconds it is to be renewed again."""
        assert self._process is not None
        pause_seconds = self._lease.total_seconds() / 4
        began = time.monotonic()
        try:
            leases.renew(self._process, lease=self._lease, now=clock.reread())
            self._renewed_at = began
            if self._is_lease_failing:
                # Until this very moment nobody could renew: the others' time to do so begins now.
                self._lease_failed_at = time.monotonic()
            self._is_lease_failing = False
        except Error as error:
            self._lease_failed_at = time.monotonic()
            if not self._is_lease_failing:
                logger.warning("the lease could not be renewed, it is tried again each second: %s", error)
            self._is_lease_failing = True
            connection.close()
        if time.monotonic() - began <= pause_seconds:
            return min(_LEASE_RETRY_SECONDS, pause_seconds) if self._is_lease_failing else pause_seconds
        # The database stood still, for the others too; and what was written now is as of back then.
        self._lease_failed_at = time.monotonic()
        return 0.0

    def _until_it_works(self, call: Callable[[], Process]) -> Process:
        while True:
            try:
                return call()
            except Error as error:
                if self._is_stopping:
                    raise SystemExit(1) from error
                self._pause(error)

    def _try_once(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Error:
            logger.info("the lease could not be given up, it will run out")
