"""Readers: processes that extract and chunk, so that a document that crashes or never ends takes only them."""

import sys
from multiprocessing.context import ForkServerContext, ForkServerProcess
from types import ModuleType
from typing import Any, Protocol

from pebble import ProcessPool

from tasks.config.settings import Corpus
from tasks.ingest.memory import call_within, share_of_memory
from tasks.ingest.prepare import Prepared, prepare, quiet_worker
from tasks.sources.work import Work


class Pending(Protocol):
    """Work that a reader has."""

    def result(self) -> Prepared:
        """What it gave, when it is done; raises what its reader raised, or what tells of the reader's end."""
        ...


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


class _Process(ForkServerProcess):
    """A process that does not begin with the script of the one that started it: run again, that would start a run."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        script = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            return ForkServerProcess._Popen(process_obj)
        finally:
            sys.modules["__main__"] = script


class _Context(ForkServerContext):
    Process = _Process


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
        self._memory = memory or share_of_memory(count)
        context = _Context()
        context.set_forkserver_preload(["tasks.ingest.prepare"])
        self._pool = ProcessPool(count, context=context, initializer=quiet_worker)

    def start(self, work: Work) -> Pending:
        """Have a piece of work done; one that takes longer than `extraction.timeout` raises TimeoutError, and one that
        needs more memory than a reader may take ends its reader."""
        timeout = self._corpus.extraction.timeout
        return self._pool.submit(
            call_within, timeout, self._memory, prepare, work, self._corpus, self._tokenizer_folder
        )

    def close(self) -> None:
        """End the processes."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()
