"""Comparing a lake, after a completed run, with what it must hold."""

import json
import random
from collections import Counter, defaultdict
from functools import cache
from typing import Any

import numpy as np

from tasks.config.loading import load_corpus
from tasks.embed.pending import stale_documents
from tasks.hashing import hash_bytes
from tasks.lake.analysis import analysis_of, words_of
from tasks.lake.catalog import taken_by
from tasks.lake.tables import Lake
from tasks.models.find import resolve_model
from tasks.operate.verify import verify
from tasks.search.query import OpenLake
from tasks.search.retrieve import Way
from tests.machine import oracle
from tests.machine.encoders import StandIn, fails, heard_as, seen_as, tokens_of, vector_of
from tests.machine.oracle import Good, Memory, Row, Seen, outcomes
from tests.machine.world import Picture, Sound, World, on_page

Found = dict[str, dict[str, Any]]
PARTS = ["title", "heading_path", "text", "modality", "content_hash", "start", "end"]
"""Columns that tell what is embedded of a chunk."""
PICTURES = 8
SOUNDS, LENGTHS = 4, (1, 2, 3)  # how many, and the seconds that they last
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
    assert chunks.keys() == {i for i, row in right.items() if row.good and row.good.chunks()}, (
        "chunks of other documents"
    )
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
        (found["text_hash"] == row.good.text_hash or (found["text_hash"] is None and row.state == "stale"))
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


def tables_agree(lake: Lake, world: World, right: dict[str, Row], live: str | None, unkept: bool) -> None:
    """Compare the tables that are kept up, their failures, and the catalog.

    Args:
        lake: to look at.
        world: what it must hold.
        right: the documents.
        live: the table that was live before the run.
        unkept: whether the live table could not be brought up.
    """
    now = world.settings
    catalog = {row["table"]: row for row in lake.catalog()}
    named = tables_of(lake)
    every = Counter((identity, *chunk) for identity, row in right.items() if row.good for chunk in row.good.chunks())
    images = {(i, *chunk) for i, row in right.items() if row.good for chunk in row.good.others()}
    lost = Counter({key: 1 for key in images if right[key[0]].state == "stale"})  # where they were not embedded before
    chunk_ids = set(lake.read(lake.name("chunks"), ["chunk_id"])["chunk_id"].to_pylist())
    for table, entry in catalog.items():
        columns = ["chunk_id", "document_id", *PARTS, "vector", *now.metadata]
        expected = every if "image" in taken_by(entry) else Counter({k: n for k, n in every.items() if k not in images})
        rows = lake.read(table, columns).to_pylist()
        contents = _contents(template_of(entry), rows)
        right_vectors = (vector_of(entry["model"], content) for content in contents)
        assert all(map(np.allclose, (row["vector"] for row in rows), right_vectors)), f"vectors of {table}"
        embedded = _embedded(right, template_of(entry))
        usable = Counter({key: n for key, n in expected.items() if _embeds(embedded[key], now.overlong)})
        got = Counter((row["document_id"], row["start"], row["end"], row["text"]) for row in rows)
        assert max(got.values(), default=1) == 1
        if table in named or (entry["state"] == "live" and not unkept):
            assert all(
                embedded[row["document_id"], row["start"], row["end"], row["text"]] == content
                for row, content in zip(rows, contents, strict=True)
            )
            assert usable - lost <= got <= usable, f"{table}: lacks {usable - got}, too many {got - usable}"
            _embed_failures_agree(lake, table, expected - got)
            assert entry["state"] in ("ready", "live"), f"{table} is {entry['state']}"
            assert (entry["behind_since"], entry["retire_at"]) == (None, None)
            _metadata_agrees(rows, right, now.metadata)
        else:
            assert {key[0] for key in got} <= {identity for identity, row in right.items() if row.good}
            assert entry["state"] == "live" or {row["chunk_id"] for row in rows} <= chunk_ids, f"{table}: orphans"
            assert entry["state"] in ("frozen", "live"), f"{table} is {entry['state']}"
            if usable - lost - got:
                assert entry["behind_since"], f"{table} is behind, and nobody says so"
    if every:
        assert catalog.keys() >= set(named)
        first = lake.count(named[0])
        failed = lake.read(lake.name("failures"), ["stage"], f"stage = 'embed:{named[0]}'")
        if len(failed) <= min(_MOST_FAILED, first) and live is None:
            assert [t for t, entry in catalog.items() if entry["state"] == "live"] == named[:1]


def template_of(entry: dict[str, Any]) -> str:
    """The template of a model's table, by its line in the catalog."""
    return str(json.loads(entry["settings"])["template"])


def _embedded(right: dict[str, Row], template: str) -> dict[Any, str]:
    """What is embedded of each chunk."""
    return {
        (identity, *chunk): content
        for identity, row in right.items()
        if row.good
        for chunk, content in row.good.embedded(template).items()
    }


def _contents(template: str, rows: list[dict[str, Any]]) -> list[str]:
    """What is embedded of rows with the columns `PARTS`."""
    told = oracle.template_of(template)
    return [
        told.render(row["title"], row["heading_path"] or (), row["text"])
        if row["modality"] in (None, "text")
        else pictures()[row["content_hash"]]
        if row["modality"] == "image"
        else heard_as(sounds()[row["content_hash"]].levels(row["start"], row["end"]))
        for row in rows
    ]


@cache
def pictures() -> dict[str, str]:
    """What stands for each image there may be, by the hash of its file."""
    every = [make(seed) for make in (Picture, on_page) for seed in range(PICTURES)]
    return {hash_bytes(picture.content()): seen_as(picture.pixels()) for picture in every}


@cache
def sounds() -> dict[str, Sound]:
    """Each sound that there may be, by the hash of its file."""
    every = [Sound(seed, seconds) for seed in range(SOUNDS) for seconds in LENGTHS]
    return {hash_bytes(sound.content()): sound for sound in every}


def tables_of(lake: Lake) -> list[str]:
    """The tables of the corpus file's models."""
    return [lake.model_table(resolve_model(model)) for model in lake.corpus.models]


def live_tables(lake: Lake) -> list[str]:
    """Every table that the catalog says is live."""
    return [entry["table"] for entry in lake.catalog() if entry["state"] == "live"]


def may_serve(lake: Lake, world: World, table: str) -> None:
    """Look that a table has a row of every chunk that can be embedded, and no other."""
    rows = lake.read(table, ["chunk_id", "version"]).to_pylist()
    chunks = lake.read(lake.name("chunks"), ["chunk_id", "version", "document_id", *PARTS]).to_pylist()
    [entry] = [entry for entry in lake.catalog() if entry["table"] == table]
    template, stale = template_of(entry), set(stale_documents(lake).to_pylist())
    chunks = [
        row
        for row in chunks
        if row["modality"] == "text" or ("image" in taken_by(entry) and row["document_id"] not in stale)
    ]
    got = {(row["chunk_id"], row["version"]) for row in rows}
    assert len(got) == len(rows)
    lacks = _contents(template, [row for row in chunks if (row["chunk_id"], row["version"]) not in got])
    everything = lake.read(lake.name("chunks"), ["chunk_id", "version"]).to_pylist()
    assert got <= {(row["chunk_id"], row["version"]) for row in everything}
    assert not [text for text in lacks if _embeds(text, world.settings.overlong)]
    assert len(lacks) <= len(got)


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
    live = next((entry for entry in lake.models if entry["state"] == "live"), None)
    template = template_of(live) if live else now.template
    sees = bool(live and "image" in taken_by(live))
    rows = [
        (identity, row.good, chunk)
        for identity, row in sorted(right.items())
        if row.good
        for chunk in row.good.chunks()
        if chunk not in row.good.others() and _embeds(row.good.embedded(template)[chunk], now.overlong)
    ]
    if not rows or not live:
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
            way: [
                (p.document_id, p.text)
                for p in lake.search(query, limit=1000, where=where, by=way, modality="text" if sees else None)
            ]
            for way in WAYS
        }
        rows_right = Counter((identity, chunk[2]) for identity, _, chunk in expected)
        for way, found in by_way.items():
            hits, right_hits = Counter(found), rows_right
            if now.deduplication != "none":  # each text once, of whichever document has it
                assert hits.keys() <= right_hits.keys()
                right_hits = Counter({("", text): 1 for _, text in right_hits})
                hits = Counter(("", text) for _, text in found)
            wrong = f"search by {way} where {where}: lacks {right_hits - hits}, too many {hits - right_hits}"
            assert hits <= right_hits if way == "text" else hits == right_hits, wrong
        if query in {text for _, text in right_hits}:
            assert template != "text" or by_way["vector"][0][1] == query
            assert query in {text for _, text in by_way["text"]} or not words_of(query, analysis_of("en"))
    if sees:
        _images_agree(lake, query)
    return len(searches)


def _images_agree(lake: OpenLake, query: str) -> None:
    """Every image is found once, by whichever document has it; and in a list of all, no image beside its caption."""
    table = lake.table().select(["modality", "text_hash", "chunk_id"])
    images = {row["chunk_id"]: row["text_hash"] for row in table.to_pylist() if row["modality"] == "image"}
    found = [images[passage.chunk_id] for passage in lake.search(query, limit=1000, modality="image", by="vector")]
    assert {*found} == {*images.values()}
    whole = [(p.document_id, p.reference) for p in lake.search(query, limit=1000) if p.reference]
    assert len(whole) == len({*whole})


def whole(world: World) -> None:
    """`verify` finds nothing."""
    found = verify(lake_of(world), sample=3)
    assert not found, f"verify finds {[f.to_dict() for f in found]}"


def remembered(right: dict[str, Row]) -> Memory:
    """What is known after a completed run that was compared."""
    found: dict[str, set[Good | None]] = {i: {row.good} for i, row in right.items() if row.good}
    return found
