"""Removing tables of models that nobody uses any more, after a time in which that can be undone.

The catalog's line is marked first and removed last, so that a removal that breaks off goes on with the next one.
"""

import re
from datetime import UTC, datetime, timedelta

from tasks.errors import ConfigurationError, SwitchRefused
from tasks.lake.catalog import Entry, catalog_lease, change_catalog
from tasks.lake.failures import EMBEDDING
from tasks.lake.lease import try_writing, writing
from tasks.lake.schemas import CATALOG
from tasks.lake.tables import Lake
from tasks.operate.promote import choose, tables_of_file

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(text: str) -> timedelta:
    """A time such as 30m, 12h, 7d or 2w.

    Raises:
        ConfigurationError: it is none.
    """
    found = re.fullmatch(r"([0-9]{1,4}) ?([mhdw])", text.strip())
    if not found:
        raise ConfigurationError(
            f"{text!r} is no duration", "Write a number of at most four digits and m, h, d or w, such as 12h or 7d."
        )
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def retire(lake: Lake, model: str, after: timedelta, holder: str) -> Entry:
    """Mark a table to be removed after a time; promoting it, or naming its model in the corpus file, undoes that.

    Args:
        lake: of the corpus.
        model: as `choose` takes it; of several tables of one model, one that is neither live nor of the corpus file.
        after: how long from now.
        holder: of the lease.

    Returns:
        Its line.

    Raises:
        SwitchRefused: it is live, or the corpus file names its model.
    """
    entries = lake.catalog()
    of_file = {table for entry in entries for table in tables_of_file(lake, entry["model"])}
    entry = choose(entries, model, lambda entry: entry["state"] != "live" and entry["table"] not in of_file)
    table = entry["table"]
    if entry["state"] != "live" and table in of_file:
        raise SwitchRefused(
            f"the corpus file names the model of {table}, so that the next run would fill it anew; nothing was changed",
            "Take the model out of the file first.",
        )
    if entry["state"] == "live":
        raise _is_live(table)
    at = datetime.now(UTC) + after

    def mark(entries: list[Entry]) -> dict[str, Entry]:
        if any(one["table"] == table and one["state"] == "live" for one in entries):
            raise _is_live(table)
        return {table: {"retire_at": at, "state": "frozen"}}

    with catalog_lease(lake, holder):
        lake.create("catalog", CATALOG)
    change_catalog(lake, holder, mark)
    return entry | {"retire_at": at}


def is_due(entry: Entry) -> bool:
    """Whether a table is to be removed by now."""
    return bool(entry["state"] != "live" and entry["retire_at"] and entry["retire_at"] <= datetime.now(UTC))


def retire_due(lake: Lake, holder: str) -> list[str]:
    """Remove the tables that are due, but for those that another run writes; their names."""
    removed = []
    for entry in lake.catalog():
        if is_due(entry):
            with try_writing(lake, [entry["table"]], holder) as free:
                if free and _remove(lake, entry["table"], holder):
                    removed.append(entry["table"])
    return removed


def remove(lake: Lake, table: str, holder: str, wait: bool) -> bool:
    """Remove a table that is due; whether it still was.

    Raises:
        LeaseHeld: a run writes it, and `wait` is False.
    """
    with writing(lake, [table], holder, wait):
        return _remove(lake, table, holder)


def _is_live(table: str) -> SwitchRefused:
    return SwitchRefused(
        f"{table} is live; nothing was changed", "Make another one live first: embedlake promote CORPUS.yaml MODEL"
    )


def _remove(lake: Lake, table: str, holder: str) -> bool:
    with catalog_lease(lake, holder):
        if not any(entry["table"] == table and is_due(entry) for entry in lake.catalog()):
            return False
        if lake.has(table):
            lake.drop(table)
        failed = lake.read(lake.name("failures"), ["failure_id"], f"stage = '{EMBEDDING}{table}'")
        lake.delete_in(lake.name("failures"), "failure_id", failed["failure_id"].to_pylist())
        lake.delete_in(lake.name("catalog"), "table", [table])
    return True
