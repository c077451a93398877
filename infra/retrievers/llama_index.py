"""A corpus as a retriever of LlamaIndex, to copy into a project; needs llama-index-core.

retriever = EmbedlakeRetriever(open_lake("notes.yaml"), limit=5, per_document=1)
retriever.retrieve("what did we decide about backups")
"""

from typing import Any

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode


class EmbedlakeRetriever(BaseRetriever):
    """Passages as nodes; `options` are those of `lake.search`."""

    def __init__(self, lake: Any, **options: Any) -> None:
        super().__init__()
        self._lake, self._options = lake, options

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [
            NodeWithScore(
                node=TextNode(id_=p.chunk_id, text=p.text, metadata=p.metadata | {"source": p.document_id}),
                score=p.score,
            )
            for p in self._lake.search(query_bundle.query_str, **self._options)
        ]
