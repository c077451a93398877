"""A person's judgments, kept in a qrels file as they are given."""

import os
from pathlib import Path

from tasks.errors import ConfigurationError
from tasks.evaluate.judged import read_qrels, text_of

_HEAD = "query-id\tcorpus-id\tscore\n"


class Judgments:
    """The judgments in a file, in BEIR's form; each is on the disk before the next is asked.

    Args:
        file: that is there, with judgments to go on from, or is not there yet.

    Attributes:
        grades: of documents, by query id.

    Raises:
        ConfigurationError: the file holds something else, or cannot be written.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        there = file.exists() and text_of(file, "judgments").strip() not in ("", _HEAD.strip())
        self.grades: dict[str, dict[str, int]] = read_qrels(file) if there else {}
        if not there:
            self._append(_HEAD, "w")

    def has(self, query: str, document: str) -> bool:
        """Whether a document is judged for a query."""
        return document in self.grades.get(query, {})

    def add(self, query: str, document: str, grade: int) -> None:
        """Keep a judgment.

        Raises:
            ConfigurationError: the file cannot be written, or an id has a tab or a line break, which it cannot hold.
        """
        if any(mark in name for name in (query, document) for mark in "\t\r\n"):
            raise ConfigurationError(
                f"a file of judgments cannot hold the id {document!r}: it has a tab or a line break", "Skip it with s."
            )
        self._append(f"{query}\t{document}\t{grade}\n", "a")
        self.grades.setdefault(query, {})[document] = grade

    def _append(self, text: str, mode: str) -> None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            cut = mode == "a" and self._file.read_bytes()[-1:] not in (b"", b"\n")  # as an editor may leave it
            with self._file.open(mode, encoding="utf-8", newline="") as file:
                file.write(("\n" if cut else "") + text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ConfigurationError(
                f"judgments cannot be written to {self._file}: {error.strerror}", "Name another file with --qrels."
            ) from None
