"""The tokenizer that counts a corpus's tokens: it belongs to the chunks, so the lake keeps it.

Another model may come first in the corpus file, or the one that it came from go: chunks stay as they are. It
changes only where `chunking: tokenizer` names one with other content.
"""

import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from tasks.caching import cache_folder
from tasks.errors import ModelError
from tasks.hashing import hash_bytes, hash_text
from tasks.lake import Lake
from tasks.models import find_model
from tasks.schemas import TOKENIZER
from tasks.settings import Corpus

logger = logging.getLogger("embedlake.tokenizer")


@dataclass(frozen=True, slots=True)
class KeptTokenizer:
    """A tokenizer.

    Attributes:
        reference: the model that it came from.
        content: of its tokenizer.json.
        hash: of the content.
    """

    reference: str
    content: str
    hash: str

    def folder(self) -> str:
        """A folder on this machine with the tokenizer.json, named after its hash."""
        try:
            folder = cache_folder() / "tokenizers" / self.hash
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:  # no place for a cache
            folder = Path(tempfile.mkdtemp(prefix="embedlake-")) / self.hash
            folder.mkdir()
        file = folder / "tokenizer.json"
        if not file.exists() or hash_bytes(file.read_bytes()) != self.hash:
            with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", dir=folder, delete=False) as new:
                new.write(self.content)
            os.replace(new.name, file)
        return str(folder)


def tokenizer_of(corpus: Corpus, lake: Lake | None) -> KeptTokenizer:
    """The tokenizer that counts: the one that the corpus file names, else the one that the lake keeps, if there is one,
    else the first model's.

    Raises:
        ModelError: the model is not there, or has no tokenizer.json.
    """
    kept = _kept(lake) if lake else None
    named = corpus.chunking.tokenizer
    if named is None:
        return kept or _from_model(corpus.models[0].model, corpus.models[0].hub_revision)
    try:
        return _from_model(named, None)
    except ModelError:
        if kept and kept.reference == named:
            return kept
        raise


def keep_tokenizer(lake: Lake, tokenizer: KeptTokenizer) -> None:
    """Note in the lake which tokenizer counts, unless it says so already."""
    if _kept(lake) == tokenizer:
        return
    row = {"purpose": "chunking", "reference": tokenizer.reference, "hash": tokenizer.hash}
    rows = pa.Table.from_pylist([row | {"content": tokenizer.content}], schema=TOKENIZER)
    lake.merge(lake.name("tokenizer"), rows)


def tokenizer_is_kept(lake: Lake) -> bool:
    """Whether the lake says which tokenizer its chunks were counted with, if it has any."""
    return _kept(lake) is not None or not lake.count(lake.name("chunks"))


def _kept(lake: Lake) -> KeptTokenizer | None:
    for row in lake.read(lake.name("tokenizer"), TOKENIZER.names).to_pylist():
        if row["content"] is not None and hash_text(row["content"]) == row["hash"]:
            return KeptTokenizer(row["reference"], row["content"], row["hash"])
    return None


def _from_model(reference: str, hub_revision: str | None) -> KeptTokenizer:
    file = find_model(reference, hub_revision) / "tokenizer.json"
    if not file.exists():
        raise ModelError(
            f"model {reference!r} has no tokenizer.json to count tokens with",
            "Name another one under `chunking: tokenizer`.",
        )
    content = file.read_bytes().decode("utf-8")
    return KeptTokenizer(reference, content, hash_text(content))
