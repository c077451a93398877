"""Any sentence-transformers model at all, run as that library runs it."""

import numpy as np
from sentence_transformers import SentenceTransformer

from tasks.encode.interface import Vectors, finish
from tasks.encode.transformer import checked_dimension
from tasks.models import ResolvedModel

_BATCH = {"cpu": 8}  # texts; on CPU small batches sorted by length beat large ones


class GeneralEncoder:
    """A model whose modules or inputs are not the usual ones."""

    concurrency = 1
    batch_tokens = 16_384

    def __init__(self, model: ResolvedModel, loaded: SentenceTransformer) -> None:
        self._model = loaded
        self._settings = model.settings
        if model.settings.max_tokens:
            self._model.max_seq_length = model.settings.max_tokens
        self.dimension = checked_dimension(model.settings, loaded.get_embedding_dimension() or 0)
        self.max_tokens = int(min(self._model.max_seq_length or 1_000_000_000, 1_000_000_000))
        self.backend = f"sentence-transformers {loaded.device.type}"

    def encode(self, texts: list[str]) -> tuple[Vectors, list[int]]:
        """Vectors of documents, float32 of shape (n_texts, dimension), and their tokens, uncut."""
        vectors = self._model.encode_document(
            texts, prompt=self._settings.document_prompt, show_progress_bar=False,
            batch_size=_BATCH.get(self._model.device.type, 64),
        )  # fmt: skip
        prompt = self._settings.document_prompt or ""
        encoded = self._model.tokenizer([prompt + text for text in texts], truncation=False, verbose=False)
        counts = [len(ids) for ids in encoded["input_ids"]]
        return finish(np.asarray(vectors, np.float32), self.dimension, self._settings.normalize), counts

    def encode_query(self, text: str) -> Vectors:
        """The vector of a query, float32 of shape (dimension,)."""
        vector = self._model.encode_query(text, prompt=self._settings.query_prompt, show_progress_bar=False)
        found: Vectors = finish(np.asarray([vector], np.float32), self.dimension, self._settings.normalize)[0]
        return found
