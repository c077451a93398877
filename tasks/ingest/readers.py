"""Readers: processes that extract and chunk, so that a document that crashes or never ends takes only them."""

from typing import Protocol

from tasks.config.settings import Corpus
from tasks.ingest.prepare import Prepared, prepare
from tasks.processes import Begun, Processes
from tasks.sources.work import Work

Pending = Begun[Prepared]
"""Work that a reader has."""


class Readers(Protocol):
    """Takes work and prepares it.

    Attributes:
        count: how many pieces of work are done at once.
    """

    count: int

    def start(self, work: Work) -> Pending:
        """Have a piece of work done as soon as a reader is free."""
        ...

    def close(self) -> None:
        """End the readers, done or not."""
        ...


class LocalReaders:
    """Processes on this machine.

    Args:
        corpus: whose documents.
        tokenizer_folder: a folder with the tokenizer.json that counts.
        count: of processes.
        memory: most bytes that each may take; by default a share of the machine's.

    Raises:
        ConfigurationError: they are to read pages by OCR, which is not installed.
    """

    def __init__(self, corpus: Corpus, tokenizer_folder: str, count: int, memory: int | None = None) -> None:
        if corpus.extraction.ocr:
            from tasks.extract.pdf_ocr import require_ocr

            require_ocr()
        self.count = count
        self._corpus = corpus
        self._tokenizer_folder = tokenizer_folder
        self._processes = Processes(count, corpus.extraction.timeout, ["tasks.ingest.prepare"], memory)

    def start(self, work: Work) -> Pending:
        """Have a piece of work done; one that takes longer than `extraction.timeout` raises TimeoutError, and one that
        needs more memory than a reader may take ends its reader."""
        return self._processes.start(prepare, work, self._corpus, self._tokenizer_folder)

    def close(self) -> None:
        """End the processes."""
        self._processes.close()
