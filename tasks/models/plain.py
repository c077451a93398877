"""What a model's files leave unsaid, so that it gives the same vectors alone and in a batch, and breaks on no text."""

from typing import Any

from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling

from tasks.errors import ModelError
from tasks.models.resolved import ResolvedModel


def is_plain(model: ResolvedModel) -> bool:
    """Whether transformers saved it, and not sentence-transformers, which says how vectors are pooled."""
    return not (model.weights.folder / "modules.json").exists()


def complete(model: ResolvedModel, loaded: SentenceTransformer) -> None:
    """Say for a loaded model what its files do not.

    A plain one is pooled as the corpus file asks. Where it is a decoder, it is padded on the right, so that absolute
    positions are those of the text alone, which to a causal model is the same otherwise; with its last token where it
    has none for padding, as that is masked. None reads further than it has positions: those of RoBERTa's kind begin
    behind the one for padding, which is not in their `max_position_embeddings`.

    Raises:
        ModelError: the corpus file asks for a pooling, and the model has vectors of whole texts alone.
    """
    tokenizer = getattr(loaded, "tokenizer", None)  # a model of images alone may have none
    if is_plain(model):
        _pool(model, loaded)
        if tokenizer is not None and getattr(tokenizer, "pad_token", "") is None:
            tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token or tokenizer.bos_token
        if tokenizer is not None and hasattr(tokenizer, "padding_side"):
            tokenizer.padding_side = "right"
    positions = _positions(loaded)
    if positions and (loaded.max_seq_length or positions + 1) > positions:
        loaded.max_seq_length = positions


def _pool(model: ResolvedModel, loaded: SentenceTransformer) -> None:
    wanted = model.settings.pooling
    if wanted == "auto":
        return
    places = [place for place, module in enumerate(loaded) if isinstance(module, Pooling)]
    if not places:
        raise ModelError(
            f"model {model.settings.model!r} gives one vector by itself, and has nothing to pool",
            "Leave out `pooling`.",
        )
    loaded[places[0]] = Pooling(loaded[places[0]].embedding_dimension, wanted)


def _positions(loaded: SentenceTransformer) -> int:
    """How many tokens have a position, where each has a vector of its own; 0 where nothing limits them."""
    inner: Any = getattr(loaded[0], "auto_model", None)
    table = getattr(getattr(inner, "embeddings", None), "position_embeddings", None)
    count = getattr(table, "num_embeddings", 0)
    padding = getattr(table, "padding_idx", None)
    return int(count if padding is None else count - padding - 1)
