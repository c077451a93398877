"""Comparing what the sources list with what the lake knows: what a run has to read and what is gone."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from tasks.errors import ShrunkSource
from tasks.sources import File

MANY = 10  # files; of fewer, half may well go in a day

FILE_COLUMNS = ["document_id", "uri", "tag", "settings"]


@dataclass(frozen=True, slots=True)
class Changes:
    """How the sources differ from the lake, as far as it shows without reading.

    Attributes:
        new: files that the lake does not know.
        changed: files whose version, as the store tells it, is another.
        resettled: files whose settings (chunking, extraction, metadata) are others.
        unchanged: how many files are as the lake knows them.
        gone: ids of files, records' containers included, that no source lists.
    """

    new: list[File]
    changed: list[File]
    resettled: list[File]
    unchanged: int
    gone: list[str]

    @property
    def work(self) -> bool:
        """Whether anything has to be read or removed."""
        return bool(self.new or self.changed or self.resettled or self.gone)

    @property
    def to_read(self) -> list[File]:
        """Every file to read, ordered by id."""
        return sorted([*self.new, *self.changed, *self.resettled], key=lambda file: file.document_id)


def compare(files: list[File], known: pa.Table, settings: Mapping[str, str]) -> Changes:
    """What to read and what is gone.

    Args:
        files: as listed.
        known: the lake's rows for files, with the columns `FILE_COLUMNS`.
        settings: hash of the current settings, by source.
    """
    columns = (known.column(name).to_pylist() for name in FILE_COLUMNS)
    before = {identity: (uri, tag, setting) for identity, uri, tag, setting in zip(*columns, strict=True)}
    new, changed, resettled = list[File](), list[File](), list[File]()
    unchanged = 0
    for file in files:
        row = before.pop(file.document_id, None)
        if row is None:
            new.append(file)
        elif row[:2] != (file.uri, file.tag):
            changed.append(file)
        elif row[2] != settings[file.source]:
            resettled.append(file)
        else:
            unchanged += 1
    return Changes(new, changed, resettled, unchanged, sorted(before))


def refuse_shrinking(sources: Iterable[str], files: Iterable[File], known: Iterable[str]) -> None:
    """Stop where a source lists suspiciously little: a mount that is not there looks like an empty folder.

    Args:
        sources: names of the corpus's sources.
        files: as listed.
        known: ids of the files that the lake knows.

    Raises:
        ShrunkSource: nothing, or less than half of `MANY` files or more, is left of a source.
    """
    listed = Counter(file.source for file in files)
    before = Counter(identity.split(":", 1)[0] for identity in known)
    for source in sources:
        now, then = listed[source], before[source]
        if (now == 0 and then > 0) or (then >= MANY and now * 2 < then):
            raise ShrunkSource(
                f"source {source!r} lists {now:,} files; the lake knows {then:,}. Nothing was deleted.",
                "Is its store whole, and are `uri`, `include` and `exclude` right?"
                " If the rest is truly gone, run again with --allow-shrinking.",
            )
