"""Encoders: texts in, vectors out. Loaded by Ray's workers, so neither Prefect nor Ray is imported here."""

import logging
import os
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tasks.errors import ModelError
from tasks.models import ResolvedModel

_CPU_BATCH = 8  # texts; on CPU small batches sorted by length beat large ones

Vectors = npt.NDArray[np.float32]


class Encoder(Protocol):
    """A model that is ready to embed.

    Attributes:
        dimension: length of its vectors.
        max_tokens: the most tokens of a text that it reads, its own marks included.
    """

    dimension: int
    max_tokens: int

    def encode(self, texts: list[str]) -> Vectors:
        """Vectors of documents, float32 of shape (n_texts, dimension)."""
        ...

    def encode_query(self, text: str) -> Vectors:
        """The vector of a query, float32 of shape (dimension,)."""
        ...

    def count_tokens(self, texts: list[str]) -> list[int]:
        """Tokens of each text as this model counts them, its own marks included, uncut."""
        ...


class TorchEncoder:
    """Any sentence-transformers model on torch, on the GPU where there is one.

    Raises:
        ModelError: the model cannot be loaded.
    """

    def __init__(self, model: ResolvedModel, threads: int | None = None) -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
        import torch
        import transformers
        from sentence_transformers import SentenceTransformer

        transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
        if threads:
            torch.set_num_threads(threads)
        settings = model.settings
        try:
            self._model = SentenceTransformer(
                str(model.folder),
                device="cuda" if torch.cuda.is_available() else "cpu",
                trust_remote_code=settings.trust_remote_code,
                truncate_dim=settings.dimension,
                local_files_only=True,
            )
        except Exception as error:  # each architecture raises its own
            raise ModelError(
                f"model {settings.model!r} cannot be loaded: {type(error).__name__}: {str(error)[:500]}",
                "Does sentence-transformers load it? Check its files and the packages it needs.",
            ) from None
        if settings.max_tokens:
            self._model.max_seq_length = settings.max_tokens
        self._settings = settings
        full = self._model.get_embedding_dimension() or 0
        if settings.dimension and settings.dimension > full:
            raise ModelError(
                f"model {settings.model!r} has {full} dimensions; `dimension: {settings.dimension}` is more",
                f"Set at most {full}.",
            )
        self.dimension: int = settings.dimension or full
        self.max_tokens: int = self._model.max_seq_length or 1_000_000_000

    def encode(self, texts: list[str]) -> Vectors:
        """Vectors of documents, float32 of shape (n_texts, dimension)."""
        vectors = self._model.encode_document(
            texts, prompt=self._settings.document_prompt, batch_size=self._batch_size(),
            normalize_embeddings=self._settings.normalize, show_progress_bar=False,
        )  # fmt: skip
        return np.asarray(vectors, np.float32)

    def encode_query(self, text: str) -> Vectors:
        """The vector of a query, float32 of shape (dimension,)."""
        vector = self._model.encode_query(
            text,
            prompt=self._settings.query_prompt,
            normalize_embeddings=self._settings.normalize,
            show_progress_bar=False,
        )
        return np.asarray(vector, np.float32)

    def count_tokens(self, texts: list[str]) -> list[int]:
        """Tokens of each text as this model counts them, its own marks and prompt included, uncut."""
        prompt = self._settings.document_prompt or ""
        encoded = self._model.tokenizer([prompt + text for text in texts], truncation=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def _batch_size(self) -> int:
        return _CPU_BATCH if self._model.device.type == "cpu" else 64
