"""Who may write: a lease in the lake itself, so that it works wherever the lake does.

A row for each scope (the documents, or one model's table) says who holds it, since when, and when it last gave a
sign of life. Taking, renewing and giving up are updates on the condition that the row is as it was read; of two at
once Lance lets one through. Who lost is told by reading the row again. A holder that gives no sign for `lease: seconds`
has lost its lease to whoever asks next; one whose process is seen to be gone, at once.

A holder looks before each write whether it still holds the lease. Should a run be stopped between that look and
the write, the keys of the tables still keep it from writing a row twice.
"""

import os
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from tasks.errors import LeaseHeld, LeaseLost
from tasks.lake import Lake

_LOOK = 1.0  # seconds between looks at a lease that another holds

LEASES = pa.schema(
    [
        pa.field("scope", pa.string(), nullable=False, metadata={"lance-schema:unenforced-primary-key": "true"}),
        pa.field("holder", pa.string()),  # the run's id; empty while nobody holds it
        pa.field("place", pa.string()),  # machine and process namespace, to tell whether a process id means anything
        pa.field("host", pa.string()),
        pa.field("process", pa.int64()),
        pa.field("epoch", pa.int64()),  # how often it was taken
        pa.field("since", pa.float64()),  # seconds since 1970
        pa.field("heartbeat", pa.float64()),  # likewise
    ]
)


@dataclass(frozen=True, slots=True)
class _Row:
    scope: str
    holder: str
    place: str
    host: str
    process: int
    epoch: int
    since: float
    heartbeat: float

    def free(self, seconds: float) -> bool:
        """Whether it may be taken: nobody holds it, or the holder is gone, or silent for so many seconds."""
        if not self.holder or time.time() - self.heartbeat > seconds:
            return True
        return self.place == _place() and not Path(f"/proc/{self.process}").exists()

    def told(self) -> str:
        """Who holds it, for a person."""
        since = datetime.fromtimestamp(self.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        silent = max(time.time() - self.heartbeat, 0)
        return f"run {self.holder} on {self.host} (process {self.process}) since {since}, last seen {silent:.0f} s ago"


class Lease:
    """A lease on one scope of a corpus.

    Args:
        lake: of the corpus.
        scope: `documents`, or a model's table.
        holder: the run's id.
    """

    def __init__(self, lake: Lake, scope: str, holder: str) -> None:
        self._table = lake.name("leases")
        self._lake = lake
        self._scope = scope
        self._holder = holder
        self._seconds = lake.corpus.lease.seconds
        self._epoch = 0
        self._beat_at = 0.0
        self._lock = threading.Lock()

    def take(self, wait: bool) -> None:
        """Take the lease, or wait until it can be taken.

        Raises:
            LeaseHeld: another run holds it, and `wait` is False.
        """
        while True:
            row = self._read()
            if row.free(self._seconds):
                now = time.time()
                self._update(
                    f"epoch = {row.epoch} AND holder = '{row.holder}'",
                    holder=self._holder, place=_place(), host=socket.gethostname(), process=os.getpid(),
                    epoch=row.epoch + 1, since=now, heartbeat=now,
                )  # fmt: skip
                after = self._read()
                if (after.holder, after.epoch) == (self._holder, row.epoch + 1):
                    self._epoch, self._beat_at = after.epoch, time.monotonic()
                    return
                row = after
            if not wait:
                what = "the documents" if self._scope == "documents" else f"the table {self._scope}"
                raise LeaseHeld(
                    f"{what} of the corpus {self._lake.corpus.name!r} are being written by {row.told()}",
                    f"Wait for it with --wait. A run that died is taken over by itself within {self._seconds:.0f} s.",
                )
            time.sleep(_LOOK)

    def beat(self) -> None:
        """Give a sign of life.

        Raises:
            LeaseLost: another run has taken the lease meanwhile.
        """
        with self._lock:
            began = time.monotonic()
            self._update(f"epoch = {self._epoch} AND holder = '{self._holder}'", heartbeat=time.time())
            row = self._read()
            if (row.holder, row.epoch) != (self._holder, self._epoch):
                raise LeaseLost(
                    f"this run was silent for too long, and its lease on {self._scope!r} was taken by {row.told()}",
                    "Nothing that was landed is lost. Run again when that run has ended.",
                )
            self._beat_at = began

    def check(self) -> None:
        """Make sure, before a write, that the lease is still held; costs nothing while it was renewed lately.

        Raises:
            LeaseLost: it is not.
        """
        if time.monotonic() - self._beat_at > self._seconds / 2:
            self.beat()

    def release(self) -> None:
        """Give the lease up."""
        self._update(f"epoch = {self._epoch} AND holder = '{self._holder}'", holder="", heartbeat=0.0)

    def _read(self) -> _Row:
        columns = LEASES.names
        found = self._lake.read(self._table, columns, f"scope = '{self._scope}'").to_pylist()
        if not found:
            empty = _Row(self._scope, "", "", "", 0, 0, 0.0, 0.0)
            row = {column: getattr(empty, column) for column in columns}
            self._lake.insert_missing(self._table, pa.Table.from_pylist([row], schema=LEASES))
            return self._read()
        return _Row(**found[0])

    def _update(self, condition: str, **values: object) -> None:
        self._lake.update(self._table, f"scope = '{self._scope}' AND {condition}", values)


@contextmanager
def writing(lake: Lake, scopes: Iterable[str], holder: str, wait: bool) -> Iterator[None]:
    """Hold leases while writing; the lake then refuses to write once one of them is lost.

    Args:
        lake: to write to.
        scopes: what will be written; taken in order, so that two runs cannot wait for each other.
        holder: the run's id.
        wait: for another run to end, instead of leaving.

    Raises:
        LeaseHeld: another run holds one, and `wait` is False.
    """
    held: list[Lease] = []
    ended = threading.Event()

    def check() -> None:
        for lease in held:
            lease.check()

    def keep() -> None:
        while not ended.wait(lake.corpus.lease.seconds / 6):
            for lease in held:
                with suppress(Exception):  # a store that does not answer now; `check` decides
                    lease.beat()

    keeper = threading.Thread(target=keep, name="lease", daemon=True)
    try:
        lake.create("leases", LEASES)
        for scope in sorted(set(scopes)):
            lease = Lease(lake, scope, holder)
            lease.take(wait)
            held.append(lease)
        keeper.start()
        lake.fence = check
        lake.refresh()
        yield
    finally:
        lake.fence = None
        ended.set()
        if keeper.is_alive():
            keeper.join()
        for lease in held:
            with suppress(Exception):  # it expires by itself
                lease.release()


def _place() -> str:
    """This machine since it started, and this process namespace: where process ids are comparable."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return f"{socket.gethostname()} {os.getpid()}"  # comparable with nothing else
