"""The hash of a model's files: of those that decide its vectors, and of what in them does."""

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tasks.caching import cache_folder, keep

_VOLATILE = frozenset(  # keys that a library notes for itself
    (
        "__version__", "_commit_hash", "_name_or_path", "name_or_path", "special_tokens_map_file", "tokenizer_file",
        "transformers_version",
    )
)  # fmt: skip
_SETTINGS = re.compile(
    r"(config|router_config|config_sentence_transformers|sentence_\w+_config|preprocessor_config|processor_config"
    r"|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template)\.json"
    r"|vocab\.txt|merges\.txt|chat_template\.jinja|.*\.model|.*\.tiktoken"
)
"""Files of a model's own folder that decide what it reads of a text, and how."""

_LARGE = 2**20  # bytes from which on a file's hash is kept
_SETTLED = 2.0  # seconds after which a change of a file shows in its time


def identity_of(folder: Path) -> str:
    """SHA-256 over what decides the vectors of a model: its modules, their settings and weights, its tokenizer, and
    code that comes with it; 64 hexadecimal digits. What else lies in its folder counts for nothing, nor does the
    version of the library that wrote it.

    Args:
        folder: as sentence-transformers or transformers saved it.
    """
    total = hashlib.sha256()
    for path in sorted({*_settings(folder), *weights_files(folder), *folder.rglob("*.py")}):
        name = path.relative_to(folder).as_posix()
        digest = _of_settings(path) if path.suffix == ".json" else file_hash(path)
        total.update(f"{name} {digest}\n".encode())
    return total.hexdigest()


def former_identity(folder: Path) -> str:
    """SHA-256 over names and contents of all files that may decide vectors, 64 hexadecimal digits: what an older
    embedlake named a model's table by. Tables that were filled before stay what they are."""
    total = hashlib.sha256()
    suffixes = (".json", ".txt", ".model", ".py", ".safetensors", ".bin")
    for path in sorted(p for p in folder.rglob("*") if p.suffix in suffixes and p.is_file()):
        total.update(f"{path.relative_to(folder)} {file_hash(path)}\n".encode())
    return total.hexdigest()


def weights_files(folder: Path) -> list[Path]:
    """The files that hold a model's weights, in the order of their names."""
    found: list[Path] = []
    for part in folders_of(folder):
        found += sorted(part.glob("*.safetensors")) or sorted(part.glob("pytorch_model*.bin"))
    return found


def file_hash(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits; that of a large one is kept in the user's cache, by its path, size,
    inode and time."""
    status = path.stat()
    if status.st_size < _LARGE:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    kept = cache_folder() / "hashes" / hashlib.sha256(os.fsencode(path.resolve())).hexdigest()
    stamp = f"{status.st_size} {status.st_ino} {status.st_mtime_ns} {status.st_ctime_ns}"
    try:
        known, _, digest = kept.read_text("utf-8").partition("\n")
        if known == stamp and re.fullmatch("[0-9a-f]{64}", digest):
            return digest
    except (OSError, UnicodeDecodeError):
        pass
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if time.time() - max(status.st_mtime, status.st_ctime) > _SETTLED:
        keep(kept, f"{stamp}\n{digest}")
    return digest


def folders_of(folder: Path) -> list[Path]:
    """The folder of each module of a model, its own first."""
    modules = folder / "modules.json"
    told = json.loads(modules.read_text("utf-8")) if modules.exists() else []
    paths = [folder, *(folder / str(module.get("path", "")) for module in told)]
    router = [p for path in paths for p in path.glob("*/") if (path / "router_config.json").exists()]
    return [path for path in dict.fromkeys([*paths, *router]) if path.is_dir()]


def _settings(folder: Path) -> Iterator[Path]:
    if (folder / "modules.json").exists():
        yield folder / "modules.json"
    for part in folders_of(folder):
        for path in part.iterdir():
            if path.is_file() and (_SETTINGS.fullmatch(path.name) or (part != folder and path.suffix == ".json")):
                yield path


def _of_settings(path: Path) -> str:
    """The hash of what a JSON file says, however it is written."""
    try:
        said = _lasting(json.loads(path.read_text("utf-8")))
    except ValueError:
        return file_hash(path)
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _lasting(said: Any) -> Any:
    if isinstance(said, dict):
        return {name: _lasting(value) for name, value in said.items() if name not in _VOLATILE}
    return [_lasting(value) for value in said] if isinstance(said, list) else said
