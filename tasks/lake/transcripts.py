"""Transcripts: what a speech recognition model wrote down of a sound, kept by its bytes, the model and the settings, so
that no sound is transcribed twice. A transcript goes when no document has its sound any more."""

from collections.abc import Iterable, Sequence
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


@dataclass(frozen=True, slots=True)
class Transcript:
    """What is said in a sound.

    Attributes:
        content_hash: of the bytes of its file.
        lines: from, to in milliseconds and the words, in order; none where nobody speaks.
    """

    content_hash: str
    lines: tuple[tuple[int, int, str], ...]


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

    def key(self, content_hash: str) -> str:
        """Of its transcript of a sound."""
        return hash_fields(content_hash, self.decides)


def transcripts(lake: Lake, writer: Writer, content_hashes: Iterable[str]) -> dict[str, Transcript]:
    """The transcripts that the lake has of some sounds, by the hash of their content. Those that another corpus of the
    lake has are copied."""
    own, others = _found(lake, writer, content_hashes)
    _write(lake, others)
    return {row["content_hash"]: _transcript(row) for row in (*own, *others)}


def are_transcribed(lake: Lake, writer: Writer, content_hashes: Iterable[str]) -> set[str]:
    """Those of some sounds, by the hash of their content, of which the lake has a transcript."""
    own, others = _found(lake, writer, content_hashes)
    return {row["content_hash"] for row in (*own, *others)}


def keep_transcripts(lake: Lake, writer: Writer, found: Iterable[Transcript]) -> None:
    """Write transcripts, in one commit.

    Raises:
        LeaseLost: another run has taken over.
    """
    now, settings = datetime.now(UTC), hash_fields(writer.decides)
    rows = []
    for one in found:
        starts, ends, lines = zip(*one.lines, strict=True) if one.lines else ((), (), ())
        row = {
            "transcript_id": writer.key(one.content_hash), "content_hash": one.content_hash, "model": writer.model,
            "commit": writer.commit, "settings": settings, "starts": list(starts), "ends": list(ends),
            "lines": list(lines), "written": now,
        }  # fmt: skip
        rows.append(sealed(row))
    _write(lake, rows)


def commit_in_use(lake: Lake, model: str) -> str | None:
    """The commit of the hub by which a model wrote the lake's latest transcript; None where there is none."""
    rows = lake.read(lake.name(_KIND), ["commit", "written"], f"model = {quoted(model)}").to_pylist()
    latest = max((row for row in rows if row["written"]), key=lambda row: row["written"], default=None)
    return latest["commit"] if latest else None


def forget_transcripts(lake: Lake) -> None:
    """Remove the transcripts of sounds that no document has any more."""
    table = lake.name(_KIND)
    rows = lake.read(table, ["transcript_id", "content_hash"])
    if rows.num_rows:
        held = lake.read(lake.name("documents"), ["content_hash"])["content_hash"]
        gone = rows.filter(pc.invert(among(rows["content_hash"], held)))["transcript_id"].to_pylist()
        lake.delete_in(table, "transcript_id", gone)


def _found(
    lake: Lake, writer: Writer, content_hashes: Iterable[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of transcripts that the corpus has, and of others that another corpus of the lake has."""
    missing = {writer.key(content) for content in content_hashes}
    table = lake.name(_KIND)
    own = _sound(lake.read_in(table, "transcript_id", missing, TRANSCRIPTS.names).to_pylist())
    missing -= {row["transcript_id"] for row in own}
    others: dict[str, dict[str, Any]] = {}
    for other in lake.store.names() if missing else ():
        if other.partition(".")[2] == _KIND and other != table:
            others |= {row["transcript_id"]: row for row in _of_another(lake, other, missing)}
    return own, list(others.values())


def _write(lake: Lake, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        lake.create(_KIND, TRANSCRIPTS)
        lake.merge(lake.name(_KIND), pa.Table.from_pylist(list(rows), schema=TRANSCRIPTS))


def _of_another(lake: Lake, table: str, keys: Iterable[str]) -> list[dict[str, Any]]:
    """The same of another corpus, which may be about to change or to go: then it has none."""
    try:
        where = f"transcript_id IN ({', '.join(map(quoted, keys))})"
        rows = lake.store.dataset(table).to_table(columns=TRANSCRIPTS.names, filter=where).to_pylist()
    except Exception:  # Lance raises what its object store raises
        return []
    return _sound(rows)


def _sound(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that are as they were written."""
    return [row for row in rows if is_sealed(row)]


def _transcript(row: dict[str, Any]) -> Transcript:
    return Transcript(row["content_hash"], tuple(zip(row["starts"], row["ends"], row["lines"], strict=True)))
