"""Which table is live, and the history of that.

A switch is written to the history first, and made by one commit of the catalog, whose line of the live table then has
the switch's number. So a row with a later number tells of a switch that broke off; the next one takes its number.
"""

import getpass
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from tasks.errors import SwitchRefused
from tasks.hashing import is_sealed, sealed
from tasks.lake.catalog import Entry, catalog_lease, live_of, write_entries
from tasks.lake.schemas import CATALOG, SWITCHES
from tasks.lake.tables import Lake

FIRST, PROMOTE, AUTOMATIC, ROLLBACK = "first", "promote", "automatic", "rollback"


@dataclass(frozen=True, slots=True)
class Switch:
    """A change of the live table.

    Attributes:
        to_table: becomes live.
        kind: FIRST, PROMOTE, AUTOMATIC or ROLLBACK.
        why: in a person's words.
        forced: what spoke against it and was overridden.
    """

    to_table: str
    kind: str
    why: str = ""
    forced: str = ""


def history(lake: Lake, entries: list[Entry]) -> list[dict[str, Any]]:
    """The switches that were made, the first one first.

    Args:
        lake: to look at.
        entries: its catalog.
    """
    rows = sorted(_rows(lake), key=lambda row: str(row["number"]))
    live = live_of(entries)
    last = live.get("switch") if live else None
    return [row for row in rows if not live or _number(row) <= (last or 0)]


def last_live(lake: Lake, entries: list[Entry]) -> Entry | None:
    """The line of the live table; where damage took it that state, of the one that was made live last."""
    live = live_of(entries)
    made = [] if live else history(lake, entries)
    return live or next((entry for entry in entries if made and entry["table"] == made[-1]["to_table"]), None)


def switched_to(lake: Lake, table: str) -> int | None:
    """The number of the last switch that made a table live."""
    return max((_number(row) for row in _rows(lake) if row["to_table"] == table), default=None)


def record(lake: Lake, entries: list[Entry], switch: Switch) -> int:
    """Write a switch to the history, to be made by the next commit of the catalog; its number. Needs the lease on the
    catalog, whose lines are given."""
    live, made = live_of(entries), history(lake, entries)
    number = max([_number(row) for row in made] + [(live or {}).get("switch") or 0]) + 1
    row = {
        "number": f"{number:08d}", "kind": switch.kind, "from_table": live["table"] if live else None,
        "to_table": switch.to_table, "time": datetime.now(UTC), "who": _who(), "why": switch.why,
        "forced": switch.forced,
    }  # fmt: skip
    lake.create("switches", SWITCHES)
    lake.merge(lake.name("switches"), pa.Table.from_pylist([sealed(row)], schema=SWITCHES))
    return number


def make(
    lake: Lake, holder: str, seen: str | None, switch: Switch, check: Callable[[list[Entry]], str]
) -> dict[str, Any]:
    """Make a table live in one commit, if the one that was seen is live still; the row of the history.

    Args:
        lake: whose catalog.
        holder: of the lease.
        seen: the table that was live when it was decided.
        switch: to be made.
        check: raises where the table must not become live, for the catalog's lines as they are then; else gives the
            state of the table that was live.

    Raises:
        SwitchRefused: another table became live meanwhile.
    """
    with catalog_lease(lake, holder):
        lake.create("catalog", CATALOG)
        entries = {entry["table"]: entry for entry in lake.catalog()}
        live = live_of(entries.values())
        if (live["table"] if live else None) != seen:
            raise SwitchRefused(
                f"another switch came first: {told_live(lake, [*entries.values()])}; nothing was changed",
                "Look at it with `embedlake models CORPUS.yaml`, then decide again.",
            )
        state = check([*entries.values()])
        number = record(lake, [*entries.values()], switch)
        lines = [entries[switch.to_table] | {"state": "live", "switch": number, "retire_at": None}]
        lines += [live | {"state": state, "switch": None}] if live else []
        write_entries(lake, lines)
        return history(lake, lake.catalog())[-1]


def told_live(lake: Lake, entries: list[Entry]) -> str:
    """Which table is live, and who made it so when, for a person."""
    live = live_of(entries)
    if live is None:
        return "no table is live"
    made = next((row for row in history(lake, entries)[::-1] if _number(row) == live["switch"]), None)
    return f"{live['table']} is live{f', since {told(made)}' if made else ''}"


def told(row: dict[str, Any]) -> str:
    """When a switch was made, and by whom."""
    return f"{row['time']:%Y-%m-%d %H:%M:%S} UTC by {row['who']} ({row['kind']})"


def _rows(lake: Lake) -> list[dict[str, Any]]:
    rows = lake.read(lake.name("switches"), SWITCHES.names).to_pylist()
    return [row for row in rows if is_sealed(row)]


def _number(row: dict[str, Any]) -> int:
    return int(row["number"])


def _who() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as containers have them
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
