"""What lies in a file that holds others, as work for the readers: members of archives, messages, records.

A member is read as a file of a folder is. Those within members are found too, to a small depth. At most one group of
small members, or one large member, is held.
"""

import io
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import IO, Any

from tasks.config.settings import Corpus
from tasks.errors import BrokenDocument, DocumentError, OversizedDocument, UnsupportedDocument
from tasks.sources.archives import CutOff, Entry, entries_of
from tasks.sources.contents import shown_by
from tasks.sources.formats import ARCHIVES
from tasks.sources.inflation import Budget, Counted
from tasks.sources.json_records import PIECE
from tasks.sources.listing import File, declared_format, without_text
from tasks.sources.mailbox import Attached, messages_of
from tasks.sources.opening import decompressed, is_damaged, open_file
from tasks.sources.patterns import Patterns
from tasks.sources.transcode import Raw
from tasks.sources.work import GROUP_BYTES, GROUP_FILES, Member, Members, Within, blocks_in, read_blocks

_DEEPEST = 4  # files within each other
_IN_MEMORY = 16 * 2**20  # bytes of a member that must be read back and forth; more go to a temporary file
_HEAD = 1024  # bytes of a member that are read first
_SECONDS = 10.0  # between two pieces of work, where all is skipped

Unchanged = Callable[[File, bytes], list[str]]
"""The ids of what the lake has of a member, and of what is attached to it, if it has them from this very content; else
nothing."""


def works_of(file: File, corpus: Corpus, unchanged: Unchanged = lambda file, content: []) -> Iterator[Within]:
    """What a container holds, as work.

    Args:
        file: it.
        corpus: whose it is.
        unchanged: tells what need not be read.

    Raises:
        DocumentError: what is wrong with the file.
        OSError: it cannot be fetched.
    """
    source, limits = corpus.source(file.source), corpus.extraction
    if file.true_format not in (*ARCHIVES, "mbox"):
        yield from read_blocks(file, source, corpus.metadata, limits.max_bytes, limits.least_confidence)
        return
    with open_file(source, file.path) as stream:
        yield from works_in(stream, file, corpus, unchanged)


def attached_works(message: File, attached: Sequence[Attached], corpus: Corpus) -> Iterator[Within]:
    """What is attached to a mail, as work: each by its format, as a file in a folder is.

    Args:
        message: the mail.
        attached: to it.
        corpus: whose it is.
    """
    walk = _Walk(message, corpus, lambda file, content: [])
    for one in attached:
        yield from walk.attached(message, one.name, one.content)
    yield from walk.flush()


def works_in(
    stream: Any, file: File, corpus: Corpus, unchanged: Unchanged = lambda file, content: []
) -> Iterator[Within]:
    """The same, of a container that is open, decompressed."""
    walk = _Walk(file, corpus, unchanged)
    try:
        yield from walk.inside(stream, file, file.key, 1)
    except Exception:
        yield from walk.flush()  # what came before it is whole
        raise
    yield from walk.flush()


class _Walk:
    """Goes through a file that holds others.

    Args:
        file: it.
        corpus: whose it is.
        unchanged: tells what need not be read.
    """

    def __init__(self, file: File, corpus: Corpus, unchanged: Unchanged) -> None:
        self._container = file.outer or file
        self._corpus = corpus
        self._source = corpus.source(file.source)
        self._media = corpus.extraction.media
        self._patterns = Patterns(self._source)
        self._unchanged_of = unchanged
        self._tells_time = "modified" in (self._source.metadata.get(name, name) for name in corpus.metadata)
        self._budget = Budget(file.size, corpus.extraction.max_bytes)
        self._left = corpus.extraction.max_bytes  # bytes that may come out of what is attached to a mail
        self._named: dict[str, int] = {}  # ids that were given, with how often a name asked for them
        self._begin()

    def _begin(self) -> None:
        self._members: list[Member] = []
        self._unchanged: list[str] = []
        self._skipped: Counter[str] = Counter()
        self._size = 0
        self._since = time.monotonic()

    def flush(self) -> Iterator[Members]:
        """What came together."""
        if self._members or self._unchanged or self._skipped or time.monotonic() - self._since > _SECONDS:
            found = Members(self._container, self._members, self._unchanged, dict(self._skipped))
            self._begin()
            yield found

    def inside(self, stream: Any, file: File, path: str, depth: int) -> Iterator[Within]:
        """All that lies in a container; its path is what patterns see, as if what holds files were folders."""
        if file.true_format == "mbox":
            yield from self._messages(stream, file)
        elif file.true_format in ARCHIVES:
            yield from self._entries(stream, file, path, depth)
        else:
            yield from self.flush()
            limits = self._corpus.extraction
            with _seekable(stream) if file.true_format == "parquet" else _as_it_is(stream) as seekable:
                yield from blocks_in(
                    seekable, file, self._source, self._corpus.metadata, limits.max_bytes, limits.least_confidence
                )

    def _messages(self, stream: Any, file: File) -> Iterator[Within]:
        for told, content in messages_of(stream, self._corpus.extraction.max_bytes):
            inner = self._member(file, told, len(content) if isinstance(content, bytes) else 0, None)
            yield from self._add(replace(inner, path=f"{inner.path}.eml", format="mail"), content)

    def _entries(self, stream: Any, file: File, folder: str, depth: int) -> Iterator[Within]:
        with _seekable(stream) if file.true_format == "zip" else _as_it_is(stream) as archive:
            for entry in entries_of(archive, file.true_format, self._budget):
                inner = self._member(file, entry.name, entry.size, entry.modified)
                parts = [folder, *entry.name.split("/")]
                path = "/".join(part for part in parts if part not in ("", ".."))
                if not (self._patterns.let_in(path) and self._patterns.names(path)):
                    continue
                if other := entry.kind or without_text(entry.name.rpartition("/")[2], self._source, self._media):
                    self._skipped[other] += 1
                    yield from self.flush() if time.monotonic() - self._since > _SECONDS else ()
                    continue
                yield from self._entry(entry, inner, path, depth)

    def attached(self, message: File, name: str, content: bytes) -> Iterator[Within]:
        """A file that is attached to a mail."""
        inner = self._member(message, name, len(content), message.changed)
        if other := without_text(name, self._source, self._media):
            self._skipped[other] += 1
            return
        depth = inner.document_id.removeprefix(self._container.document_id).count("!/")
        if depth > _DEEPEST:
            yield from self._add(inner, _too_deep(depth))
            return
        self._left -= self._budget.taken  # all of a mail is in one reader's memory together
        self._budget = Budget(len(content), self._left, inflation=0)
        opened = partial(io.BytesIO, content)
        try:
            path = inner.key.replace("!/", "/")
            yield from self._entry(Entry(name, len(content), None, "", None, opened), inner, path, depth)
        except DocumentError as error:
            yield from self._add(inner, error)

    def _entry(self, entry: Entry, inner: File, path: str, depth: int) -> Iterator[Within]:
        """A member of an archive. What is wrong with it is its own, unless the whole archive is spent or cut off."""
        most = self._corpus.extraction.max_bytes
        try:
            if entry.error:
                raise entry.error
            with entry.open() as raw, decompressed(raw, inner.path) as plain:
                counted = plain if plain is raw else Counted(plain, self._budget)
                stream = io.BufferedReader(Raw(counted), min(PIECE, max(inner.size, _HEAD)))
                inner = shown_by(lambda size: stream.peek(size)[:size], inner, self._source) or inner
                if inner.is_container:
                    if depth == _DEEPEST:
                        raise _too_deep(depth)
                    yield from self.inside(stream, inner, path, depth + 1)
                    return
                content = stream.read(most + 1)
            if len(content) > most:
                raise OversizedDocument(
                    f"it has more than {most:,} bytes", "Raise `extraction.max_bytes`, or leave it out with `exclude`."
                )
        except Exception as error:
            yield from self._add(inner, self._own(error))
        else:
            yield from self._add(inner, content)

    def _own(self, error: Exception) -> DocumentError:
        """What is wrong with a member by what was raised on reading it; raises what is of the whole archive."""
        if isinstance(error, CutOff):
            raise error.error
        if self._budget.spent or isinstance(error, ImportError):
            raise error
        if isinstance(error, DocumentError):
            return error
        if isinstance(error, OSError) and not is_damaged(error):
            raise error
        if isinstance(error, NotImplementedError):
            return UnsupportedDocument(f"it is compressed in a way that is not known: {error}", "Store it otherwise.")
        return BrokenDocument(f"it is damaged in the archive: {error}"[:300], "Is it complete? Store it again.")

    def _add(self, file: File, content: bytes | DocumentError) -> Iterator[Members]:
        if isinstance(content, bytes) and (kept := self._unchanged_of(file, content)):
            self._unchanged += kept
        else:
            self._members.append(Member(file, content))
        self._size += len(content) if isinstance(content, bytes) else 0
        if self._size > GROUP_BYTES or len(self._members) + len(self._unchanged) >= GROUP_FILES:
            yield from self.flush()

    def _member(self, file: File, name: str, size: int, modified: Any) -> File:
        """A file that lies in another one; its id has a number where something in the container has it already."""
        begin, unique = f"{file.document_id}!/", name
        while begin + unique in self._named:
            self._named[begin + name] += 1
            unique = f"{name}~{self._named[begin + name]}"
        self._named[begin + unique] = 1
        tag = f"mtime {modified} size {size}" if self._tells_time else f"size {size}"
        return File(
            begin + unique, file.source, name, file.uri, tag, size, declared_format(name, self._source, self._media),
            modified, outer=self._container,
        )  # fmt: skip


def _too_deep(depth: int) -> UnsupportedDocument:
    return UnsupportedDocument(
        f"it lies in {depth} files within each other, and no more are opened", "Unpack the outermost."
    )


@contextmanager
def _seekable(stream: Any) -> Iterator[IO[bytes]]:
    """A stream that can go back without reading all anew: itself if it can, else a copy."""
    if stream.seekable():
        yield stream
        return
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
        while data := stream.read(PIECE):
            copy.write(data)
        copy.seek(0)
        yield copy


@contextmanager
def _as_it_is(stream: Any) -> Iterator[Any]:
    yield stream
