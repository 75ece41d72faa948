"""The tallies of all processes, in the database: a row a process, written every few seconds by that process alone.

Web and workers are different processes on different machines, so what workers counted reaches /metrics this way.
"""

import atexit
import logging
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import Error, connection, transaction

from jobs.database import clock
from jobs.database.outages import Outage
from jobs.models import Tally
from jobs.models.identifiers import uuid7
from jobs.models.tally import OF_THE_GONE
from jobs.telemetry import busiest, counters, exemplars
from jobs.telemetry.counters import Tallies

logger = logging.getLogger(__name__)

WRITE_SECONDS = 5.0
# A row that was not written for this long is of a process that is gone.
GONE_AFTER = timedelta(minutes=10)


class CounterPage:
    """The row of one process. It holds totals, so writing it twice counts nothing twice."""

    def __init__(self, counted: Tallies, *, name: str) -> None:
        self._counted = counted
        self._name = name
        self._id = uuid7()
        self._written: dict[str, float] = {}
        # What was written to a row that is not there any more: it lives on in the row of those that are gone.
        self._elsewhere: dict[str, float] = {}

    def write(self, *, now: datetime) -> None:
        counts, gauges = self._counted.read()
        row = {"counts": counters.difference(counts, self._elsewhere), "gauges": gauges, "flushed_at": now}
        if noted := exemplars.own.read():
            row["exemplars"] = noted
        if not Tally.objects.filter(id=self._id).update(**row):
            # The first time; or this process was suspended for so long that it was taken for gone.
            self._elsewhere = self._written
            row["counts"] = counters.difference(counts, self._elsewhere)
            Tally.objects.create(id=self._id, name=self._name, **row)
        self._written = counts


def read(*, with_exemplars: bool = False) -> Sequence[Tally]:
    """All rows, as they were in one instant."""
    rows = Tally.objects.all()
    return list(rows if with_exemplars else rows.defer("exemplars"))


def close_old(*, gone_since: datetime) -> int:
    """Adds up in one row those of the processes that are gone, so that no total ever falls; how many they were."""
    with transaction.atomic():
        old = Tally.objects.filter(flushed_at__lt=gone_since).exclude(id=OF_THE_GONE)
        rows = list(old.select_for_update().order_by("id"))
        if not rows:
            return 0
        # Made where it is missing, before it is locked.
        Tally.objects.bulk_create([Tally(id=OF_THE_GONE, name="", flushed_at=gone_since)], ignore_conflicts=True)
        gone = Tally.objects.select_for_update().get(id=OF_THE_GONE)
        gone.counts = counters.total([gone.counts, *(row.counts for row in rows)])
        gone.flushed_at = gone_since
        gone.save()
        Tally.objects.filter(id__in=[row.id for row in rows]).delete()
    return len(rows)


class Writer:
    """Writes a page every few seconds, from a thread of its own that nothing waits for."""

    def __init__(self, page: CounterPage, *, seconds: float = WRITE_SECONDS) -> None:
        self._page = page
        self._seconds = seconds
        self._is_stopping = threading.Event()
        self._outage = Outage(
            logger,
            begins="what this process counts can't be written, it is kept for later",
            ends="what this process counts is written again",
        )
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)

    def start(self) -> None:
        self._thread.start()
        atexit.register(self.stop)

    def stop(self, *, timeout_seconds: float = 1.0) -> None:
        """Writes once more. A database that does not answer keeps nobody waiting for longer than said."""
        self._is_stopping.set()
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while not self._is_stopping.wait(self._seconds):
            self._write()
        self._write()

    def _write(self) -> None:
        for each in (busiest.hosts, busiest.queues):
            each.publish(counters.own)
        try:
            self._page.write(now=clock.now())
            self._outage.works()
        except Error as error:
            self._outage.fails(error)
        finally:
            # A connection that is used for a millisecond in five seconds is not worth holding.
            connection.close()


def keep(name: str) -> Writer:
    """Writes the tallies of this process from now on. Call it once, after any fork."""
    writer = Writer(CounterPage(counters.own, name=name))
    writer.start()
    return writer
