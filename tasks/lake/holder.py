"""Who holds a lease: a row of the leases table, and what can be told of it without waiting.

Clocks of two machines are never compared to decide that a holder is dead; a heartbeat that looks recent only says
that it is not worth waiting for. A process of this machine and process namespace can be seen to be gone; process ids
come again, so the time at which the process began tells it from another with its id.
"""

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

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
        pa.field("started", pa.int64()),  # when the process began, in clock ticks; not known in rows of older lakes
    ]
)
_IDENTITY = ("holder", "place", "process", "epoch", "since")


@dataclass(frozen=True, slots=True)
class Holder:
    """A row of the leases table. What damage left empty counts as nobody, nowhere, never."""

    holder: str
    place: str
    host: str
    process: int
    epoch: int
    since: float
    heartbeat: float
    started: int | None
    as_read: str  # an SQL condition: the row is still what was read

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Holder":
        """From what was read."""
        return cls(
            row["holder"] or "", row["place"] or "", row["host"] or "", row["process"] or 0, row["epoch"] or 0,
            row["since"] or 0.0, row["heartbeat"] or 0.0, row["started"], same(row),
        )  # fmt: skip

    def identity(self) -> dict[str, Any]:
        """What tells this holding from every other one."""
        return {column: getattr(self, column) for column in _IDENTITY}

    def free(self) -> bool:
        """Whether nobody holds it: it was given up, or the process that held it is seen to be gone."""
        return not self.holder or (self.place == place() and _gone(self.process, self.started))

    def fresh(self, seconds: float) -> bool:
        """Whether its last sign of life looks no older than so many seconds, if the clocks agree."""
        return 0 <= time.time() - self.heartbeat <= seconds

    def told(self) -> str:
        """Who holds it, for a person."""
        try:
            since = datetime.fromtimestamp(self.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        except (ValueError, OverflowError, OSError):
            since = "an unknown time"
        silent = max(time.time() - self.heartbeat, 0)
        return f"run {self.holder} on {self.host} (process {self.process}) since {since}, last seen {silent:.0f} s ago"


def claim(holder: str, epoch: int) -> dict[str, Any]:
    """The columns of a lease that this process takes now."""
    now = time.time()
    return {
        "holder": holder, "place": place(), "host": socket.gethostname(), "process": os.getpid(),
        "epoch": epoch, "since": now, "heartbeat": now, "started": _stat(os.getpid())[1],
    }  # fmt: skip


def same(values: Mapping[str, Any]) -> str:
    """An SQL condition: columns have exactly these values."""
    return " AND ".join(
        f"{column} IS NULL" if value is None
        else f"{column} = CAST('{value!r}' AS DOUBLE)" if isinstance(value, float)  # not a number, too
        else f"{column} = {value}" if isinstance(value, int)
        else f"{column} = '{value.replace(chr(39), 2 * chr(39))}'"
        for column, value in values.items()
    )  # fmt: skip


def place() -> str:
    """This machine since it started, and this process namespace: where process ids are comparable."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return f"{socket.gethostname()} {os.getpid()}"  # comparable with nothing else


def _gone(process: int, started: int | None) -> bool:
    """Whether a process of this place has ended, though another may have its id by now."""
    try:
        if process <= 0:
            return False  # no process: it is not known which
        os.kill(process, 0)  # /proc alone may hide what others run
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        pass
    state, began = _stat(process)
    return state in ("Z", "X") or (None not in (started, began) and started != began)


def _stat(process: int) -> tuple[str, int | None]:
    """The state of a process and when it began, in clock ticks since the machine started; where that can be read."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return fields[0], int(fields[19])
    except (OSError, IndexError, ValueError):
        return "", None
