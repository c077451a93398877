"""Any sentence-transformers model at all, run as that library runs it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sentence_transformers import SentenceTransformer

from tasks.models.interface import CALL, TEXT, Encoded, Item, finish, texts_of
from tasks.models.resolved import ResolvedModel
from tasks.models.torch_backend import BUDGETS
from tasks.models.transformer import checked_dimension


class GeneralEncoder:
    """A model whose modules or inputs are not the usual ones."""

    modalities = TEXT
    concurrency = 1

    def __init__(self, model: ResolvedModel, loaded: SentenceTransformer, budget: int | None = None) -> None:
        self._model = loaded
        self._settings = model.settings
        if model.settings.max_tokens:
            self._model.max_seq_length = model.settings.max_tokens
        self.dimension = checked_dimension(model.settings, loaded.get_embedding_dimension() or 0)
        self.max_cost = int(min(self._model.max_seq_length or 1_000_000_000, 1_000_000_000))
        budget = budget or BUDGETS[loaded.device.type]
        self.batch_cost = CALL * budget
        self._batch_size = max(budget // min(self.max_cost, 512), 1)
        self.backend = f"sentence-transformers {loaded.device.type}"

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        """Vectors of documents, and their tokens, uncut."""
        texts = texts_of(items)
        vectors = self._model.encode_document(
            texts, prompt=self._settings.document_prompt, show_progress_bar=False, batch_size=self._batch_size
        )
        return self._finished(vectors, [(self._settings.document_prompt or "") + text for text in texts])

    def encode_queries(self, items: Sequence[Item]) -> Encoded:
        """Vectors of queries, and their tokens, uncut."""
        texts = texts_of(items)
        vectors = self._model.encode_query(texts, prompt=self._settings.query_prompt, show_progress_bar=False)
        return self._finished(vectors, [(self._settings.query_prompt or "") + text for text in texts])

    def _finished(self, vectors: Any, prompted: list[str]) -> Encoded:
        encoded = self._model.tokenizer(prompted, truncation=False, verbose=False)
        counts = [len(ids) for ids in encoded["input_ids"]]
        return Encoded(finish(np.asarray(vectors, np.float32), self.dimension, self._settings.normalize), counts)
