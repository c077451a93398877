"""Reading: work given to readers, and a document that ends its reader found, and quarantined."""

import io
import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from tasks.config.settings import Corpus
from tasks.errors import DocumentError
from tasks.ingest.faults import document_error
from tasks.ingest.identity import settings_of
from tasks.ingest.prepare import Prepared
from tasks.ingest.readers import LocalReaders, Pending, Readers
from tasks.ingest.rows import document_of, line_id
from tasks.lake.schemas import chunks_schema, documents_schema, table_of
from tasks.records import Document, Failure
from tasks.sources.work import Block, Files, Members, Work

_MOST_HELD = 256 * 2**20  # bytes of records and members that wait for readers, beside one of them
_WORTH_A_CLUSTER = 64 * 2**20  # bytes; fewer are read by this machine before the others have begun


def read_all(
    works: Iterable[Work], corpus: Corpus, tokenizer_folder: str, size: int = 0
) -> Iterator[tuple[Work, Prepared]]:
    """Prepare each piece of work, a few at a time, and give the results in the order of the work.

    Work that ends its reader, or is not done after `extraction.timeout`, is halved until the document is
    found that does it; that one comes back as a failure.

    Args:
        works: files and blocks of records.
        corpus: whose they are.
        tokenizer_folder: a folder with the tokenizer.json that counts.
        size: bytes in all of them; of many, the nodes of the corpus's Ray cluster read too.
    """
    readers: Readers = LocalReaders(corpus, tokenizer_folder, corpus.resources.readers or os.cpu_count() or 1)
    if corpus.resources.address and size > _WORTH_A_CLUSTER:
        from tasks.ingest.ray_readers import ClusterReaders

        readers = ClusterReaders(corpus, tokenizer_folder, readers)
    pending: deque[tuple[Work, Pending]] = deque()
    held = 0  # bytes of these

    def finish(work: Work, begun: Pending) -> Iterator[tuple[Work, Prepared]]:
        try:
            yield work, begun.result()
        except ImportError:  # the installation's fault, no document's
            raise
        except Exception as error:  # whatever a parser raises, or the end of the process
            halves = _halves(work)
            if len(halves) == 1:
                yield work, _failed(work, corpus, tokenizer_folder, error)
            else:
                for half in halves:
                    yield from finish(half, readers.start(half))

    try:
        for work in works:
            pending.append((work, readers.start(work)))
            held += _size(work)
            while len(pending) > 2 * readers.count or (held > _MOST_HELD and len(pending) > 1):
                held -= _size(pending[0][0])
                yield from finish(*pending.popleft())
        while pending:
            yield from finish(*pending.popleft())
    finally:
        readers.close()


def _size(work: Work) -> int:
    """Bytes that it carries."""
    return 0 if isinstance(work, Files) else work.size


def _halves(work: Work) -> list[Work]:
    """The work in two parts, or as it is where it is a single document."""
    if isinstance(work, Files):
        middle = len(work.files) // 2
        return [Files(work.files[:middle]), Files(work.files[middle:])] if middle else [work]
    if isinstance(work, Members):
        middle = len(work.members) // 2
        first = replace(work, members=work.members[:middle])
        return [first, Members(work.container, work.members[middle:])] if middle else [work]
    if isinstance(work.content, DocumentError):
        return [work]
    if isinstance(work.content, bytes):
        lines = io.BytesIO(work.content).readlines()
        middle = len(lines) // 2
        parts: list[Any] = [b"".join(lines[:middle]), b"".join(lines[middle:])]
    else:
        middle = work.content.num_rows // 2
        parts = [work.content.slice(0, middle), work.content.slice(middle)]
    halves: list[Work] = [replace(work, content=parts[0]), replace(work, first=work.first + middle, content=parts[1])]
    return halves if middle else [work]


def _failed(work: Work, corpus: Corpus, tokenizer_folder: str, error: Exception) -> Prepared:
    """The result of a single document that its reader could not finish."""
    file = work.file if isinstance(work, Block) else work.files[0] if isinstance(work, Files) else work.members[0].file
    identity = line_id(file, work.first) if isinstance(work, Block) else file.document_id
    cause = document_error(error, corpus.extraction.timeout, fetching=False)
    settings = settings_of(corpus, tokenizer_folder)[file.source].failed
    document = (
        Document(identity, file.source, file.uri, "quarantined", settings, work.container.document_id)
        if isinstance(work, Block)
        else document_of(file, settings)
    )
    found = Prepared(
        table_of([document], documents_schema(corpus)),
        table_of([], chunks_schema(corpus)),
        [Failure.of(cause, identity, file.uri, "extract", settings)],
    )
    if isinstance(work, Members):
        found.unchanged, found.skipped = work.unchanged, dict(work.skipped)
    return found
