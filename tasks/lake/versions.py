"""Old versions of tables: every write makes one, and its files stay until somebody removes them.

Where nobody reads a version for longer than a moment, the latest ones are kept; of documents, chunks and vectors, which
a run may read for hours, those of the last week.
"""

import logging
from datetime import timedelta

from tasks.lake.schemas import OWN
from tasks.lake.tables import Lake

logger = logging.getLogger("embedlake.tidy")

_KEPT = 128  # versions: whoever reads one is done long before so many more are written
_EVERY = 64  # versions between two clean-ups
WEEK = timedelta(days=7)  # no reader or writer uses a version for longer
_LONG = ("documents", "chunks")


def versions(lake: Lake) -> dict[str, int]:
    """How often each table was written, but for leases, to be given to `tidy` later."""
    tables = [*map(lake.name, OWN), *lake.model_tables()]
    return {table: lake.version(table) for table in tables if lake.has(table)}


def tidy(lake: Lake, before: dict[str, int]) -> None:
    """Remove old versions of the tables that were written often enough since a run began.

    Args:
        lake: whose tables.
        before: as `versions` gave it then.
    """
    short = {lake.name(kind) for kind in OWN if kind not in _LONG}
    for table, version in before.items():
        forget_old(lake, table, version, read_long=table not in short)


def forget_old(lake: Lake, table: str, before: int, read_long: bool = False) -> int:
    """Remove old versions of a table each time that so many new ones came together; gives its version now.

    Args:
        lake: whose table.
        table: its full name.
        before: its version at the last look.
        read_long: whether a version may be read for hours: those of the last week stay then.
    """
    try:
        version = lake.version(table)
        if version // _EVERY > before // _EVERY:
            forget(lake, table, None if read_long else _KEPT)
    except Exception as error:  # Lance raises what its object store raises; another run will do it
        logger.info("old versions of %s stay for now: %s", table, error)
        return before
    return version


def forget(lake: Lake, table: str, kept: int | None = None) -> None:
    """Remove all but so many of the latest versions of a table, with their files; by default those of more than a
    week ago. Conflicts with nobody."""
    older = {"older_than": WEEK} if kept is None else {"retain_versions": kept}
    lake.dataset(table).cleanup_old_versions(**older)
