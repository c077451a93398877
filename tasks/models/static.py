"""Static models (as model2vec, WordLlama and sentence-transformers make them): a vector for each token, and a text's is
their mean."""

import json
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from scipy.sparse import csr_matrix
from tokenizers import Tokenizer

from tasks.models.interface import TEXT, Encoded, Item, finish, texts_of
from tasks.models.resolved import ResolvedModel
from tasks.models.token_tables import token_table
from tasks.models.transformer import checked_dimension, or_default


class StaticEncoder:
    """A static model. Its speed is the tokenizer's, so neither torch nor sentence-transformers is loaded for it."""

    modalities = TEXT
    backend = "static"
    concurrency = 1  # the tokenizer uses every core
    batch_cost = 131_072

    def __init__(self, model: ResolvedModel) -> None:
        files = token_table(model.weights.folder)
        assert files is not None, "only a static model's folder comes here"
        weights = load_file(files.weights)
        table = weights.get("embedding.weight", weights.get("embeddings"))
        if table is None:
            table = next(iter(weights.values()))
        self._table = np.ascontiguousarray(table, np.float32)
        self._tokenizer = Tokenizer.from_file(str(files.tokenizer))
        self._rows, self._weights = weights.get("mapping"), weights.get("weights")  # of tokens, by model2vec
        self._dropped = _unknown(self._tokenizer) if files.drops_unknown else None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        settings = model.settings
        self.max_cost = settings.max_tokens or 1_000_000_000
        self._normalize = settings.normalize or files.normalize
        self.dimension = checked_dimension(settings, self._table.shape[1])
        prompts = _prompts(model.weights.folder)
        self._query_prompt = or_default(settings.query_prompt, prompts.get("query", ""))
        self._document_prompt = or_default(settings.document_prompt, prompts.get("document", ""))

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        """Vectors of documents, and their tokens, uncut.

        A text without a token that the model knows has the vector zero, as in sentence-transformers.
        """
        return self._encode([self._document_prompt + text for text in texts_of(items)])

    def encode_queries(self, items: Sequence[Item]) -> Encoded:
        """Vectors of queries, and their tokens, uncut."""
        return self._encode([self._query_prompt + text for text in texts_of(items)])

    def _encode(self, texts: list[str]) -> Encoded:
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
        counts = [len(row) for row in ids]
        if self._dropped is not None:
            ids = [[token for token in row if token != self._dropped] for row in ids]
        used = np.array([min(len(row), self.max_cost) for row in ids])
        tokens = np.fromiter(chain.from_iterable(row[: self.max_cost] for row in ids), np.int32, int(used.sum()))
        ends = np.concatenate([[0], np.cumsum(used)])
        weights = np.repeat(1 / np.maximum(used, 1), used).astype(np.float32)
        if self._weights is not None:
            weights = weights * self._weights[tokens].astype(np.float32)
        rows = tokens if self._rows is None else self._rows[tokens]
        means = csr_matrix((weights, rows, ends), (len(texts), len(self._table))) @ self._table
        return Encoded(finish(means, self.dimension, self._normalize), counts)


def _unknown(tokenizer: Tokenizer) -> int | None:
    """The id of the token that stands for what the tokenizer does not know."""
    told = json.loads(tokenizer.to_str())["model"]
    name = told.get("unk_token")
    return told.get("unk_id") if name is None else tokenizer.token_to_id(name)


def _prompts(folder: Path) -> dict[str, str]:
    config = folder / "config_sentence_transformers.json"
    found = json.loads(config.read_text("utf-8")).get("prompts") if config.exists() else None
    return {name: prompt for name, prompt in (found or {}).items() if prompt}
