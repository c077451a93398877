"""More like this: the vector of what is in the table, a document or one chunk of it."""

from collections.abc import Sequence

import numpy as np

from tasks.errors import UnknownName
from tasks.lake.literals import quoted
from tasks.lake.nearest import View


def vector_of(view: View, identity: str) -> tuple[Sequence[float], str]:
    """The vector of a chunk, or the mean of those of a document's chunks; and a filter that leaves out its document.

    Args:
        view: of the table.
        identity: a document id or a chunk id.

    Raises:
        UnknownName: the table has neither.
    """
    wanted = quoted(identity)
    rows = view.matched(f"chunk_id = {wanted} OR document_id = {wanted}", ["document_id", "vector"])
    if not rows:
        raise UnknownName(
            f"{view.table} has no document and no chunk {identity!r}",
            "Give an id as a search shows it, such as docs:a.pdf.",
        )
    vectors = np.array([row["vector"] for row in rows], np.float64)
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return (vectors / lengths).mean(axis=0).tolist(), f"document_id != {quoted(rows[0]['document_id'])}"
