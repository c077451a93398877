"""A corpus as a retriever of LangChain, to copy into a project; needs langchain-core.

retriever = EmbedlakeRetriever(lake=open_lake("notes.yaml"), options={"limit": 5, "per_document": 1})
retriever.invoke("what did we decide about backups")
"""

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever


class EmbedlakeRetriever(BaseRetriever):
    """Passages as documents; `options` are those of `lake.search`."""

    lake: Any
    options: dict[str, Any]

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [
            Document(
                id=p.chunk_id, page_content=p.text, metadata=p.metadata | {"source": p.document_id, "score": p.score}
            )
            for p in self.lake.search(query, **self.options)
        ]
