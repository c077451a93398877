"""More like this: the vector of what is in the table, a document or one chunk of it, or of a text."""

from collections.abc import Sequence

import numpy as np

from tasks.errors import UnknownName
from tasks.lake.literals import quoted
from tasks.lake.nearest import View
from tasks.models.interface import unit

_PIECE = 1_000  # characters of a text that are embedded together


def vector_of(view: View, identity: str) -> tuple[Sequence[float], str]:
    """The vector of a chunk, or the mean of those of a document's chunks; and a filter that leaves out its document.

    Args:
        view: of the table.
        identity: a document id or a chunk id.

    Raises:
        UnknownName: the table has neither.
    """
    wanted = quoted(identity)
    rows = view.matched(f"chunk_id = {wanted} OR document_id = {wanted}", ["document_id", "modality", "vector"])
    if not rows:
        raise UnknownName(
            f"{view.table} has no document and no chunk {identity!r}",
            "Give an id as a search shows it, such as docs:a.pdf.",
        )
    images = [row for row in rows if row["modality"] not in (None, "text")]  # not their captions
    vectors = np.array([row["vector"] for row in images or rows], np.float64)
    return mean_of(vectors), f"document_id != {quoted(rows[0]['document_id'])}"


def in_table(view: View, identity: str) -> bool:
    """Whether a table has a document or a chunk of an id."""
    wanted = quoted(identity)
    return bool(view.matched(f"chunk_id = {wanted} OR document_id = {wanted}", ["chunk_id"]))


def mean_of(vectors: np.ndarray) -> Sequence[float]:
    """The mean direction of some vectors, of shape (n_vectors, dimension)."""
    mean: list[float] = unit(vectors).mean(axis=0).tolist()
    return mean


def cut(text: str) -> list[str]:
    """A text in pieces that a model reads whole: its lines joined up to a length, longer ones cut there."""
    pieces = [""]
    for line in text.splitlines(keepends=True):
        for first in range(0, len(line), _PIECE):
            part = line[first : first + _PIECE]
            if len(pieces[-1]) + len(part) > _PIECE:
                pieces.append("")
            pieces[-1] += part
    return [piece for piece in pieces if piece.strip()]
