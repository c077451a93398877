"""What may be sent in a minute, shared by all who ask a service with the same key and have one cache folder.

What was sent, and what is about to be, stands in a file of SQLite. A request is given the first moment at which the
minute before has room for it, after all that have one: so runs that ask at once wait for each other in turn, none is
starved, and together they send no more than each alone might. Only what somebody waits for, as a query, does not wait
for what other processes send: it counts, and they make room.
"""

import logging
import sqlite3
import time
import uuid
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tasks.caching import cache_folder
from tasks.hashing import hash_fields

T = TypeVar("T")
logger = logging.getLogger("embedlake.encode")
_MARGIN = 0.005  # of a minute, for clocks and lines that run unevenly
_ON_ITS_WAY = 0.03  # of a minute, at most: longer waits are for the answer
_AHEAD = 600.0  # seconds; what is later than that was written when the clock went wrong
_PATIENCE = 10.0  # seconds for which another process may be writing
_SENT = """CREATE TABLE IF NOT EXISTS sent
    (number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL, tokens INTEGER, most_requests INTEGER, most_tokens INTEGER,
    who TEXT, after TEXT)"""  # who sends it, and whose requests it waits for, null for all
_INSERT = "INSERT INTO sent (at, tokens, most_requests, most_tokens, who, after) VALUES (?, ?, ?, ?, ?, ?)"
_BEFORE = "FROM sent WHERE number < ? AND who = coalesce(?, who)"
_WAITING = "SELECT number, tokens, most_requests, most_tokens, after FROM sent WHERE at > ? ORDER BY number"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request: when it goes out, by the clock, and its number."""

    at: float
    number: int


class Minute:
    """The requests of a minute.

    Args:
        file: that all who share it name; None where nobody does.
        seconds: of a minute.
        clock: seconds, the same for all.
    """

    def __init__(self, file: Path | None = None, seconds: float = 60.0, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._seconds = seconds * (1 + _MARGIN)
        self._file = file
        self._who = uuid.uuid4().hex
        self._open: sqlite3.Connection | None = None

    def place(self, tokens: int, most_requests: int | None, most_tokens: int | None, urgent: bool = False) -> Sent:
        """Give a request its moment. One that is larger than a minute has a minute for itself.

        Args:
            tokens: of the request.
            most_requests, most_tokens: a minute; None for any number.
            urgent: whether somebody waits for it: then it comes after what is sent from here alone.
        """
        after = self._who if urgent else None

        def placed(all: sqlite3.Connection) -> Sent:
            now = self.clock()
            all.execute("DELETE FROM sent WHERE at <= ? OR at > ?", (now - self._seconds, now + _AHEAD))
            values = (now, tokens, most_requests, most_tokens, self._who, after)
            number = all.execute(_INSERT, values).lastrowid or 0
            return Sent(self._moment(all, number, tokens, most_requests, most_tokens, after), number)

        return self._done(placed)

    def when(self, sent: Sent) -> float:
        """The moment of a request, which may have come nearer."""
        row = self._done(lambda all: all.execute("SELECT at FROM sent WHERE number = ?", (sent.number,)).fetchone())
        return float(row[0]) if row else sent.at

    def settle(self, sent: Sent, tokens: int) -> None:
        """A request is answered, and counts as so many tokens: others may go earlier if these are fewer than expected.
        When it came is only known to lie between then and now."""
        now = self.clock()
        came = min(max(sent.at, now), sent.at + _ON_ITS_WAY * self._seconds)

        def settled(all: sqlite3.Connection) -> None:
            all.execute("UPDATE sent SET at = ?, tokens = ? WHERE number = ?", (came, tokens, sent.number))
            self._others(all, now)

        self._done(settled)

    def withdraw(self, sent: Sent) -> None:
        """A request does not go out: others may go earlier."""

        def withdrawn(all: sqlite3.Connection) -> None:
            all.execute("DELETE FROM sent WHERE number = ?", (sent.number,))
            self._others(all, self.clock())

        self._done(withdrawn)

    def _others(self, all: sqlite3.Connection, now: float) -> None:
        """Give those that wait their moments anew."""
        for waits in all.execute(_WAITING, (now,)).fetchall():
            self._moment(all, *waits)

    def _moment(
        self,
        all: sqlite3.Connection,
        number: int,
        tokens: int,
        most_requests: int | None,
        most_tokens: int | None,
        after: str | None,
    ) -> float:
        """Give a request the first moment that those before it leave."""
        those = (number, after)
        requests, used, last = all.execute(f"SELECT count(*), total(tokens), max(at) {_BEFORE}", those).fetchone()
        at = max(self.clock(), last or 0.0)
        for before, count in all.execute(f"SELECT at, tokens {_BEFORE} ORDER BY at", those):
            fits = (most_requests is None or requests < most_requests) and (
                most_tokens is None or used + tokens <= most_tokens
            )
            if fits and before + self._seconds > at:
                break
            requests, used, at = requests - 1, used - count, max(at, before + self._seconds)
        all.execute("UPDATE sent SET at = ? WHERE number = ?", (at, number))
        return at

    def _done(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do some work in one transaction; where the file cannot be used, what is sent here counts alone."""
        try:
            if self._open is None:
                self._open = self._connected()
            self._open.execute("BEGIN IMMEDIATE")
            with self._open:
                return work(self._open)
        except (sqlite3.Error, OSError) as error:
            if self._file is None:
                raise
            logger.warning("what other runs ask a service for is not counted: %s: %s", self._file, error)
            self._file, self._open = None, None
            return self._done(work)

    def _connected(self) -> sqlite3.Connection:
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        name = str(self._file or ":memory:")
        made = sqlite3.connect(name, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        weakref.finalize(self, made.close)
        made.execute("PRAGMA journal_mode = TRUNCATE")  # WAL is not for a home folder on a network disk
        made.execute("PRAGMA synchronous = OFF")  # a machine that loses its power sends nothing in that minute
        made.execute(_SENT)
        return made


def shared_minute(service: str, key: str | None, model: str) -> Minute:
    """The minute of all who ask a service's model with a key and have one cache folder.

    Args:
        service: its address.
        key: None where there is none.
        model: as the service calls it: providers count each by itself.
    """
    return Minute(cache_folder() / "minutes" / f"{hash_fields(service, key, model)}.sqlite")
