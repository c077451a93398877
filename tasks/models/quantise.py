"""int8 models: post-training quantisation on a sample of the corpus, and what that changes, measured.

The method is that of nncf (Post-Training Optimization, model type transformer): weights and activations become int8
by ranges seen on the sample. The sample is kept in the catalog, so the same model can be made again anywhere.
"""

from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.models.interface import Vectors, cosines
from tasks.models.tokens import Description, TextTokenizer

if TYPE_CHECKING:
    import openvino

SAMPLE = 128  # texts to calibrate on, and as many others to measure on
_NEAREST = 10


@dataclass(frozen=True, slots=True)
class Change:
    """What int8 changes, on a sample of the corpus.

    Attributes:
        texts: in the sample.
        cosine_mean, cosine_min: between a text's vector in int8 and in full precision.
        neighbours_kept: share of each text's ten nearest others in full precision that are among its ten nearest
            in int8.
    """

    texts: int
    cosine_mean: float
    cosine_min: float
    neighbours_kept: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def quantise(graph: "openvino.Model", description: Description, texts: tuple[str, ...]) -> "openvino.Model":
    """The graph in int8.

    Args:
        graph: in full precision.
        description: of the model.
        texts: a sample of what it will embed.
    """
    import nncf

    nncf.set_log_level(40)
    tokenizer = TextTokenizer(description, description.max_tokens)
    rows = tokenizer.tokenise(list(texts))[0]
    samples = [tokenizer.pad([row]) for row in rows]
    with redirect_stdout(StringIO()):  # its progress bars
        return nncf.quantize(
            graph, nncf.Dataset(samples), subset_size=len(samples), model_type=nncf.ModelType.TRANSFORMER
        )


def measure_change(int8: Vectors, full: Vectors) -> Change:
    """How vectors and neighbours differ between a model in int8 and in full precision, row by row the same texts."""
    near = cosines(int8, full)
    kept = [len(a & b) / max(len(b), 1) for a, b in zip(_neighbours(int8), _neighbours(full), strict=True)]
    return Change(len(full), float(near.mean()), float(near.min()), float(np.mean(kept)))


def _neighbours(vectors: Vectors) -> list[set[int]]:
    """The nearest others of each row by cosine."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = unit @ unit.T
    np.fill_diagonal(likeness, -np.inf)
    count = min(_NEAREST, len(vectors) - 1)
    return [set(row.tolist()) for row in np.argsort(-likeness, axis=1)[:, :count]]
