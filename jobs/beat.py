"""The scheduler that `celery beat` runs: fires Booper's schedules by index, whatever else is in the table.

What it does costs by what is due or was edited, never by how many schedules exist: none of them is held in memory.
Entries of django-celery-beat that are not Booper's run as they always do.
"""

import logging
import platform
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import Error, connection
from django.db.models import QuerySet
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from jobs.database import clock, outages, sql
from jobs.database.lower_bounds import Look, LowerBounds
from jobs.database.outages import Outage
from jobs.engine import leases
from jobs.guarding import suspension
from jobs.models import Process, ProcessRole
from jobs.recurring import beat_edits, beat_entries, calendars, firing, repair
from jobs.running import transitions
from jobs.telemetry import parked_hosts, rolled_up, signs_of_life
from jobs.telemetry.signs_of_life import BROKER, DATABASE
from jobs.waking import announcements
from jobs.waking.announcer import Lane

logger = logging.getLogger(__name__)

# While more is due than a tick fires, of one tenant alone.
_BATCH = 500
# Otherwise: whoever comes due meanwhile waits for what is fired before its turn, and so do writers to SQLite.
_BATCH_OF_SEVERAL = 100
# On SQLite, where whoever writes meanwhile waits, no more of several and of one.
_MOST_ON_SQLITE = (25, 100)
_LONGEST_BREATH_SECONDS = 0.1
# No tenant is alone for so long after several had something due.
_COMPANY_SECONDS = 5.0
_LONGEST_SLEEP_SECONDS = 0.5
# Until what is due and held by somebody else is looked at again.
_HELD_SECONDS = 0.05
_PROMOTE_SECONDS = 5.0
# As many as take about half a second: runs that are due wait meanwhile.
_EDITS = 25
_SWEEP_SECONDS = 10.0
_SWEPT = 1000
_EXPIRE_SECONDS = 1.0
_EXPIRED = 500
# With its task nothing can be wrong: if it can't be sent, it is the broker.
_OWN_ENTRY = "booper.prune"
# As many as take a tenth of a second or two.
_SETTLED = 200
_ROLL_UP_SECONDS = 5.0
# Times as long as it took: runs that are due wait meanwhile.
_ROLL_UP_PAUSES = 4
_PARK_SECONDS = 5.0
# Rows of the log, as many as take some hundredths of a second.
_ROLLED_UP = 2000
Answer = TypeVar("Answer")


def _batches() -> tuple[int, int]:
    """How many runs are fired in one transaction while several tenants have something due, and while one has."""
    of_several, of_one = _MOST_ON_SQLITE
    batches = _BATCH_OF_SEVERAL, _BATCH
    return batches if sql.is_postgresql() else (min(batches[0], of_several), min(batches[1], of_one))


class _Quiet(logging.Filter):
    """Keeps out of the log what django-celery-beat says of a database that is away at each tick, with a traceback."""

    tell: Callable[[Error], None] | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, Error) and self.tell is not None:
            self.tell(error)
            return False
        return "InterfaceError in" not in str(record.msg)


_quiet = _Quiet()
logging.getLogger("django_celery_beat.schedulers").addFilter(_quiet)


class Scheduler(DatabaseScheduler):  # type: ignore[misc]
    # Celery's own waits for a broker that is away for ever, and no schedule would run meanwhile.
    producer = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # What is made below reads the database, which may not answer.
        signs_of_life.own.sign("tick")
        self._process: Process | None = None
        self._remember_nothing()
        # More is due than one tick fires.
        self._is_behind = False
        self._alone_from = 0.0
        self._promote_at = 0.0
        self._promoted: dict[Lane, datetime] = {}
        self._heartbeat_at = 0.0
        self._look_at = 0.0
        self._sweep_at = 0.0
        self._expire_at = 0.0
        self._swept: UUID | None = None
        self._settle_at = 0.0
        self._roll_up_at = 0.0
        self._park_at = 0.0
        self._has_edits = True  # some may have been made while there was no beat
        self._edited: UUID | None = None
        self._lease = timedelta(seconds=settings.LEASE_SECONDS)
        self._outage = outages.of_the_database(logger)
        self._broken = Outage(
            logger,
            begins="a part of beat's work failed, it is tried again in half a second",
            ends="all of beat's work goes on again",
            quiet_seconds=outages.QUIET_SECONDS,
        )
        self._fault = ""
        self._has_failed = self._is_set_up = False
        # By the name of an entry that could not be sent.
        self._unsent: dict[str, Outage] = {}
        _quiet.tell = self._note_fault
        super().__init__(*args, **kwargs)
        self.max_interval = _LONGEST_SLEEP_SECONDS

    def _remember_nothing(self) -> None:
        self._upcoming = LowerBounds()
        self._tenants = firing.new_tenants(self._upcoming)

    def setup_schedule(self) -> None:
        """Reads the entries, and writes Booper's own. Where the database is away, the ticks go on trying."""
        self._safely(self._set_up)

    def _set_up(self) -> float:
        if not self._is_set_up:
            super().setup_schedule()
            # What fails in it, it keeps for itself, and is told of by the log's filter alone.
            self._is_set_up = not self._has_failed
        return _LONGEST_SLEEP_SECONDS

    def enabled_models_qs(self) -> QuerySet[PeriodicTask]:
        entries: QuerySet[PeriodicTask] = super().enabled_models_qs()
        return entries.exclude(task=beat_entries.TASK)

    def schedule_changed(self) -> bool:
        """Something was edited in django-celery-beat's admin: it may have been an entry of Booper's."""
        is_changed = bool(super().schedule_changed())
        if is_changed:
            self._has_edits, self._edited = True, None
        return is_changed

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Fires what is due, and answers for how many seconds there is nothing to do.

        One part that fails must not stop the others: beat goes on ticking, whatever happens.
        """
        self._has_failed = False
        waits = [
            self._safely(self._set_up),
            self._safely(self._fire),
            self._safely(self._promote),
            self._safely(self._keep_lease),
            self._safely(self._sweep),
            self._safely(self._expire),
            self._safely(self._settle),
            self._safely(self._roll_up),
            self._safely(self._keep_parked),
            self._safely(lambda: super(Scheduler, self).tick(*args, **kwargs)),
            self._safely(self._take_over_edits),
        ]
        if not self._has_failed:
            self._outage.works()
            self._broken.works()
        wait_seconds = max(0.0, min(_LONGEST_SLEEP_SECONDS if wait is None else float(wait) for wait in waits))
        self._say_how_it_fares(wait_seconds)
        return wait_seconds

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Sends the task of an entry that is due. Celery would write a traceback each time that it can't."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:  # whatever brokers and what is in an entry may raise
            begins = f"the task of the entry {entry.name} can't be sent"
            ends = f"the task of the entry {entry.name} is sent again"
            self._unsent.setdefault(entry.name, Outage(logger, begins=begins, ends=ends)).fails(error)
        else:
            logger.debug("sent the task of the entry %s", entry.name)
            if (outage := self._unsent.pop(entry.name, None)) is not None:
                outage.works()

    def close(self) -> None:
        signs_of_life.own.is_ending = True
        super().close()
        process = self._process
        if process is not None:
            self._safely(lambda: leases.give_up(process))
        announcements.announcer.flush(timeout_seconds=1.0)

    def _say_how_it_fares(self, wait_seconds: float) -> None:
        """Says it to whoever asks this process whether it lives, and whether it can work."""
        signs_of_life.own.sign("tick", within_seconds=wait_seconds)
        if self._has_failed:
            signs_of_life.own.wait_for(DATABASE, self._fault)
        else:
            signs_of_life.own.have(DATABASE)
        if announcements.announcer.is_failing or _OWN_ENTRY in self._unsent:
            signs_of_life.own.wait_for(BROKER, "wake-ups can't be published")
        else:
            signs_of_life.own.have(BROKER)

    def _fire(self) -> float:
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + suspension.LOOK_SECONDS
            if set(suspension.held().users) - set(suspension.look().users):
                # Whoever was resumed has runs that no look has taken notice of.
                self._remember_nothing()
        if suspension.held().is_paused:
            return _LONGEST_SLEEP_SECONDS
        now = clock.now()
        mark, began = self._upcoming.mark(now=now), time.monotonic()
        shares = self._shares(now=now) if self._is_behind else []
        limit = self._limit(shares)
        count = firing.fire_due(limit=limit, shares=shares, now=now) if shares else 0
        # What some leave of their shares is for the others.
        if count < limit:
            count += firing.fire_due(limit=limit - count, mark=mark, now=now)
        if count:
            logger.info("fired %d runs", count)
            announcements.announce_jobs([now])
            announcements.announce_queues([now])
        self._is_behind = count >= limit
        if self._is_behind:
            # Half of the time is for the other writers to SQLite, unless one tenant has it for itself.
            is_to_wait = bool(shares) and not sql.is_postgresql()
            return min(time.monotonic() - began, _LONGEST_BREATH_SECONDS) if is_to_wait else 0.0
        # This look takes no lock: a run whose schedule somebody else has locked for now is not left behind the mark.
        looked = time.monotonic()
        first = firing.next_due(mark=mark)
        # What firing costs says nothing of what is in the way of looks.
        self._upcoming.note(began=mark, first=first, seconds=time.monotonic() - looked, now=now)
        if first is None:
            return _LONGEST_SLEEP_SECONDS
        if not count and first.at <= now:
            # Somebody holds the schedules of what is first, as many as a look takes maybe.
            self._is_behind = True
            return _HELD_SECONDS
        return (first.at - clock.now()).total_seconds()

    def _shares(self, *, now: datetime) -> list[Look]:
        """As much of each tenant with something due, where there are several."""
        return self._tenants.shares(_batches()[0], without=suspension.held().users, now=now)

    def _limit(self, shares: Sequence[Look]) -> int:
        """How many runs a tick fires."""
        if shares:
            self._alone_from = time.monotonic() + _COMPANY_SECONDS
        return _batches()[self._is_behind and time.monotonic() >= self._alone_from]

    def _take_over_edits(self) -> float:
        """Some at a time, by id, each once. Should the database fail, those are taken over at the next tick."""
        if self._has_edits:
            ids = beat_entries.edited(after=self._edited, limit=_EDITS)
            beat_edits.apply(ids, now=clock.now())
            self._has_edits = len(ids) == _EDITS
            self._edited = ids[-1] if self._has_edits else None
        return 0.0 if self._has_edits else _LONGEST_SLEEP_SECONDS

    def _promote(self) -> float:
        """Here and not by a task: a hung broker must not keep the wake-ups of the next minute from being known."""
        if time.monotonic() < self._promote_at:
            return _LONGEST_SLEEP_SECONDS
        now = clock.now()
        self._promoted = announcements.promote(self._promoted, now=now)
        is_behind = min(self._promoted.values()) < now + timedelta(seconds=settings.WAKE_HORIZON_SECONDS)
        self._promote_at = time.monotonic() + (0.0 if is_behind else _PROMOTE_SECONDS)
        return 0.0 if is_behind else _LONGEST_SLEEP_SECONDS

    def _keep_lease(self) -> float:
        if time.monotonic() >= self._heartbeat_at:
            self._heartbeat_at = time.monotonic() + self._lease.total_seconds() / 4
            if self._process is None:
                name = f"beat@{platform.node()}"
                self._process = leases.take(ProcessRole.BEAT, name, lease=self._lease, now=clock.reread())
            else:
                leases.renew(self._process, lease=self._lease, now=clock.reread())
        return _LONGEST_SLEEP_SECONDS

    def _sweep(self) -> float:
        """Goes through the enabled schedules, a thousand at a time, for those that lost their upcoming run."""
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + _SWEEP_SECONDS
            swept = repair.restore_upcoming(after=self._swept, limit=_SWEPT, now=clock.now())
            self._swept = swept.last
        return _LONGEST_SLEEP_SECONDS

    def _expire(self) -> float:
        """Here and not by workers: a job expires also while there are none, and in a queue that is paused."""
        if time.monotonic() < self._expire_at:
            return _LONGEST_SLEEP_SECONDS
        now = clock.now()
        expired = transitions.expire(limit=_EXPIRED, now=now)
        if any(job.webhook_url for job in expired):
            announcements.announce_deliveries([now])
        if any(job.queue_id is not None for job in expired):
            announcements.announce_queues([now])
        if len(expired) == _EXPIRED:
            return 0.0
        self._expire_at = time.monotonic() + _EXPIRE_SECONDS
        return _LONGEST_SLEEP_SECONDS

    def _settle(self) -> float:
        """Moves the runs that are to follow a calendar that was edited, where the request that edited it did not."""
        if time.monotonic() >= self._settle_at:
            settled = calendars.settle_some(limit=_SETTLED, now=clock.now())
            if settled.has_deliveries:
                announcements.announce_deliveries([clock.now()])
            self._settle_at = time.monotonic() + (_SWEEP_SECONDS if not settled.looked_at else 0.0)
        return _LONGEST_SLEEP_SECONDS

    def _roll_up(self) -> float:
        """Counts what has ended for the charts of pages, a few rows of the log at a time."""
        began = time.monotonic()
        if began >= self._roll_up_at:
            is_behind = rolled_up.roll_up(limit=_ROLLED_UP, now=clock.now())
            took = time.monotonic() - began
            self._roll_up_at = time.monotonic() + (took * _ROLL_UP_PAUSES if is_behind else _ROLL_UP_SECONDS)
        return self._roll_up_at - time.monotonic()

    def _keep_parked(self) -> float:
        """Keeps when hosts were parked, for who asks when it is over."""
        if time.monotonic() >= self._park_at:
            self._park_at = time.monotonic() + _PARK_SECONDS
            parked_hosts.keep(now=clock.now())
        return _LONGEST_SLEEP_SECONDS

    def _safely(self, call: Callable[[], Answer]) -> Answer | None:
        signs_of_life.own.sign("tick")
        try:
            return call()
        except Error as error:
            self._note_fault(error)
            self._start_anew()
            return None
        except Exception as error:
            self._has_failed = True
            self._fault = "a part of its work failed"
            self._broken.fails(error, with_trace=True)
            self._start_anew()
            return None

    def _note_fault(self, error: Error) -> None:
        self._fault, self._has_failed = str(error), True
        self._outage.fails(error)

    def _start_anew(self) -> None:
        """Starts anew after a failure: on another connection, and with the entries read again if they never were."""
        connection.close()
        if self._schedule is None:
            self._initial_read = True
