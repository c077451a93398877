"""The retrievers for LangChain and LlamaIndex, where these are installed."""

from typing import Any

import pytest

from tasks.search.passage import Passage, Passages


class _Lake:
    def search(self, query: str, **options: Any) -> Passages:
        assert options == {"limit": 2}
        return Passages([Passage(0.5, "docs:a", None, "u", [], 0, 9, None, f"of {query}", {"year": 3}, "c1")])


def test_langchain_retrieves_passages() -> None:
    pytest.importorskip("langchain_core")
    from infra.retrievers.langchain import EmbedlakeRetriever

    [document] = EmbedlakeRetriever(lake=_Lake(), options={"limit": 2}).invoke("herons")
    assert (document.id, document.page_content) == ("c1", "of herons")
    assert document.metadata == {"year": 3, "source": "docs:a", "score": 0.5}


def test_llama_index_retrieves_passages() -> None:
    pytest.importorskip("llama_index.core")
    from infra.retrievers.llama_index import EmbedlakeRetriever

    [found] = EmbedlakeRetriever(_Lake(), limit=2).retrieve("herons")
    assert (found.node.node_id, found.text, found.score) == ("c1", "of herons", 0.5)
    assert found.node.metadata == {"year": 3, "source": "docs:a"}
