"""Comparing a lake, after a completed run, with what it must hold."""

import json
import random
from collections import Counter, defaultdict
from typing import Any

import numpy as np

from tasks.config.loading import load_corpus
from tasks.hashing import hash_text
from tasks.lake.analysis import analysis_of, words_of
from tasks.lake.tables import Lake
from tasks.operate.verify import verify
from tasks.search.query import OpenLake
from tasks.search.retrieve import Way
from tests.machine import oracle
from tests.machine.encoders import StandIn, fails, tokens_of, vector_of
from tests.machine.oracle import Good, Memory, Row, Seen, outcomes
from tests.machine.world import Settings, World

Found = dict[str, dict[str, Any]]
WAYS: tuple[Way, ...] = ("vector", "text", "hybrid")
_MOST_FAILED = 10  # chunks; with more, a table is not promoted


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
    doubled = [identity for identity, n in Counter(row["document_id"] for row in rows).items() if n > 1]
    assert not doubled, f"two rows of {doubled}"
    again = _set_aside(found)
    chunks = defaultdict(list)
    for row in lake.read(lake.name("chunks"), ["document_id", "start", "end", "text", *now.metadata]).to_pylist():
        chunks[row["document_id"]].append(row)
    right: dict[str, Row] = {}
    for identity, options in outcomes(seen, memory, now).items():
        there, cut, claims = found.get(identity), chunks.get(identity, []), frozenset(again.pop(identity, {}).items())
        fitting = [o for o in options if o.again == claims and _fits(o.row, there, cut, now.metadata)]
        assert fitting, f"{identity}: found {there} with chunks {cut}, set aside {claims}; expected one of {options}"
        if fitting[0].row:
            right[identity] = fitting[0].row
            assert not new or (there and there["source"] == identity.split(":")[0])
    assert found.keys() == right.keys(), f"documents of nothing: {found.keys() - right.keys()}"
    assert not again, f"set aside for nothing: {again}"
    assert chunks.keys() == {i for i, row in right.items() if row.good and row.good.text}, "chunks of other documents"
    _failures_agree(lake, right, rows)
    return right


def _set_aside(found: Found) -> dict[str, Counter[str]]:
    """Take out the rows of records whose id another one has; how many there are in each file, by that id."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for identity in [identity for identity in found if "#again-" in identity]:
        row = found.pop(identity)
        assert row["state"] == "quarantined"
        assert identity.startswith(row["container"])
        counted[row["repeats"]][row["container"]] += 1
    return counted


def _fits(
    row: Row | None, found: dict[str, Any] | None, chunks: list[dict[str, Any]], metadata: dict[str, str]
) -> bool:
    if row is None or found is None:
        return row is None and found is None and not chunks
    if found["state"] != row.state or found.get("repeats"):
        return False
    if row.good is None:
        return not chunks
    values = {name: value for name, _, value in row.good.metadata}
    return (
        # a repair cannot know what the whole text was of a document that cannot be read any more
        (found["text_hash"] == hash_text(row.good.text) or (found["text_hash"] is None and row.state == "stale"))
        and found["container"] == row.good.container
        and all(same(place[name], values[name]) for place in (found, *chunks) for name in metadata)
        and sorted((c["start"], c["end"], c["text"]) for c in chunks) == sorted(row.good.chunks())
    )


def same(this: Any, that: Any) -> bool:
    """Whether two values are equal and of one type."""
    return type(this) is type(that) and this == that


def _failures_agree(lake: Lake, right: dict[str, Row], rows: list[dict[str, Any]]) -> None:
    """Every document that cannot be used has a failure, and no other; a record that its file kept may have one."""
    failed = set(lake.read(lake.name("failures"), ["document_id"], "chunk_id IS NULL")["document_id"].to_pylist())
    states = {row["document_id"]: row["state"] for row in rows}
    must = {i for i, state in states.items() if state == "quarantined" or (state == "stale" and not _kept(right[i]))}
    may = {identity for identity, state in states.items() if state == "stale"}
    assert must <= failed, f"without a failure: {must - failed}"
    assert failed <= must | may, f"failures of {failed - must - may}"


def _kept(row: Row) -> bool:
    return row.good is not None and row.good.container is not None


def tables_agree(lake: Lake, world: World, right: dict[str, Row]) -> None:
    """Compare the tables of the corpus file's models, their failures, and the catalog."""
    now = world.settings
    catalog = lake.catalog()
    embedded = {
        (identity, *chunk): content
        for identity, row in right.items()
        if row.good
        for chunk, content in row.good.embedded(now.template).items()
    }
    expected = Counter((identity, *chunk) for identity, row in right.items() if row.good for chunk in row.good.chunks())
    usable = Counter({key: n for key, n in expected.items() if _embeds(embedded[key], now.overlong)})
    chunk_ids = set(lake.read(lake.name("chunks"), ["chunk_id"])["chunk_id"].to_pylist())
    many = sum((expected - usable).values()) > _MOST_FAILED
    live = [row for row in catalog if row["state"] == "live"]
    assert len(live) <= 1
    for entry in catalog:
        name = entry["model"]
        columns = ["chunk_id", "document_id", "start", "end", "text", "title", "heading_path", "vector", *now.metadata]
        rows = lake.read(entry["table"], columns).to_pylist()
        told = oracle.template_of(template_of(entry))
        contents = [told.render(row["title"], row["heading_path"] or (), row["text"]) for row in rows]
        right_vectors = (vector_of(name, content) for content in contents)
        assert all(map(np.allclose, (row["vector"] for row in rows), right_vectors)), f"vectors of {name}"
        got = Counter((row["document_id"], row["start"], row["end"], row["text"]) for row in rows)
        assert max(got.values(), default=1) == 1
        if is_kept(entry, now):
            assert all(
                embedded[row["document_id"], row["start"], row["end"], row["text"]] == content
                for row, content in zip(rows, contents, strict=True)
            )
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
        assert {entry["model"] for entry in catalog if is_kept(entry, now)} == set(now.models)
        names = [entry["model"] for entry in live if is_kept(entry, now)]
        assert many or names == [now.models[0]], f"live: {live}, first: {now.models[0]}"


def template_of(entry: dict[str, Any]) -> str:
    """The template of a model's table, by its line in the catalog."""
    return str(json.loads(entry["settings"])["template"])


def is_kept(entry: dict[str, Any], now: Settings) -> bool:
    """Whether the corpus file names the model of a table, with the settings that filled it."""
    return entry["model"] in now.models and template_of(entry) == now.template


def _embeds(text: str, overlong: str) -> bool:
    return not fails(text) and (overlong == "count" or tokens_of(text) <= StandIn.max_cost)


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
        if _embeds(row.good.embedded(now.template)[chunk], now.overlong)
    ]
    if not rows or not any(entry["state"] == "live" and is_kept(entry, now) for entry in lake.models):
        return 0
    searches: list[tuple[str | None, list[Any]]] = [(None, rows)]
    years = {value for _, good, _ in rows for name, _, value in good.metadata if name == "year" and value is not None}
    if years:
        year = chance.choice(sorted(years))
        literal = f"'{year}'" if now.metadata["year"] == "string" else repr(year)
        searches.append(
            (f"year = {literal}", [row for row in rows if ("year", now.metadata["year"], year) in row[1].metadata])
        )
    query = chance.choice(rows)[2][2]
    for where, expected in searches:
        by_way = {
            way: [(p.document_id, p.text) for p in lake.search(query, limit=1000, where=where, by=way)] for way in WAYS
        }
        rows_right = Counter((identity, chunk[2]) for identity, _, chunk in expected)
        for way, found in by_way.items():
            hits, right_hits = Counter(found), rows_right
            if now.deduplication == "exact":  # each text once, of whichever document has it
                assert hits.keys() <= right_hits.keys()
                right_hits = Counter({("", text): 1 for _, text in right_hits})
                hits = Counter(("", text) for _, text in found)
            wrong = f"search by {way} where {where}: lacks {right_hits - hits}, too many {hits - right_hits}"
            assert hits <= right_hits if way == "text" else hits == right_hits, wrong
        if query in {text for _, text in right_hits}:
            assert now.template != "text" or by_way["vector"][0][1] == query
            assert query in {text for _, text in by_way["text"]} or not words_of(query, analysis_of("en"))
    return len(searches)


def whole(world: World) -> None:
    """`verify` finds nothing."""
    found = verify(lake_of(world), sample=3)
    assert not found, f"verify finds {[f.to_dict() for f in found]}"


def remembered(right: dict[str, Row]) -> Memory:
    """What is known after a completed run that was compared."""
    found: dict[str, set[Good | None]] = {i: {row.good} for i, row in right.items() if row.good}
    return found
