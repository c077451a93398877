"""Tables of token vectors: a static model's files, as sentence-transformers, model2vec and WordLlama leave them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open

from tasks.models.word_files import files_within

_VECTORS = frozenset({"embedding.weight", "embeddings"})
_BESIDE = frozenset({"weights", "mapping"})  # of model2vec


@dataclass(frozen=True, slots=True)
class TokenTable:
    """The files of a static model.

    Attributes:
        weights: a safetensors file.
        tokenizer: a tokenizer.json, whatever its name.
        normalize: whether the model scales its vectors to length 1 by itself.
        drops_unknown: whether tokens that stand for unknown text count for nothing, as in model2vec.
    """

    weights: Path
    tokenizer: Path
    normalize: bool
    drops_unknown: bool

    @property
    def beside(self) -> bool:
        """Whether its tokens have weights, or share vectors."""
        return bool(_BESIDE & _shapes(self.weights).keys())


def token_table(folder: Path) -> TokenTable | None:
    """The static model that a folder holds alone: as sentence-transformers saves one, or a table of token vectors and
    its tokenizer somewhere in it, as model2vec and WordLlama have them. None where it holds another model or none."""
    modules = folder / "modules.json"
    if modules.exists():
        return _saved(folder, json.loads(modules.read_text("utf-8")))
    files = files_within(folder)
    for weights in (path for path in files if path.suffix == ".safetensors"):
        rows = _rows(weights)
        tokenizer = _tokenizer(files, rows) if rows else None
        if tokenizer:
            config = _read(folder / "config.json")
            by_model2vec = config.get("model_type") == "model2vec"
            return TokenTable(weights, tokenizer, bool(config.get("normalize")), by_model2vec)
    return None


def _saved(folder: Path, modules: list[dict[str, Any]]) -> TokenTable | None:
    types = [str(module["type"]).rsplit(".", 1)[-1] for module in modules]
    if types[:1] != ["StaticEmbedding"] or not set(types[1:]) <= {"Normalize"}:
        return None
    part = folder / modules[0]["path"]
    return TokenTable(part / "model.safetensors", part / "tokenizer.json", len(modules) > 1, drops_unknown=False)


def _rows(weights: Path) -> int:
    """How many tokens a file has vectors for; 0 where it holds something else."""
    shapes = _shapes(weights)
    names = set(shapes) & _VECTORS
    if len(names) != 1 or set(shapes) - names - _BESIDE or any(len(shapes[name]) != 2 for name in names):
        return 0
    return int(shapes["mapping"][0] if "mapping" in shapes else shapes[names.pop()][0])


def _shapes(weights: Path) -> dict[str, list[int]]:
    """The shapes of what a file of safetensors has, by name; nothing of what is none."""
    try:
        with safe_open(weights, "np") as tensors:
            return {name: tensors.get_slice(name).get_shape() for name in tensors.keys()}  # noqa: SIM118
    except Exception:  # safetensors raises its own
        return {}


def _tokenizer(files: list[Path], rows: int) -> Path | None:
    """The tokenizer of so many tokens."""
    from tokenizers import Tokenizer

    for path in (path for path in files if path.match("*tokenizer*.json")):
        told = _read(path)
        if isinstance(told.get("model"), dict) and Tokenizer.from_file(str(path)).get_vocab_size() == rows:
            return path
    return None


def _read(file: Path) -> dict[str, Any]:
    try:
        told = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
