"""What all encoders of transformer models share: tokenising, batches by token budget, the last steps on vectors."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from tasks.config.models import Model
from tasks.errors import ModelError
from tasks.models.interface import CALL, TEXT, Encoded, Item, Vectors, finish, texts_of
from tasks.models.tokens import Description, Features, TextTokenizer, batches_of


class TransformerEncoder(ABC):
    """A transformer model, but for what runs it.

    Args:
        description: of the model.
        settings: as the corpus gives them.
        budget: tokens that are run at once, padding included.

    Raises:
        ModelError: the settings ask for more dimensions than there are.
    """

    modalities = TEXT
    backend = ""
    concurrency = 2  # while one call is on the processor, the next one tokenises

    def __init__(self, description: Description, settings: Model, budget: int) -> None:
        self.dimension = checked_dimension(settings, description.dimension)
        self.max_cost = settings.max_tokens or description.max_tokens
        self._normalize = settings.normalize
        self._budget = budget
        self.batch_cost = CALL * budget
        self._tokenizer = TextTokenizer(description, self.max_cost)
        self._query_prompt = or_default(settings.query_prompt, description.query_prompt)
        self._document_prompt = or_default(settings.document_prompt, description.document_prompt)

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        """Vectors of documents, and their tokens, uncut."""
        return self._encode([self._document_prompt + text for text in texts_of(items)])

    def encode_queries(self, items: Sequence[Item]) -> Encoded:
        """Vectors of queries, and their tokens, uncut."""
        return self._encode([self._query_prompt + text for text in texts_of(items)])

    @abstractmethod
    def _run(self, batches: Iterable[Features]) -> Iterator[Vectors]:
        """The model's own vectors for each batch, in order, float32 of shape (n_texts, full dimension)."""

    def _encode(self, texts: list[str]) -> Encoded:
        rows, counts = self._tokenizer.tokenise(texts)
        places = list(batches_of([len(row) for row in rows], self._budget))
        outputs = self._run(self._tokenizer.pad([rows[i] for i in place]) for place in places)
        sorted_vectors = np.concatenate(list(outputs))
        vectors = np.empty_like(sorted_vectors)
        vectors[np.concatenate(places)] = sorted_vectors
        return Encoded(finish(vectors, self.dimension, self._normalize), counts)


def checked_dimension(settings: Model, full: int) -> int:
    """The dimension of the vectors that a corpus asks for.

    Raises:
        ModelError: it is more than the model has.
    """
    if settings.dimension and settings.dimension > full:
        raise ModelError(
            f"model {settings.model!r} has {full} dimensions; `dimension: {settings.dimension}` is more",
            f"Set at most {full}.",
        )
    return settings.dimension or full


def or_default(prompt: str | None, default: str) -> str:
    """The prompt of the corpus file, where it gives one."""
    return default if prompt is None else prompt
