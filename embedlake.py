"""embedlake from Python, for scripts and notebooks. What is not named here may change with any version.

Flows run as Prefect flows; each is imported when it is first asked for, since Prefect takes its time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flows.backfill import backfill
    from flows.ingest import ingest
    from tasks.errors import EmbedlakeError
    from tasks.progress import RunReport
    from tasks.search.query import OpenLake, Passage, open_lake

_HOME = {
    "backfill": "flows.backfill", "ingest": "flows.ingest", "EmbedlakeError": "tasks.errors",
    "RunReport": "tasks.progress", "Passage": "tasks.search.query", "OpenLake": "tasks.search.query",
    "open_lake": "tasks.search.query",
}  # fmt: skip

__all__ = ["EmbedlakeError", "OpenLake", "Passage", "RunReport", "backfill", "ingest", "open_lake"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'embedlake' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
