"""Comparing a lake, after a completed run, with what it must hold."""

import random
from collections import Counter, defaultdict
from typing import Any

import numpy as np

from tasks.configuration import load_corpus
from tasks.hashing import hash_text
from tasks.lake import Lake
from tasks.search import OpenLake
from tasks.verify import verify
from tests.machine.encoders import StandIn, fails, tokens_of, vector_of
from tests.machine.oracle import Good, Memory, Row, Seen, outcomes
from tests.machine.world import World

Found = dict[str, dict[str, Any]]
_MOST_FAILED = 10  # texts; with more, a table is not promoted


def lake_of(world: World) -> Lake:
    """The lake of a world, for reading."""
    return Lake(load_corpus(world.corpus_file()), may_be_empty=True)


def table_versions(lake: Lake) -> dict[str, int]:
    """The version of every table, which each write raises."""
    lake.refresh()
    return {name: table.version for name, table in lake._tables.items()}


def documents_agree(lake: Lake, world: World, seen: Seen, memory: Memory) -> dict[str, Row]:
    """Compare documents, their chunks and their failures; what each document is.

    Where several outcomes are right, the one that the lake has is given.
    """
    now = world.settings
    columns = ["document_id", "state", "text_hash", "container", *now.metadata]
    new = "repeats" in lake._tables[lake.name("documents")].schema.names
    columns += ["repeats", "source"] if new else []
    rows = lake.read(lake.name("documents"), columns).to_pylist()
    found: Found = {row["document_id"]: row for row in rows}
    assert len(found) == len(rows), "two rows of one document"
    _repeats_agree(found, seen)
    chunks = defaultdict(list)
    for row in lake.read(lake.name("chunks"), ["document_id", "start", "end", "text", *now.metadata]).to_pylist():
        chunks[row["document_id"]].append(row)
    right: dict[str, Row] = {}
    allowed = outcomes(seen, memory, now)
    for identity, rows_allowed in allowed.items():
        fitting = [row for row in rows_allowed if _fits(row, found.get(identity), chunks.get(identity, []), now.metadata)]
        assert fitting, (
            f"{identity}: found {found.get(identity)} with chunks {chunks.get(identity)}; expected one of {rows_allowed}"
        )
        if fitting[0]:
            right[identity] = fitting[0]
            assert not new or found[identity]["source"] == identity.split(":")[0]
    assert found.keys() == right.keys(), f"documents of nothing: {found.keys() - right.keys()}"
    assert chunks.keys() == {i for i, row in right.items() if row.good}, "chunks of other documents"
    _failures_agree(lake, seen, right, set(found))
    return right


def _repeats_agree(found: Found, seen: Seen) -> None:
    """Take out the rows of records whose id another one has, after looking that there are as many as there must be."""
    again = {identity: row for identity, row in found.items() if "#again-" in identity}
    counted = Counter((row["container"], row.get("repeats")) for row in again.values())
    assert counted == {place: len(contents) for place, contents in seen.repeats.items()}, f"{counted} {seen.repeats}"
    assert all(row["state"] == "quarantined" for row in again.values())
    for identity in again:
        del found[identity]


def _fits(row: Row | None, found: dict[str, Any] | None, chunks: list[dict[str, Any]], metadata: dict[str, str]) -> bool:
    if row is None or found is None:
        return row is None and found is None and not chunks
    if found["state"] != row.state or found.get("repeats"):
        return False
    if row.good is None:
        return not chunks
    values = {name: value for name, _, value in row.good.metadata}
    return (
        found["text_hash"] == hash_text(row.good.text)
        and found["container"] == row.good.container
        and all(same(place[name], values[name]) for place in (found, *chunks) for name in metadata)
        and sorted((c["start"], c["end"], c["text"]) for c in chunks) == sorted(row.good.chunks())
    )


def same(this: Any, that: Any) -> bool:
    """Whether two values are equal and of one type."""
    return type(this) is type(that) and this == that


def _failures_agree(lake: Lake, seen: Seen, right: dict[str, Row], found: set[str]) -> None:
    """Every document that cannot be used has a failure, and no other; one that a file kept may have one."""
    failed = set(lake.read(lake.name("failures"), ["document_id"], "chunk_id IS NULL")["document_id"].to_pylist())
    again = {identity for identity in failed if "#again-" in identity}
    assert len(again) == sum(map(len, seen.repeats.values())), f"{again} {seen.repeats}"
    must = {i for i, good in seen.documents.items() if not good} | {i for i, ok in seen.containers.items() if not ok}
    may = {identity for identity, row in right.items() if row.state == "stale"}
    assert must <= failed - again <= must | may, f"failures: lacks {must - failed}, too many {failed - again - must - may}"


def tables_agree(lake: Lake, world: World, right: dict[str, Row]) -> None:
    """Compare the tables of the corpus file's models, their failures, and the catalog."""
    now = world.settings
    catalog = {row["model"]: row for row in lake.catalog()}
    expected = Counter(
        (identity, *chunk) for identity, row in right.items() if row.good for chunk in row.good.chunks()
    )
    usable = Counter({key: n for key, n in expected.items() if _embeds(key[3], now.overlong)})
    chunk_ids = set(lake.read(lake.name("chunks"), ["chunk_id"])["chunk_id"].to_pylist())
    many = len({key[3] for key in expected if key not in usable}) > _MOST_FAILED
    live = [name for name, row in catalog.items() if row["state"] == "live"]
    assert len(live) <= 1
    for name, entry in catalog.items():
        rows = lake.read(
            entry["table"], ["chunk_id", "document_id", "start", "end", "text", "vector", *now.metadata]
        ).to_pylist()
        assert all(np.allclose(row["vector"], vector_of(name, row["text"])) for row in rows), f"vectors of {name}"
        got = Counter((row["document_id"], row["start"], row["end"], row["text"]) for row in rows)
        assert max(got.values(), default=1) == 1
        if name in now.models:
            assert got == usable, f"{name}: lacks {usable - got}, too many {got - usable}"
            _embed_failures_agree(lake, entry["table"], expected - usable)
            assert many or entry["state"] in ("ready", "live"), f"{name} is {entry['state']}"
            _metadata_agrees(rows, right, now.metadata)
        else:
            assert {key[0] for key in got} <= {identity for identity, row in right.items() if row.good}
            assert entry["state"] == "live" or {row["chunk_id"] for row in rows} <= chunk_ids, f"{name}: orphans"
            behind = bool(usable - got)
            assert not behind or many or entry["state"] in ("frozen", "live"), f"{name}: {entry['state']} and behind"
    if expected:
        assert catalog.keys() >= set(now.models)
        assert many or live == [now.models[0]], f"live: {live}, first: {now.models[0]}"


def _embeds(text: str, overlong: str) -> bool:
    return not fails(text) and (overlong == "count" or tokens_of(text) <= StandIn.max_tokens)


def _embed_failures_agree(lake: Lake, table: str, expected: Counter[Any]) -> None:
    where = f"stage = 'embed:{table}'"
    failed = Counter(lake.read(lake.name("failures"), ["document_id"], where)["document_id"].to_pylist())
    right = Counter(key[0] for key in expected.elements())
    assert failed == right, f"failures of {table}: {failed}, expected {right}"


def _metadata_agrees(rows: list[dict[str, Any]], right: dict[str, Row], metadata: dict[str, str]) -> None:
    for row in rows:
        good = right[row["document_id"]].good
        assert good
        assert all(same(row[name], value) for name, _, value in good.metadata), f"metadata of {row}"
        assert len(good.metadata) == len(metadata)


def search_agrees(world: World, right: dict[str, Row], chance: random.Random) -> int:
    """Compare a search for everything with the rows it must show, with and without a filter; how many were made."""
    now = world.settings
    lake = OpenLake(lake_of(world))
    rows = [
        (identity, row.good, chunk)
        for identity, row in sorted(right.items())
        if row.good
        for chunk in row.good.chunks()
        if _embeds(chunk[2], now.overlong)
    ]
    if not rows or not any(entry["state"] == "live" and entry["model"] in now.models for entry in lake.models):
        return 0
    searches: list[tuple[str | None, list[Any]]] = [(None, rows)]
    years = {value for _, good, _ in rows for name, _, value in good.metadata if name == "year" and value is not None}
    if years:
        year = chance.choice(sorted(years))
        literal = f"'{year}'" if now.metadata["year"] == "string" else repr(year)
        searches.append((f"year = {literal}", [row for row in rows if ("year", now.metadata["year"], year) in row[1].metadata]))
    query = chance.choice(rows)[2][2]
    for where, expected in searches:
        found = [(p.document_id, p.text) for p in lake.search(query, limit=1000, where=where)]
        if now.deduplication == "exact":
            first: dict[str, str] = {}
            for identity, _, chunk in expected:
                first.setdefault(chunk[2], identity)
            right_hits = Counter((identity, text) for text, identity in first.items())
        else:
            right_hits = Counter((identity, chunk[2]) for identity, _, chunk in expected)
        hits = Counter(found)
        assert hits == right_hits, f"search where {where}: lacks {right_hits - hits}, too many {hits - right_hits}"
        if query in {text for _, text in right_hits}:
            assert found[0][1] == query
    return len(searches)


def whole(world: World) -> None:
    """`verify` finds nothing."""
    found = verify(lake_of(world), sample=3)
    assert not found, f"verify finds {[f.to_dict() for f in found]}"


def remembered(right: dict[str, Row]) -> Memory:
    """What is known after a completed run that was compared."""
    found: dict[str, set[Good | None]] = {i: {row.good} for i, row in right.items() if row.good}
    return found
