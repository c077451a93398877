"""Any sentence-transformers model at all, run as that library runs it."""

import numpy as np
from sentence_transformers import SentenceTransformer

from tasks.models.find import ResolvedModel
from tasks.models.interface import CALL, Vectors, finish
from tasks.models.torch_backend import BUDGETS
from tasks.models.transformer import checked_dimension


class GeneralEncoder:
    """A model whose modules or inputs are not the usual ones."""

    modality = "text"
    concurrency = 1

    def __init__(self, model: ResolvedModel, loaded: SentenceTransformer, budget: int | None = None) -> None:
        self._model = loaded
        self._settings = model.settings
        if model.settings.max_tokens:
            self._model.max_seq_length = model.settings.max_tokens
        self.dimension = checked_dimension(model.settings, loaded.get_embedding_dimension() or 0)
        self.max_tokens = int(min(self._model.max_seq_length or 1_000_000_000, 1_000_000_000))
        budget = budget or BUDGETS[loaded.device.type]
        self.batch_tokens = CALL * budget
        self._batch_size = max(budget // min(self.max_tokens, 512), 1)
        self.backend = f"sentence-transformers {loaded.device.type}"

    def encode(self, texts: list[str]) -> tuple[Vectors, list[int]]:
        """Vectors of documents, float32 of shape (n_texts, dimension), and their tokens, uncut."""
        vectors = self._model.encode_document(
            texts, prompt=self._settings.document_prompt, show_progress_bar=False, batch_size=self._batch_size
        )
        prompt = self._settings.document_prompt or ""
        encoded = self._model.tokenizer([prompt + text for text in texts], truncation=False, verbose=False)
        counts = [len(ids) for ids in encoded["input_ids"]]
        return finish(np.asarray(vectors, np.float32), self.dimension, self._settings.normalize), counts

    def encode_query(self, text: str) -> Vectors:
        """The vector of a query, float32 of shape (dimension,)."""
        vector = self._model.encode_query(text, prompt=self._settings.query_prompt, show_progress_bar=False)
        found: Vectors = finish(np.asarray([vector], np.float32), self.dimension, self._settings.normalize)[0]
        return found
