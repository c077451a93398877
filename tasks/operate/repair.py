"""Repairing a damaged lake: what is wrong goes or is written again, in an order that may be broken off anywhere.

What the sources still say is read again by the next run: the version of its file is forgotten first. Until then, and
of what cannot be read any more, the text that the lake has stays. A lost chunk is found in the models' tables; a lost
row of a document is made from its chunks.
"""

from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa

from tasks.hashing import is_sealed, sealed
from tasks.ingest.compare import GOOD
from tasks.lake.failures import read_again
from tasks.lake.schemas import chunks_schema, documents_schema
from tasks.lake.tables import Lake
from tasks.operate.audit import doubles, passage_agrees

Row = dict[str, Any]


def keep_one(lake: Lake, table: str, key: str, keys: Iterable[str], sound: Callable[[Row], bool]) -> None:
    """Of several rows with one key keep one that is sound, or any.

    Args:
        lake: to repair.
        table: full name.
        key: its column.
        keys: of more than one row.
        sound: whether a row is what was written.
    """
    schema = lake.schema(table)
    best: dict[str, Row] = {}
    for row in lake.read_in(table, key, keys, schema.names).to_pylist():
        if row[key] not in best and sound(row):
            best[row[key]] = row
    if best:
        lake.merge(table, pa.Table.from_pylist(list(best.values()), schema=schema))  # now they are equal
    lake.remove_doubles(table, key, keys)


def read_documents_again(lake: Lake, document_ids: Iterable[str]) -> None:
    """Have the next run read documents, and keep of them what is sound: their text, if it is whole."""
    ids = set(document_ids)
    documents, chunks = lake.name("documents"), lake.name("chunks")
    schema = documents_schema(lake.corpus)
    rows = {row["document_id"]: row for row in lake.read_in(documents, "document_id", ids, schema.names).to_pylist()}
    texts = {identity: _text(rows.get(identity), passages) for identity, passages in _passages(lake, ids).items()}
    whole = {identity: passages for identity, passages in texts.items() if passages}
    uris = {row["uri"] for row in rows.values()} | {passages[0]["uri"] for passages in whole.values()}
    files = _files_at(lake, uris - {None})
    read_again(lake, ids | {*files.values()})

    found = [passage for passages in whole.values() for passage in passages]
    if found:
        lake.merge(chunks, pa.Table.from_pylist(found, schema=chunks_schema(lake.corpus)))
    lost = {identity: passages for identity, passages in whole.items() if not _is_good(rows.get(identity))}
    if lost:
        made = [_made(lake, identity, rows.get(identity), passages, files) for identity, passages in lost.items()]
        lake.merge(documents, pa.Table.from_pylist(made, schema=schema))
    right = {passage["chunk_id"] for passage in found}
    there = lake.read_in(chunks, "document_id", ids, ["chunk_id"])["chunk_id"].to_pylist()
    lake.delete_in(chunks, "chunk_id", set(there) - right)
    lake.delete_in(documents, "document_id", ids - whole.keys())


def repair_chunks(lake: Lake, chunk_ids: Iterable[str]) -> None:
    """Of double chunks keep one, remove wrong ones, and have the next run read their documents, by all that these rows
    and the models' tables say whose they are."""
    ids = set(chunk_ids)
    chunks = lake.name("chunks")
    rows = lake.read_in(chunks, "chunk_id", ids, ["document_id", "uri"])
    owners = {*rows["document_id"].drop_null().to_pylist()}
    uris = {*rows["uri"].drop_null().to_pylist()}
    owners |= {*lake.read_in(lake.name("documents"), "uri", uris, ["document_id"])["document_id"].to_pylist()}
    for table in lake.model_tables():
        owners |= {*lake.read_in(table, "chunk_id", ids, ["document_id"])["document_id"].drop_null().to_pylist()}
    keep_one(lake, chunks, "chunk_id", ids & {*doubles(lake, chunks, "chunk_id")}, passage_agrees)
    read_documents_again(lake, owners)
    wrong = [row["chunk_id"] for row in _rows_of(lake, chunks, "chunk_id", ids) if not passage_agrees(row)]
    lake.delete_in(chunks, "chunk_id", wrong)


def _passages(lake: Lake, document_ids: set[str]) -> dict[str, list[Row]]:
    """All sound passages of some documents: first those of the chunks table, then those of the models'."""
    found: dict[str, list[Row]] = {}
    for table in (lake.name("chunks"), *lake.model_tables()):
        for row in _rows_of(lake, table, "document_id", document_ids):
            if passage_agrees(row):
                found.setdefault(row["document_id"], []).append(row)
    return found


def _rows_of(lake: Lake, table: str, column: str, values: set[str]) -> list[Row]:
    found: list[Row] = lake.read_in(table, column, values, chunks_schema(lake.corpus).names).to_pylist()
    return found


def _text(row: Row | None, passages: list[Row]) -> list[Row]:
    """The passages that are the whole text of a document, in order; none, if some are lost."""
    sound = row if row and _is_good(row) else None
    for content in dict.fromkeys(passage["document_hash"] for passage in passages):
        by_place: dict[int, Row] = {}
        for passage in passages:
            if passage["document_hash"] == content:
                by_place.setdefault(passage["ordinal"], passage)
        count = sound["chunks"] if sound else len(by_place)
        if sorted(by_place) == list(range(count)) and (sound is None or sound["content_hash"] == content):
            return [by_place[place] for place in range(count)]
    return []


def _is_good(row: Row | None) -> bool:
    """Whether a row is what was written, and of a document with a text."""
    return row is not None and is_sealed(row) and row["state"] in GOOD


def _made(lake: Lake, identity: str, before: Row | None, passages: list[Row], files: dict[str, str]) -> Row:
    """The row of a document, from its chunks. What these do not tell is taken from a damaged row if it then is as it
    was written."""
    first = passages[0]
    told = {name: first[name] for name in ("document_id", "source", "uri", "title", *lake.corpus.metadata)}
    file = files.get(first["uri"], identity)
    told |= {
        "container": file if file != identity else None, "content_hash": first["document_hash"],
        "chunks": len(passages), "repeats": None,
    }  # fmt: skip
    for state in ("active", "stale") if before else ():
        row = sealed({**(before or {}), **told, "state": state})
        if before and row["version"] == before["version"]:
            return row
    return sealed(told | {"state": "active", "settings": "", "tag": "" if file == identity else None})


def _files_at(lake: Lake, uris: Iterable[str]) -> dict[str, str]:
    """The ids of the files at some addresses, as far as the lake tells them."""
    columns = documents_schema(lake.corpus).names
    rows = lake.read_in(lake.name("documents"), "uri", uris, columns).to_pylist()
    return {row["uri"]: row["container"] or row["document_id"] for row in rows if is_sealed(row)}
