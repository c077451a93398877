"""Comparing what the sources list with what the lake knows: what a run has to read and what is gone."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pathspec import GitIgnoreSpec

from tasks.columns import among
from tasks.errors import ShrunkSource
from tasks.ingest.identity import RowSettings
from tasks.sources.listing import File

MANY = 10  # files; of fewer, half may well go in a day

FILE_COLUMNS = ["document_id", "uri", "tag", "settings", "state", "media_type", "encoding_confidence"]
FAILED_STATES = ("quarantined", "stale")
GOOD = ("active", "stale")
"""States of documents that are searchable."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the lake knows of files.

    Attributes:
        files: a row for each, with the columns `FILE_COLUMNS`.
        containers: ids of files that hold records, whether they have a row or not.
        failed: settings with which records failed, by the file that holds them.
        alone: documents that have a failure and no row, by the address of their file.
    """

    files: pa.Table
    containers: set[str]
    failed: Mapping[str, set[str]]
    alone: Mapping[str, set[str]]


@dataclass(frozen=True, slots=True)
class Changes:
    """How the sources differ from the lake, as far as it shows without reading.

    Attributes:
        new: files that the lake does not know.
        changed: files whose version, as the store tells it, is another.
        settings_changed: files whose settings (chunking, extraction, metadata) are others.
        reread: files that are as the lake knows them, and are to be read all the same.
        unchanged: how many files are as the lake knows them.
        gone: ids of files, records' containers included, that no source lists.
    """

    new: list[File]
    changed: list[File]
    settings_changed: list[File]
    reread: list[File]
    unchanged: int
    gone: list[str]

    @property
    def work(self) -> bool:
        """Whether anything has to be read or removed."""
        return bool(self.to_read or self.gone)

    @property
    def to_read(self) -> list[File]:
        """Every file to read, ordered by id."""
        files = [*self.new, *self.changed, *self.settings_changed, *self.reread]
        return sorted(files, key=lambda file: file.document_id)


def compare(
    files: list[File], known: Known, settings: Mapping[str, RowSettings], again: Callable[[File], bool]
) -> Changes:
    """What to read and what is gone.

    Args:
        files: as listed.
        known: by the lake.
        settings: the current ones, by source.
        again: whether a file is to be read although it is as the lake knows it.
    """
    columns = (known.files.column(name).to_pylist() for name in FILE_COLUMNS)
    before = {identity: row for identity, *row in zip(*columns, strict=True)}
    changes = Changes([], [], [], [], 0, [])
    unchanged = 0
    others = known.containers.union(*known.alone.values())
    for file in files:
        row = before.pop(file.document_id, None)
        others.discard(file.document_id)
        if row is None:
            changes.new.append(file)
        elif row[:2] != [file.uri, file.tag]:
            changes.changed.append(file)
        elif file.uri in known.alone or not _is_current(file, row[2:], settings[file.source], known):
            changes.settings_changed.append(file)
        elif again(file):
            changes.reread.append(file)
        else:
            unchanged += 1
    gone = sorted(others | before.keys())
    return Changes(changes.new, changes.changed, changes.settings_changed, changes.reread, unchanged, gone)


def _is_current(file: File, row: list[Any], settings: RowSettings, known: Known) -> bool:
    """Whether a file's row, and the rows of its records that failed, were made with the current settings; a document
    of whose records the lake has some still was not, nor one whose encoding is too unsure a guess by now."""
    made_with, state, media_type, confidence = row
    if state == "active" and file.document_id in known.containers:
        return False
    if state == "active" and confidence is not None and confidence < settings.least_confidence:
        return False
    now = settings.failed if state in FAILED_STATES else settings.read(file.format, media_type)
    return made_with == now and known.failed.get(file.document_id, set()) <= {settings.failed}


def matching(patterns: Iterable[str]) -> Callable[[File], bool]:
    """Tells files whose path in their source fits one of some patterns, as in .gitignore."""
    spec = GitIgnoreSpec.from_lines(patterns)
    return lambda file: bool(spec.match_file(file.document_id.partition(":")[2]))


def known_files(documents: pa.Table, failures: pa.Table) -> Known:
    """What the lake knows of files.

    Args:
        documents: the lake's rows, with the columns `FILE_COLUMNS` and `container`.
        failures: of reading, with the columns `document_id` and `uri`.
    """
    records = documents["container"].is_valid()
    files = documents.filter(pc.invert(records)).select(FILE_COLUMNS)
    held = documents.filter(records)
    broken = held.filter(pc.is_in(held["state"], value_set=pa.array(FAILED_STATES))).select(["container", "settings"])
    failed: dict[str, set[str]] = {}
    for container, setting in zip(*(broken[name].to_pylist() for name in broken.column_names), strict=True):
        failed.setdefault(container, set()).add(setting)
    with_rows = pa.chunked_array([*files["document_id"].chunks, *held["document_id"].chunks], pa.string())
    alone: dict[str, set[str]] = {}
    for failure in failures.filter(pc.invert(among(failures["document_id"], with_rows))).to_pylist():
        alone.setdefault(failure["uri"], set()).add(failure["document_id"])
    containers = set(pc.unique(held["container"]).to_pylist())
    return Known(files, containers, failed, alone)


def refuse_shrinking(sources: Iterable[str], files: Iterable[File], known: Iterable[str]) -> None:
    """Stop where a source lists suspiciously little: a mount that is not there looks like an empty folder; and where
    one that the lake has documents of is no longer in the corpus file.

    Args:
        sources: names of the corpus's sources.
        files: as listed.
        known: ids of the files that the lake knows.

    Raises:
        ShrunkSource: nothing, or less than half of `MANY` files or more, is left of a source.
    """
    listed = Counter(file.source for file in files)
    before = Counter(identity.split(":", 1)[0] for identity in known)
    declared = set(sources)
    for source, then in sorted(before.items()):
        if source not in declared:
            raise ShrunkSource(
                f"source {source!r} is not in the corpus file any more; the lake has {then:,} files of it."
                " Nothing was deleted.",
                "Put it back, or, if its documents are to go, run again with --allow-shrinking.",
            )
        now = listed[source]
        if now == 0 or (then >= MANY and now * 2 < then):
            raise ShrunkSource(
                f"source {source!r} lists {now:,} files; the lake knows {then:,}. Nothing was deleted.",
                "Is its store whole, and are `uri`, `include` and `exclude` right?"
                " If the rest is truly gone, run again with --allow-shrinking.",
            )
