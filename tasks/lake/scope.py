"""A lease on one scope: the documents, the catalog, or one model's table.

Taking, renewing and giving up are updates on the condition that the row is as it was read; of two at once Lance lets
one through. Who lost is told by reading the row again. Whoever wants a lease whose holder cannot be seen to be gone
watches its row: one that stays the same for `lease: seconds` on the watcher's own clock is taken over.

Of a damaged table: rows of one scope that differ are watched and taken together, and a row that was there once
(the table's configuration remembers) and is gone is watched as if a silent run held it.
"""

import random
import threading
import time
from contextlib import suppress
from typing import Any

import pyarrow as pa

from tasks.errors import LakeError, LeaseHeld, LeaseLost
from tasks.lake.holder import LEASES, Holder, claim, same
from tasks.lake.tables import Lake

_LOOK = 1.0  # seconds between looks at a lease that another holds
_TRIES = 20  # of a renewal that meets with other writers of the table
_SLEPT_TOO = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on while the machine sleeps


class Lease:
    """A lease on one scope of a corpus.

    Args:
        lake: of the corpus.
        scope: `documents`, `catalog`, or a model's table.
        holder: the run's id.
    """

    def __init__(self, lake: Lake, scope: str, holder: str) -> None:
        self.scope = scope
        self.found = 0  # the epoch before it was taken here
        self._table = lake.name("leases")
        self._lake = lake
        self._holder = holder
        self._seconds = lake.corpus.lease.seconds
        self._own: dict[str, Any] = {}
        self._beat_at = _clocks()
        self._lost: LeaseLost | None = None
        self._lock = threading.Lock()

    def take(self, wait: bool, watch: bool = True) -> None:
        """Take the lease, or wait until it can be taken.

        Args:
            wait: for as long as another run holds it.
            watch: whether a holder that looks silent is so, for `lease: seconds`; without, only a free one is taken.

        Raises:
            LeaseHeld: another run holds it, and `wait` is False.
        """
        rows = self._read()
        if self._lake.remember(self._table, f"embedlake.lease.{self.scope}") and not rows:
            rows = self._insert()
        moved, seen_at = False, time.monotonic()  # time in which this machine sleeps is not spent watching
        while True:
            silent = not moved and time.monotonic() - seen_at > self._seconds
            if silent or (rows and all(row.free() for row in rows)):
                if self._claim(rows or self._insert()):
                    return
                time.sleep(random.uniform(0, 0.05))  # another took it, or wrote the table just then
            elif not wait and (moved or not watch or any(row.fresh(self._seconds) for row in rows)):
                names = {"documents": "the documents", "catalog": "the catalog"}
                raise LeaseHeld(
                    f"{names.get(self.scope, f'the table {self.scope}')} of the corpus "
                    f"{self._lake.corpus.name!r} are being written by {_told(rows)}",
                    f"Wait for it with --wait. A run that died is taken over by itself within {self._seconds:.0f} s.",
                )
            else:
                time.sleep(_LOOK)
            seen, rows = rows, self._read()
            moved = {row.as_read for row in rows} != {row.as_read for row in seen}
            if moved:
                seen_at = time.monotonic()

    def beat(self) -> None:
        """Give a sign of life.

        Raises:
            LeaseLost: another run has taken the lease meanwhile.
            LakeError: the table could not be written.
        """
        with self._lock:
            for _ in range(_TRIES):
                if self._lost:
                    raise self._lost
                began, now = _clocks(), time.time()
                self._update(same(self._own), heartbeat=now)
                rows = self._read()
                own = [row for row in rows if row.identity() == self._own]
                if not own:
                    ended = f"taken by {_told(rows)}" if rows else "removed from the lake"
                    self._lost = LeaseLost(
                        f"this run was silent for too long, and its lease on {self.scope!r} was {ended}",
                        "Nothing that was landed is lost. Run again when that run has ended.",
                    )
                elif own[0].heartbeat == now:
                    self._beat_at = began
                    return
                else:
                    time.sleep(random.uniform(0, 0.05))
            raise LakeError(
                f"the lease on {self.scope!r} could not be renewed {_TRIES} times", "See to the store, then run again."
            )

    def check(self) -> None:
        """Make sure, before a write, that the lease is still held; costs nothing while it was renewed lately.

        Raises:
            LeaseLost: it is not.
        """
        silent = max(now - then for now, then in zip(_clocks(), self._beat_at, strict=True))
        if self._lost or silent > self._seconds / 2:
            self.beat()

    def release(self) -> None:
        """Give the lease up, if it is held."""
        if self._own:
            with suppress(Exception):  # it expires by itself
                self._update(same(self._own), holder="", heartbeat=0.0, started=None)

    def _claim(self, rows: list[Holder]) -> bool:
        """Take it if its rows are still as they were read; whether that was so."""
        if not rows:
            return False
        began = _clocks()
        self.found = max(row.epoch for row in rows)
        values = claim(self._holder, self.found + 1)
        self._own = Holder.of({"scope": self.scope, **values}).identity()
        self._update("(" + ") OR (".join({row.as_read for row in rows}) + ")", **values)
        after = self._read()
        if after and all(row.identity() == self._own for row in after):
            self._beat_at = began
            return True
        self.release()  # of several rows, some may have been taken
        self._own = {}
        return False

    def _read(self) -> list[Holder]:
        """The rows of the scope: one, unless the table was damaged."""
        return [
            Holder.of(row)
            for row in self._lake.read(self._table, LEASES.names, same({"scope": self.scope})).to_pylist()
        ]

    def _insert(self) -> list[Holder]:
        """Make its row."""
        row = {"scope": self.scope, "holder": "", "place": "", "host": "", "process": 0, "epoch": 0, "since": 0.0}
        self._lake.insert_missing(
            self._table, pa.Table.from_pylist([row | {"heartbeat": 0.0, "started": None}], schema=LEASES)
        )
        return self._read()

    def _update(self, condition: str, **values: object) -> None:
        self._lake.update(self._table, f"{same({'scope': self.scope})} AND ({condition})", values)


def _clocks() -> tuple[float, float]:
    """Two clocks, in seconds. One goes on while a machine sleeps, the other is set right after a virtual one did."""
    return time.clock_gettime(_SLEPT_TOO), time.time()


def _told(rows: list[Holder]) -> str:
    return max(rows, key=lambda row: row.heartbeat).told() if rows else "a run whose lease was removed"
