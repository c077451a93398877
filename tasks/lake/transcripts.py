"""Transcripts: what a speech recognition model wrote down of a sound, so that no sound is transcribed twice.

One is found again by the bytes of the sound's file, or by its samples where these bytes are others, as of a file whose
tags were edited; and by the model and the settings. It goes when no document has its bytes any more.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tasks.columns import among
from tasks.hashing import hash_fields, is_sealed, sealed
from tasks.lake.literals import quoted
from tasks.lake.schemas import TRANSCRIPTS
from tasks.lake.tables import Lake

_KIND = "transcripts"

Row = dict[str, Any]

Lines = tuple[tuple[int, int, str], ...]
"""From, to in milliseconds and the words, in order; none where nobody speaks."""

Sound = tuple[str, str]
"""The hash of the bytes of a sound's file, and that of its samples."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes transcripts.

    Attributes:
        model: reference of the speech recognition model; commit: of the hub, or None.
        decides: what decides its words.
    """

    model: str
    commit: str | None
    decides: dict[str, Any]

    @property
    def settings(self) -> str:
        """Hash of what decides its words."""
        return hash_fields(self.decides)

    def key(self, content_hash: str) -> str:
        """Of its transcript of a file."""
        return hash_fields(content_hash, self.settings)


def transcripts(lake: Lake, writer: Writer, sounds: Collection[Sound]) -> dict[str, Lines]:
    """What is said in some sounds, as far as the lake has it, by the hash of their bytes. What is known of the same
    samples in another file, or to another corpus of the lake, is written for these bytes, too."""
    own, others = _found(lake, writer, sounds)
    _write(lake, others)
    return {row["content_hash"]: _lines(row) for row in (*own, *others)}


def are_transcribed(lake: Lake, writer: Writer, sounds: Collection[Sound]) -> set[str]:
    """Those of some sounds, by the hash of their bytes, of which the lake has a transcript."""
    own, others = _found(lake, writer, sounds)
    return {row["content_hash"] for row in (*own, *others)}


def keep_transcript(lake: Lake, writer: Writer, sound: Sound, lines: Lines) -> None:
    """Write a transcript.

    Raises:
        LeaseLost: another run has taken over.
    """
    starts, ends, texts = zip(*lines, strict=True) if lines else ((), (), ())
    content_hash, samples_hash = sound
    row = {
        "transcript_id": writer.key(content_hash), "content_hash": content_hash, "samples_hash": samples_hash,
        "model": writer.model, "commit": writer.commit, "settings": writer.settings, "starts": list(starts),
        "ends": list(ends), "lines": list(texts), "written": datetime.now(UTC),
    }  # fmt: skip
    _write(lake, [sealed(row)])


def commit_in_use(lake: Lake, model: str) -> str | None:
    """The commit of the hub by which a model wrote the lake's latest transcript; None where there is none."""
    rows = lake.read(lake.name(_KIND), ["commit", "written"], f"model = {quoted(model)}").to_pylist()
    latest = max((row for row in rows if row["written"]), key=lambda row: row["written"], default=None)
    return latest["commit"] if latest else None


def forget_transcripts(lake: Lake) -> None:
    """Remove the transcripts of files that no document is any more."""
    table = lake.name(_KIND)
    rows = lake.read(table, ["transcript_id", "content_hash"])
    if rows.num_rows:
        held = lake.read(lake.name("documents"), ["content_hash"])["content_hash"]
        gone = rows.filter(pc.invert(among(rows["content_hash"], held)))["transcript_id"].to_pylist()
        lake.delete_in(table, "transcript_id", gone)


def _found(lake: Lake, writer: Writer, sounds: Collection[Sound]) -> tuple[list[Row], list[Row]]:
    """Rows of transcripts that the corpus has of some files; and rows for others that it could have, since the corpus
    has one of the same samples, or another corpus of the lake has one."""
    table = lake.name(_KIND)
    keys = [writer.key(content) for content, _ in sounds]
    own = _whole(lake.read_in(table, "transcript_id", keys, TRANSCRIPTS.names).to_pylist())
    known = {row["content_hash"] for row in own}
    missing = {content: samples for content, samples in sounds if content not in known}
    others: list[Row] = []
    for other in sorted(lake.store.names(), key=lambda name: name != table) if missing else ():
        if other.partition(".")[2] == _KIND:
            same = {row["samples_hash"]: row for row in _of_samples(lake, other, writer, missing.values())}
            others += [
                sealed(same[samples] | {"transcript_id": writer.key(content), "content_hash": content})
                for content, samples in missing.items()
                if samples in same
            ]
            missing = {content: samples for content, samples in missing.items() if samples not in same}
    return own, others


def _of_samples(lake: Lake, table: str, writer: Writer, samples: Iterable[str]) -> list[Row]:
    """Rows of some samples of this corpus, or of another one, which may be about to go: then it has none."""
    told = ", ".join(map(quoted, {*samples}))
    if not told:
        return []
    where = f"settings = {quoted(writer.settings)} AND samples_hash IN ({told})"
    try:
        return _whole(lake.store.dataset(table).to_table(columns=TRANSCRIPTS.names, filter=where).to_pylist())
    except Exception:  # Lance raises what its object store raises
        return []


def _write(lake: Lake, rows: Sequence[Row]) -> None:
    if rows:
        lake.create(_KIND, TRANSCRIPTS)
        lake.merge(lake.name(_KIND), pa.Table.from_pylist(list(rows), schema=TRANSCRIPTS))


def _whole(rows: Iterable[Row]) -> list[Row]:
    """Those that are as they were written."""
    return [row for row in rows if is_sealed(row)]


def _lines(row: Row) -> Lines:
    return tuple(zip(row["starts"], row["ends"], row["lines"], strict=True))
