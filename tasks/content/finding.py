"""Rows into work: where the bytes are of the pieces that are to be fetched.

Files are fetched by the processes. What lies in archives, mailboxes and files of records is found here, in one pass
through each, as it is found on reading, and its bytes are given to the processes.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tasks.config.settings import Corpus
from tasks.content.reference import Place, Reference, place_of, reference_of
from tasks.errors import DocumentError, LostContent
from tasks.models.interface import UNITS, in_tokens
from tasks.sources.contents import by_content
from tasks.sources.disk import path_at
from tasks.sources.fields import bytes_at
from tasks.sources.listing import File, declared_format
from tasks.sources.members import works_of
from tasks.sources.opening import file_size
from tasks.sources.parquet_records import rows_of
from tasks.sources.work import Block, Within

COLUMNS = ("document_id", "source", "uri", "modality", "start", "end", "content_reference", "content_hash")
"""Of a chunk, what tells where its content is."""
_FRAME = 1024  # tokens that a frame of a film is held for: 512 × 512 pixels, as most models look at less


@dataclass(frozen=True, slots=True)
class Wanted:
    """A piece of content.

    Attributes:
        key: of the chunk that it is of.
        reference: to it.
        modality: of it.
        content_hash: of the bytes that have it, as they were read.
        size: what it weighs beside texts, in tokens.
    """

    key: int
    reference: Reference
    modality: str
    content_hash: str
    size: int

    @property
    def place(self) -> Place:
        """Of its bytes."""
        return self.reference.place


@dataclass(frozen=True, slots=True)
class Origin:
    """Bytes of which some pieces are wanted.

    Attributes:
        file: whose they are; of a mail, pieces of what is attached to it may be wanted.
        content: the bytes; None where they are still to be fetched.
        wanted: of them.
    """

    file: File
    content: bytes | None
    wanted: list[Wanted]

    @property
    def size(self) -> int:
        """Of what is wanted, in tokens."""
        return sum(one.size for one in self.wanted)


Found = Origin | tuple[int, DocumentError]
"""Bytes of pieces; or the key of a piece whose bytes are not to be had, and why."""


def wanted_of(key: int, row: dict[str, Any]) -> Wanted | None:
    """What is wanted of a row with the columns `COLUMNS`; None where it is damaged, and does not say."""
    if None in row.values() or row["modality"] not in UNITS:
        return None
    try:
        reference = reference_of(row["content_reference"])
    except ValueError:
        return None
    size = in_tokens(row["modality"], row["end"] - row["start"])
    if reference.time and row["modality"] == "image":
        size = _FRAME
    return Wanted(key, reference, row["modality"], row["content_hash"], size)


def origins_of(rows: Iterable[dict[str, Any]], corpus: Corpus) -> Iterator[Found]:
    """The bytes of the contents of rows with the columns `COLUMNS`.

    Args:
        rows: chunks; those of one file are looked for together, and the place of each is its key.
        corpus: whose they are.
    """
    files: dict[str, tuple[dict[str, Any], list[Wanted]]] = {}
    for key, row in enumerate(rows):
        wanted = wanted_of(key, row)
        if wanted is None:
            yield key, LostContent("its row does not say where its content is", "Run: embedlake verify --repair")
        else:
            files.setdefault(row["uri"], (row, []))[1].append(wanted)
    names = {source.name for source in corpus.sources}
    for row, pieces in files.values():
        if row["source"] in names:
            yield from _in_file(row, pieces, corpus)
        else:
            gone = lost(f"the source {row['source']!r} is no longer in the corpus file")
            yield from ((one.key, gone) for one in pieces)


def lost(reason: str) -> LostContent:
    """What is to be said of content that is not to be had as it was read."""
    return LostContent(reason, "The next run looks at its file again.")


def is_within(row: dict[str, Any]) -> bool:
    """Whether the content of a chunk lies in a file that is gone through for it: those of one file had better be looked
    for together."""
    wanted = wanted_of(0, row)
    return wanted is not None and wanted.place != Place(row["uri"])


def _in_file(row: dict[str, Any], pieces: list[Wanted], corpus: Corpus) -> Iterator[Found]:
    source = corpus.source(row["source"])
    path = path_at(row["uri"])
    name = row["uri"].rstrip("/").rpartition("/")[2]
    form = declared_format(name, source, corpus.extraction.media)
    file = File(f"{source.name}:{name}", source.name, path, row["uri"], "", 0, form)
    try:
        if all(one.place.address == row["uri"] and one.place.row is None for one in pieces):
            yield Origin(file, None, pieces)
            return
        file = by_content(file, source)
        if not file.is_container:
            yield Origin(file, None, pieces)
            return
        file = replace(file, size=file_size(source, path))
    except Exception as error:  # whatever a file system raises
        yield from ((one.key, lost(_told(error))) for one in pieces)
        return
    yield from _in_container(file, pieces, corpus)


@dataclass(slots=True)
class _Missing:
    """Pieces of a container that were not met yet."""

    pieces: dict[int, Wanted]
    members: dict[str, list[Wanted]] = field(default_factory=lambda: defaultdict(list))  # also by what they lie in
    records: dict[str, dict[int, list[Wanted]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))

    def of_member(self, address: str) -> list[Wanted]:
        return [one for one in self.members.get(address, []) if one.key in self.pieces]

    def met(self, pieces: list[Wanted]) -> list[Wanted]:
        for one in pieces:
            self.pieces.pop(one.key, None)
        return pieces


def _in_container(file: File, pieces: list[Wanted], corpus: Corpus) -> Iterator[Found]:
    """What lies in a file, in one pass, which ends with the last that is wanted."""
    missing = _Missing({one.key: one for one in pieces})
    for one in pieces:
        address = one.place.address
        if one.place.row is not None:
            missing.records[address][one.place.row].append(one)
            continue
        while len(address) > len(file.uri):
            missing.members[address].append(one)
            address = address.rpartition("!/")[0]
    reason = f"it is not in {file.uri} any more"
    works = works_of(file, _with_all(file, corpus))
    try:
        for work in works:
            yield from _in_work(work, missing)
            if not missing.pieces:
                return
    except Exception as error:  # whatever a parser or a file system raises
        reason = _told(error)
    finally:
        works.close()  # type: ignore[attr-defined]
    yield from ((one.key, lost(reason)) for one in missing.pieces.values())


def _with_all(file: File, corpus: Corpus) -> Corpus:
    """The corpus, whose source lets in all that lies in a file: what is wanted was let in before."""
    source = corpus.source(file.source).model_copy(update={"include": [], "exclude": [], "hidden": True})
    return corpus.model_copy(update={"sources": [source]})


def _in_work(work: Within, missing: _Missing) -> Iterator[Found]:
    if isinstance(work, Block):
        yield from _in_block(work, missing)
        return
    for member in work.members:
        there = missing.met(missing.of_member(place_of(member.file).address))
        if isinstance(member.content, DocumentError):
            yield from ((one.key, lost(member.content.message)) for one in there)
        elif there:
            yield Origin(member.file, member.content, there)


def _in_block(block: Block, missing: _Missing) -> Iterator[Found]:
    by_row = missing.records.get(place_of(block.file).address, {})
    if not by_row or isinstance(block.content, bytes | DocumentError):
        return
    numbers = [n for n in range(block.first, block.first + block.content.num_rows) if n in by_row]
    records = rows_of(block.content.take([n - block.first for n in numbers])) if numbers else []
    for number, record in zip(numbers, records, strict=True):
        there = missing.met(by_row[number])
        try:
            content = bytes_at(record, there[0].place.column)
        except DocumentError as error:
            yield from ((one.key, lost(error.message)) for one in there)
            continue
        if content is None:
            yield from ((one.key, lost("its record has nothing there any more")) for one in there)
        else:
            yield Origin(block.file, content, there)


def _told(error: Exception) -> str:
    return error.message if isinstance(error, DocumentError) else f"{type(error).__name__}: {error}"[:300]
