"""Cross-encoders as sentence-transformers loads and runs them, on this machine."""

import logging
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.errors import ModelError
from tasks.models.resolved import ResolvedModel
from tasks.models.tokens import batches_of

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_LONGEST = 8192  # tokens of a pair, where neither the model nor the corpus file says less


def load_model(model: ResolvedModel, device: str) -> "CrossEncoder":
    """The cross-encoder as sentence-transformers has it, from the files on this machine.

    Raises:
        ModelError: it cannot be loaded, or gives other than one score for a pair.
    """
    import transformers
    from sentence_transformers import CrossEncoder

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    try:
        loaded: CrossEncoder = CrossEncoder(
            str(model.weights.folder),
            device=device,
            trust_remote_code=model.settings.trust_remote_code,
            local_files_only=True,
        )
        loaded.eval()
    except Exception as error:  # each architecture raises its own
        raise ModelError(
            f"reranker {model.settings.model!r} cannot be loaded: {type(error).__name__}: {str(error)[:500]}",
            "Does CrossEncoder of sentence-transformers load it? Check its files and the packages it needs.",
        ) from None
    if set(loaded.modalities) != {"text"}:  # it would open the files and addresses that a text may name
        raise ModelError(f"model {model.settings.model!r} takes more than text", "Take a cross-encoder of texts alone.")
    if loaded.num_labels != 1:
        raise ModelError(
            f"model {model.settings.model!r} gives {loaded.num_labels} scores for a pair; a reranker gives one",
            "Take a cross-encoder that was trained to rank, with one label.",
        )
    loaded.max_seq_length = min(model.settings.max_tokens or _LONGEST, loaded.max_seq_length or _LONGEST)
    return loaded


class TorchCrossEncoder:
    """A cross-encoder on torch.

    Args:
        loaded: with the most tokens that it is to read.
        seconds: after which it stops.
    """

    def __init__(self, loaded: "CrossEncoder", seconds: float) -> None:
        from tasks.models.torch_backend import BUDGETS

        self._model = loaded
        self._budget = BUDGETS[loaded.device.type]
        self._seconds = seconds

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """The model's own scores, with its own activation function.

        Raises:
            TimeoutError: they take longer than they may; asked between two batches.
        """
        deadline = time.monotonic() + self._seconds
        pairs = [(query, text) for text in texts]
        most = self._model.max_seq_length or _LONGEST
        lengths = [min(len(ids), most) for ids in self._model.tokenizer(pairs, verbose=False)["input_ids"]]
        scores = [0.0] * len(texts)
        for batch in batches_of(lengths, self._budget):
            if time.monotonic() > deadline:
                raise TimeoutError
            found = self._model.predict([pairs[i] for i in batch], batch_size=len(batch), show_progress_bar=False)
            for i, score in zip(batch, found.tolist(), strict=True):
                scores[i] = score
        return scores
