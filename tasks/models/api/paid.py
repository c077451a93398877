"""Answers that are paid for and not landed yet: whatever becomes of the run, nobody pays for them again.

Each answer is a file from the moment it comes until its rows are in the table. A run that finds files of one before it
gives their vectors without asking.
"""

import logging
import os
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock

import numpy as np

from tasks.models.interface import Vectors

logger = logging.getLogger("embedlake.encode")
_ENDING = ".npy"


class Paid:
    """Vectors by the hash of what was embedded, 32 hexadecimal digits.

    Args:
        folder: for the files; None to keep them in memory alone.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._lock = Lock()
        self._found: dict[str, tuple[Vectors, int]] = {}
        self._files: dict[Path, set[str]] = {}  # which contents of a file are still to be landed
        self._file_of: dict[str, Path] = {}
        for file in sorted(folder.glob(f"*{_ENDING}")) if folder and folder.is_dir() else []:
            self._read(file)

    def __len__(self) -> int:
        return len(self._found)

    @property
    def lasting(self) -> bool:
        """Whether answers are kept until they are landed, and not only until they are given."""
        return self._folder is not None

    @property
    def contents(self) -> list[str]:
        """Hashes of all."""
        return [*self._found]

    def find(self, content: str) -> tuple[Vectors, int] | None:
        """The vector and the tokens of a content, where it was paid for and is not landed."""
        return self._found.get(content)

    def keep(self, contents: Sequence[str], vectors: Vectors, tokens: Sequence[int]) -> None:
        """Keep an answer.

        Args:
            contents: hashes.
            vectors: float32 of shape (n_contents, dimension).
            tokens: of each.
        """
        if not contents:
            return
        kind = [("content", "S32"), ("tokens", "<i8"), ("vector", "<f4", (vectors.shape[1],))]
        rows = np.zeros(len(contents), np.dtype(kind))
        rows["content"], rows["tokens"], rows["vector"] = contents, tokens, vectors
        file = None
        if self._folder:
            try:
                file = self._write(rows)
            except OSError as error:
                logger.warning("an answer that was paid for is in memory alone: %s", error)
        self._note(file, contents, vectors, tokens)

    def settle(self, contents: Iterable[str]) -> None:
        """These are landed, or will never be."""
        with self._lock:
            for content in contents:
                self._found.pop(content, None)
                file = self._file_of.pop(content, None)
                if file and file in self._files:
                    self._files[file].discard(content)
                    if not self._files[file]:
                        del self._files[file]
                        file.unlink(missing_ok=True)

    def _note(self, file: Path | None, contents: Sequence[str], vectors: Vectors, tokens: Sequence[int]) -> None:
        with self._lock:
            for content, vector, count in zip(contents, vectors, tokens, strict=True):
                self._found[content] = (vector, int(count))
                if file:
                    self._file_of[content] = file
            if file:
                self._files[file] = set(contents)

    def _write(self, rows: np.ndarray) -> Path:
        assert self._folder is not None
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / f"{uuid.uuid4().hex}{_ENDING}"
        begun = file.with_suffix(".part")
        with open(begun, "wb") as written:
            np.save(written, rows, allow_pickle=False)
        os.replace(begun, file)
        return file

    def _read(self, file: Path) -> None:
        """What a file has; one that is not whole is removed."""
        try:
            rows = np.load(file, allow_pickle=False)
            vectors = np.array(rows["vector"], np.float32)
            if not (np.isfinite(vectors).all() and vectors.any(axis=1).all()):
                raise ValueError("a block of the file was never written")
            contents = [content.decode("ascii") for content in rows["content"].tolist()]
            self._note(file, contents, vectors, rows["tokens"].tolist())
        except OSError as error:  # which may pass
            logger.warning("an answer that was paid for cannot be read now: %s", error)
        except (ValueError, EOFError, IndexError, UnicodeDecodeError):
            file.unlink(missing_ok=True)
