"""Whether a model behind an API is still the one that filled a table: a few texts embedded then and now."""

import base64
import binascii

import numpy as np

from tasks.errors import ModelError
from tasks.models.interface import Item, Vectors, cosines, text_items

PROBES: list[Item] = text_items(
    [
        "The keeper of the lighthouse writes down the tide twice a day.",
        "def median(values): return sorted(values)[len(values) // 2]",
        "Der Vertrag endet am 31. Dezember 2026; on peut le renouveler une fois. 契約は一度だけ更新できます。",
    ]
)
LEAST = 0.999  # cosine between the vectors of one text; what services round and how they batch stays above it


def fingerprint(vectors: Vectors) -> str:
    """The vectors of the probes as text: base64 of float16, one after the other."""
    return base64.b64encode(vectors.astype("<f2").tobytes()).decode("ascii")


def check(told: str, vectors: Vectors, model: str, table: str) -> None:
    """Compare the vectors of the probes with those that a table's model gave.

    Raises:
        ModelError: another model answers under its name.
    """
    try:
        before = np.frombuffer(base64.b64decode(told), "<f2").astype(np.float32)
    except (ValueError, binascii.Error):
        before = np.zeros(0, np.float32)
    if before.size != vectors.size:
        raise ModelError(
            f"{model} gives vectors of {vectors.shape[1]} numbers, and {table} was filled with others",
            "Give the model a `hub_revision` of your own, such as '2': it gets a table of its own.",
        )
    least = float(cosines(before.reshape(vectors.shape), vectors).min())
    if not least >= LEAST:
        raise ModelError(
            f"{model} is not the model any more that filled {table}: the same text has a vector with a cosine of"
            f" {least:.4f} to what it was",
            "Nothing was embedded. Give the model a `hub_revision` of your own, such as '2': it gets a table of its own"
            " beside this one.",
        )
