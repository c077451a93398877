"""Readers: processes that extract and chunk, so that a document that crashes or never ends takes only them."""

import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
from pebble import ProcessExpired, ProcessPool

from tasks.errors import BrokenDocument, DocumentError, UnfinishedDocument
from tasks.load import Block, Files, Work
from tasks.prepare import Failure, Prepared, prepare, quiet_worker, settings_hash
from tasks.schemas import chunks_schema, documents_schema
from tasks.settings import Corpus


def read_all(works: Iterable[Work], corpus: Corpus, tokenizer_folder: str) -> Iterator[tuple[Work, Prepared]]:
    """Prepare each piece of work, a few at a time, and give the results in the order of the work.

    Work that ends its reader, or is not done after `extraction.timeout`, is halved until the document is
    found that does it; that one comes back as a failure.
    """
    workers = corpus.resources.readers or os.cpu_count() or 1
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tasks.prepare"])
    with ProcessPool(workers, context=context, initializer=quiet_worker) as pool:
        pending: deque[tuple[Work, Any]] = deque()

        def start(work: Work) -> Any:
            return pool.submit(prepare, corpus.extraction.timeout, work, corpus, tokenizer_folder)

        def settle(work: Work, future: Any) -> Iterator[tuple[Work, Prepared]]:
            try:
                yield work, future.result()
            except ImportError:  # the installation's fault, no document's
                raise
            except Exception as error:  # whatever a parser raises, or the end of the process
                halves = _halves(work)
                if len(halves) == 1:
                    yield work, _failed(work, corpus, error)
                for half in halves if len(halves) > 1 else []:
                    yield from settle(half, start(half))

        try:
            for work in works:
                pending.append((work, start(work)))
                if len(pending) > 2 * workers:
                    yield from settle(*pending.popleft())
            while pending:
                yield from settle(*pending.popleft())
        except BaseException:
            pool.stop()  # type: ignore[no-untyped-call]
            raise


def _halves(work: Work) -> list[Work]:
    """The work in two parts, or as it is where it is a single document."""
    if isinstance(work, Files):
        middle = len(work.files) // 2
        return [Files(work.files[:middle]), Files(work.files[middle:])] if middle else [work]
    if isinstance(work.content, bytes):
        lines = work.content.splitlines(keepends=True)
        middle = len(lines) // 2
        parts: list[Any] = [b"".join(lines[:middle]), b"".join(lines[middle:])]
    else:
        middle = work.content.num_rows // 2
        parts = [work.content.slice(0, middle), work.content.slice(middle)]
    return (
        [Block(work.file, work.first, parts[0]), Block(work.file, work.first + middle, parts[1])] if middle else [work]
    )


def _failed(work: Work, corpus: Corpus, error: Exception) -> Prepared:
    """The result of a single document that its reader could not finish."""
    file = work.files[0] if isinstance(work, Files) else work.file
    identity = file.document_id if isinstance(work, Files) else f"{file.document_id}#line-{work.first}"
    cause: DocumentError
    if isinstance(error, TimeoutError):
        limit = corpus.extraction.timeout
        cause = UnfinishedDocument(
            f"not read after {limit:g} seconds", "Raise `extraction.timeout`, or leave it out with `exclude`."
        )
    elif isinstance(error, ProcessExpired):
        cause = UnfinishedDocument(
            f"it ended the process that read it (exit code {error.exitcode})", "Leave it out with `exclude`."
        )
    else:
        cause = BrokenDocument(
            f"its reader failed: {type(error).__name__}: {error}"[:1000], "Leave it out with `exclude`."
        )
    source = next(source for source in corpus.sources if source.name == file.source)
    row = {
        "document_id": identity, "uri": file.uri, "state": "quarantined", "settings": settings_hash(corpus, source),
        "tag": file.tag, "bytes": file.size, "container": None if isinstance(work, Files) else file.document_id,
    }  # fmt: skip
    return Prepared(
        pa.Table.from_pylist([row], schema=documents_schema(corpus)),
        pa.Table.from_pylist([], schema=chunks_schema(corpus)),
        [Failure.of(cause, identity, file.uri, "extract")],
    )
