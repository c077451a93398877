"""Loading: files into work for the readers, a group of small files or a block of records at a time.

Nothing here holds more than one block. Record files are cut into blocks where records end; a block is parsed
by the reader that gets it.
"""

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Any

import orjson
import pyarrow as pa

from tasks.config.sources import Fields, Source
from tasks.errors import BrokenDocument, DocumentError, OversizedDocument
from tasks.sources.csv_tables import read_tables
from tasks.sources.fields import has_column, unusable
from tasks.sources.formats import signature_of
from tasks.sources.json_records import as_lines
from tasks.sources.listing import File
from tasks.sources.opening import open_file
from tasks.sources.parquet_records import parquet_tables, rows_of
from tasks.sources.transcode import with_plain_lines
from tasks.text.decode import decode_lines
from tasks.text.normalise import without_surrogates

GROUP_FILES = 32
GROUP_BYTES = 2 * 2**20
_BLOCK_BYTES = 2**20
_BLOCK_ROWS = 1024
_MEDIA_ROWS = 64  # where each has an image or a sound
_LOOKED_AT = 16 * 2**20  # bytes of records, none of which can be used, before the file is given up
_SLICE_ROWS = 128  # made into Python values at once


@dataclass(frozen=True, slots=True)
class Files:
    """Files that one reader takes together; each one is a document."""

    files: list[File]


@dataclass(frozen=True, slots=True)
class Member:
    """A file or message within another file; a document.

    Attributes:
        file: it.
        content: decompressed; or what is wrong with it.
    """

    file: File
    content: bytes | DocumentError


@dataclass(frozen=True, slots=True)
class Members:
    """Some of what lies in one file.

    Attributes:
        container: the file that is listed.
        members: that are read.
        unchanged: ids of documents that are as the lake has them.
        skipped: how many hold no text, by kind.
    """

    container: File
    members: list[Member]
    unchanged: list[str] = field(default_factory=list)
    skipped: Mapping[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of its members."""
        return sum(len(member.content) for member in self.members if isinstance(member.content, bytes))


@dataclass(frozen=True, slots=True)
class Block:
    """Records of one file.

    Attributes:
        file: that holds them.
        first: the number of the first record (or line) in the file, from 1.
        content: JSON Lines as bytes, else a table of the wanted columns; or what is wrong with the one record.
        broken: what is wrong with rows of the table, which are null there, by their numbers.
        whole: whether all columns make a document, since the file has no `text` and nobody said which do.
    """

    file: File
    first: int
    content: bytes | pa.Table | DocumentError
    broken: Mapping[int, DocumentError] = field(default_factory=dict)
    whole: bool = False

    @property
    def container(self) -> File:
        """The file that is listed: in which, or in files in which, the records are."""
        return self.file.outer or self.file

    @property
    def size(self) -> int:
        """Bytes of its records."""
        if isinstance(self.content, DocumentError):
            return 0
        return len(self.content) if isinstance(self.content, bytes) else int(self.content.nbytes)

    def records(self) -> Iterator[dict[str, Any] | DocumentError | None]:
        """Each record, or what is wrong with it; None for a blank line."""
        if isinstance(self.content, DocumentError):
            return iter([self.content])
        if isinstance(self.content, bytes):
            return parse_lines(self.content)
        table = self.content
        starts = range(0, table.num_rows, _SLICE_ROWS)
        rows = chain.from_iterable(rows_of(table.slice(start, _SLICE_ROWS)) for start in starts)
        if not self.broken:
            return rows
        return (self.broken.get(number, row) for number, row in enumerate(rows, self.first))


Within = Members | Block
"""What lies in one file."""

Work = Files | Within


def group_files(files: Iterable[File]) -> Iterator[Files]:
    """Groups of a few files or bytes, in order."""
    group: list[File] = []
    size = 0
    for file in files:
        if group and (len(group) == GROUP_FILES or size + file.size > GROUP_BYTES):
            yield Files(group)
            group, size = [], 0
        group.append(file)
        size += file.size
    if group:
        yield Files(group)


def read_blocks(
    file: File, source: Source, metadata: Iterable[str], max_bytes: int, least_confidence: float = 0.0
) -> Iterator[Block]:
    """The records of a file, in blocks.

    Args:
        file: a container.
        source: it belongs to; says which columns are wanted. With no text column named, all are.
        metadata: names of the corpus's metadata fields.
        max_bytes: of a line of JSON; a longer one is a block of its own that says so.
        least_confidence: of a guess at the encoding of a CSV file.

    Raises:
        BrokenDocument: the file is not what its format promises.
        OSError: it cannot be fetched.
    """
    with open_file(source, file.path) as stream:
        yield from blocks_in(stream, file, source, metadata, max_bytes, least_confidence)


def blocks_in(
    stream: Any,
    file: File,
    source: Source,
    metadata: Iterable[str],
    max_bytes: int,
    least_confidence: float = 0.0,
) -> Iterator[Block]:
    """The same, of a file that is open."""
    try:
        blocks = _all_blocks(file, source, stream, metadata, max_bytes, least_confidence)
        yield from _usable(blocks, source.fields)
    except pa.ArrowException as error:
        raise BrokenDocument(
            f"not a readable {file.true_format} file: {error}", "Is it complete? Store it again."
        ) from None


def _all_blocks(
    file: File, source: Source, stream: Any, metadata: Iterable[str], max_bytes: int, least_confidence: float
) -> Iterator[Block]:
    if source.format == "auto" and stream.seekable():
        file = replace(file, content="parquet") if signature_of(stream.read(4)) == "parquet" else file
        stream.seek(0)
    if file.true_format == "jsonl":
        yield from _line_blocks(file, as_lines(with_plain_lines(stream, source.encoding), max_bytes), max_bytes)
        return
    wanted = _wanted(source, metadata)
    tables: Iterator[tuple[pa.Table, Mapping[int, DocumentError]]]
    if file.true_format == "parquet":
        rows = _MEDIA_ROWS if source.fields.medium else _BLOCK_ROWS
        tables = ((table, {}) for table in parquet_tables(stream, source.fields, wanted, rows))
    else:
        tabs = ".tsv" in file.path.lower()
        tables = read_tables(stream, source, wanted, _BLOCK_ROWS, tabs, least_confidence)
    first = 1
    for table, broken in tables:
        yield Block(file, first, table, {first + place: error for place, error in broken.items()})
        first += table.num_rows


def _usable(blocks: Iterator[Block], fields: Fields) -> Iterator[Block]:
    """The blocks, where one of the first records can be used.

    Raises:
        DocumentError: what is wrong with all of them, such as the name of a column.
    """
    if not fields.text:
        yield from blocks
        return
    held = list(islice(blocks, 1))
    whole, wrong = _judged(held, fields)
    broken: DocumentError | None = None
    if whole or wrong:  # perhaps it only begins like that
        try:
            while sum(block.size for block in held) < _LOOKED_AT and (more := next(blocks, None)):
                held.append(more)
        except DocumentError as error:
            broken = error
        whole, wrong = _judged(held, fields)
    if wrong:
        raise wrong
    for block in chain(held, blocks):
        yield replace(block, whole=True) if whole else block
    if broken:
        raise broken


def _judged(blocks: list[Block], fields: Fields) -> tuple[bool, DocumentError | None]:
    """Whether all columns make a document, and what is wrong with every record of some blocks."""
    whole = not fields.names_text and not any(
        has_column(record, "text") for block in blocks for record in block.records()
    )
    records = chain.from_iterable(block.records() for block in blocks)
    return whole, unusable(records, fields.id, [] if whole else fields.text)


def _wanted(source: Source, metadata: Iterable[str]) -> list[str]:
    """The columns that a source takes from a record, whether they are there or not."""
    fields = source.fields
    if not fields.text:
        return []
    named = (source.metadata.get(field, field) for field in metadata)
    return [
        name
        for name in (fields.id, fields.title, *fields.text, fields.image, fields.audio, fields.format_column, *named)
        if name
    ]


def parse_lines(content: bytes) -> Iterator[dict[str, Any] | DocumentError | None]:
    """The record on each line of a JSON Lines block; None for a blank line, an error for a bad one."""
    decoded, broken = decode_lines(content, lambda data: io.BytesIO(data).readlines())
    for place, line in enumerate(decoded.text.split("\n")):
        if place in broken:
            yield broken[place]
            continue
        if not line.strip():
            yield None
            continue
        try:
            record = _parse(line)
        except (ValueError, RecursionError) as error:
            yield BrokenDocument(f"not valid JSON: {error}", "Correct that line.")
            continue
        if isinstance(record, dict):
            yield record
        else:
            yield BrokenDocument(f"expected a JSON object; came {type(record).__name__}", "Correct that line.")


def _parse(line: str) -> Any:
    """The value of a line of JSON: by the quick parser, or by Python's where that one is too strict."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:  # NaN, a lone surrogate, or truly wrong
        return _whole(json.loads(line))


def _whole(value: Any) -> Any:
    """The value with U+FFFD for every lone surrogate, which no file and no table can hold."""
    if isinstance(value, dict):
        return {_whole(name): _whole(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return without_surrogates(value) if isinstance(value, str) else value


def _line_blocks(file: File, stream: Any, max_bytes: int) -> Iterator[Block]:
    first = 1
    begun: list[bytes] = []  # of a line whose end was not met yet
    size = 0
    too_long = False
    while data := stream.read(_BLOCK_BYTES):
        if too_long:
            end = data.find(b"\n") + 1
            if not end:
                continue
            first, too_long, data = first + 1, False, data[end:]
        cut = data.rfind(b"\n") + 1
        if cut:
            lines = b"".join((*begun, data[:cut]))
            yield from _short_lines(file, first, lines, max_bytes)
            first += lines.count(b"\n")
            begun, size = [], 0
        begun.append(data[cut:])
        size += len(data) - cut
        if size > max_bytes:
            yield Block(file, first, _oversized(max_bytes))
            begun, size, too_long = [], 0, True
    rest = b"".join(begun)
    if rest.strip():
        yield Block(file, first, rest)


def _short_lines(file: File, first: int, lines: bytes, max_bytes: int) -> Iterator[Block]:
    """Whole lines as one block, and in several where a line among them is too long."""
    start = at = 0
    number = first
    while len(lines) > max_bytes and at < len(lines):
        end = lines.index(b"\n", at) + 1
        if end - 1 - at > max_bytes:
            if at > start:
                yield Block(file, first, lines[start:at])
            yield Block(file, number, _oversized(max_bytes))
            start, first = end, number + 1
        at, number = end, number + 1
    if start < len(lines):
        yield Block(file, first, lines[start:] if start else lines)


def _oversized(max_bytes: int) -> OversizedDocument:
    return OversizedDocument(f"its line has more than {max_bytes:,} bytes", "Raise `extraction.max_bytes`.")
