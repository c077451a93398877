"""embedlake from Python, for scripts and notebooks. What is not named here may change with any version.

Flows run as Prefect flows; each is imported when it is first asked for, since Prefect takes its time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import flows  # noqa: F401  # has keys out of Prefect's blocks; without Prefect itself

if TYPE_CHECKING:
    from flows.backfill import backfill
    from flows.ingest import ingest
    from tasks.errors import EmbedlakeError, OversizedBatch, RefusedChunk, ServiceError
    from tasks.models.interface import Encoded, Encoder, Item
    from tasks.models.providers import Provider, register_provider
    from tasks.models.resolved import ResolvedModel, Served
    from tasks.progress import RunReport
    from tasks.rerank.interface import Reranker
    from tasks.search.boost import Boost
    from tasks.search.passage import Passage, Passages
    from tasks.search.query import OpenLake, open_lake
    from tasks.search.several import search_all

_HOME = {
    **dict.fromkeys(("ResolvedModel", "Served"), "tasks.models.resolved"),
    **dict.fromkeys(("Encoded", "Encoder", "Item"), "tasks.models.interface"),
    **dict.fromkeys(("Provider", "register_provider"), "tasks.models.providers"),
    **dict.fromkeys(("OversizedBatch", "RefusedChunk", "ServiceError"), "tasks.errors"),
    "backfill": "flows.backfill", "ingest": "flows.ingest", "EmbedlakeError": "tasks.errors",
    "RunReport": "tasks.progress", "Passage": "tasks.search.passage", "OpenLake": "tasks.search.query",
    "open_lake": "tasks.search.query", "Passages": "tasks.search.passage", "Boost": "tasks.search.boost",
    "search_all": "tasks.search.several", "Reranker": "tasks.rerank.interface",
}  # fmt: skip

__all__ = [
    "Boost", "EmbedlakeError", "Encoded", "Encoder", "Item", "OpenLake", "OversizedBatch", "Passage", "Passages",
    "Provider", "RefusedChunk", "Reranker", "ResolvedModel", "RunReport", "Served", "ServiceError", "backfill",
    "ingest", "open_lake", "register_provider", "search_all",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'embedlake' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
