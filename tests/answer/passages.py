"""Passages as a search finds them."""

from typing import Any

from tasks.search.passage import Passage


def passage(text: str, document: str = "docs:a", start: int = 0, **more: Any) -> Passage:
    about: dict[str, Any] = {"score": 0.5, "title": None, "uri": f"/{document}", "headings": [], "page": None}
    about |= {"metadata": {}, "chunk_id": f"{document}-{start}", "end": start + len(text), **more}
    return Passage(document_id=document, start=start, text=text, **about)
