"""The tokenizer that counts a corpus's tokens: it belongs to the chunks, so the lake keeps it.

Another model may come first in the corpus file, or the one that it came from go: chunks stay as they are. It
changes only where `chunking: tokenizer` names one with other content.
"""

import logging
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from tasks.caching import cache_folder
from tasks.config.models import Model
from tasks.config.settings import Corpus
from tasks.errors import ModelError
from tasks.hashing import hash_bytes, hash_text, is_sealed, sealed
from tasks.lake.schemas import TOKENIZER
from tasks.lake.tables import Lake
from tasks.models.estimated import estimated_tokenizer
from tasks.models.find import find_model, resolve_model
from tasks.models.located import counting_tokenizer
from tasks.models.providers import provider_of

_PURPOSE = "chunking"
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
    else that of the first model that takes text. Tokens are estimated where a service has that one, or none does.

    Raises:
        ModelError: the model is not there, or has no tokenizer.
    """
    kept = _kept(lake) if lake else None
    named = corpus.chunking.tokenizer
    if named is None:
        return kept or _of_models(corpus.models)
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
    _write(lake, tokenizer)


def tokenizer_is_kept(lake: Lake) -> bool:
    """Whether the lake says which tokenizer its chunks were counted with, if it has any."""
    return _kept(lake) is not None or not lake.count(lake.name("chunks"))


def tokenizer_is_sound(lake: Lake) -> bool:
    """Whether what the lake says of the tokenizer, if it has chunks, is what was written."""
    rows = lake.read(lake.name("tokenizer"), TOKENIZER.names).to_pylist()
    if not rows:
        return not lake.count(lake.name("chunks"))
    right = all(row["purpose"] == _PURPOSE and is_sealed(row) for row in rows)
    return right and tokenizer_is_kept(lake)


def repair_tokenizer(lake: Lake) -> None:
    """Write again what the lake says of the tokenizer, if its content is there; else the next run does, by the first
    model."""
    table = lake.name("tokenizer")
    rows = lake.read(table, TOKENIZER.names).to_pylist()
    if content := next((row["content"] for row in rows if row["hash"] == hash_text(row["content"] or "")), None):
        known = [row["reference"] for row in rows if row["reference"]]
        models = [lake.corpus.chunking.tokenizer, *(model.model for model in lake.corpus.models)]
        told = {row["version"] for row in rows}
        made = [KeptTokenizer(name, content, hash_text(content)) for name in (*known, *models) if name]
        _write(lake, next((one for one in made if _row(one)["version"] in told), made[0]))
    lake.delete_in(table, "purpose", {row["purpose"] for row in rows} - ({_PURPOSE} if content else set()))


def _write(lake: Lake, tokenizer: KeptTokenizer) -> None:
    lake.merge(lake.name("tokenizer"), pa.Table.from_pylist([_row(tokenizer)], schema=TOKENIZER))


def _row(tokenizer: KeptTokenizer) -> dict[str, Any]:
    return sealed({"purpose": _PURPOSE, **asdict(tokenizer)})


def _kept(lake: Lake) -> KeptTokenizer | None:
    for row in lake.read(lake.name("tokenizer"), TOKENIZER.names).to_pylist():
        if row["content"] is not None and hash_text(row["content"]) == row["hash"]:
            return KeptTokenizer(row["reference"] or "", row["content"], row["hash"])
    return None


def _of_models(models: Sequence[Model]) -> KeptTokenizer:
    for model in models:
        if _has_tokenizer(model) or "text" in resolve_model(model).takes.modalities:
            return _from_model(model.model, model.hub_revision)
    return _estimated(models[0].model)


def _has_tokenizer(model: Model) -> bool:
    served = provider_of(model.model) is not None
    return served or counting_tokenizer(find_model(model.model, model.hub_revision)) is not None


def _estimated(reference: str) -> KeptTokenizer:
    content = estimated_tokenizer().to_str()
    return KeptTokenizer(reference, content, hash_text(content))


def _from_model(reference: str, hub_revision: str | None) -> KeptTokenizer:
    if provider_of(reference):
        return _estimated(reference)
    content = counting_tokenizer(find_model(reference, hub_revision))
    if content is None:
        raise ModelError(
            f"model {reference!r} has no tokenizer to count tokens with",
            "Name another one under `chunking: tokenizer`.",
        )
    return KeptTokenizer(reference, content, hash_text(content))
