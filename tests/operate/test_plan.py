"""A plan tells what a run would do, and does nothing of it."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config.loading import load_corpus
from tasks.config.settings import Corpus
from tasks.embed.selection import EVERYTHING
from tasks.lake.tables import Lake
from tasks.models.find import resolve_model
from tasks.models.template import COST, HASH, NEEDED, Template
from tasks.operate.estimate import ModelPlan, backfill_plan
from tasks.operate.plan import Plan, plan_of
from tasks.operate.report import model_plan_rows
from tasks.operate.sampling import some_works, spread_files
from tasks.sources.listing import File
from tests.machine import check
from tests.machine.drive import Driver
from tests.machine.encoders import StandIn
from tests.machine.engine import quick, run_ingest
from tests.machine.world import Record, World, make_model_folders


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two texts, one twice, and a file of records."""
    make_model_folders(tmp_path / "models")
    found = Driver(tmp_path, tmp_path / "models", Counter(), random.Random(1)).world
    found.put("left", "a.txt", "The river rose.\n\nNobody saw it.")
    found.put("left", "b.txt", "The river rose.\n\nNobody saw it.")
    found.put("right", "r.jsonl", tuple(Record(f"k{i}", f"Record {i} tells of birds.") for i in range(3)))
    with quick():
        StandIn.begin()
        yield found


def plan(world: World, most_bytes: int = 2**20) -> Plan:
    """A plan; making it writes nothing."""
    lake = check.lake_of(world)
    versions = check.table_versions(lake)
    found = plan_of(lake.corpus, lake, most_bytes)
    assert check.table_versions(check.lake_of(world)) == versions
    return found


def test_a_plan_tells_what_the_run_after_it_does(world: World) -> None:
    for step in range(3):
        if step == 1:
            world.put("left", "c.txt", "It rained.\n\nBirds came.")
            world.put("left", "a.txt", "Another beginning.")
            world.move("left", "b.txt", "left", "moved.txt")
        if step == 2:
            world.settings.size = 8
        told, done = plan(world), run_ingest(str(world.corpus_file()))
        [model] = told.models
        [embedded] = done.models
        documents = done.documents
        assert model.texts == embedded.embedded
        assert (told.share_read, told.refused, told.failing) == (1.0, "", 0)
        assert told.listed == documents.listed
        assert told.unchanged == documents.unchanged
        assert told.moved == documents.moved == (step == 1)
        assert told.chunks >= documents.chunks
        assert model.pending == 0
        assert model.exists == (step > 0)
    idle = plan(world)
    assert (idle.unchanged, idle.chunks, idle.models[0].texts) == (4, 0, 0)


def test_a_plan_counts_duplicates_and_what_fails(world: World) -> None:
    world.put("left", "bad.txt", b"no\0text")
    found = plan(world)
    assert (found.new, found.duplicates, found.failing) == (4, 1, 1)
    [failure] = found.failures
    assert (failure["document"], failure["error"]) == ("docs:bad.txt", "BrokenDocument")
    assert found.to_dict()["models"][0]["model"] == "one"
    assert found.models[0].measured == f"a probe of {found.chunks} texts"


def test_a_plan_says_where_the_run_would_stop(world: World) -> None:
    run_ingest(str(world.corpus_file()))
    world.remove("right", "r.jsonl")
    found = plan(world)
    assert found.refused.startswith("source 'books' lists 0 files; the lake knows 1. Nothing was deleted.")
    assert found.deleted == 1


def test_chunks_without_a_vector_are_pending_and_counted_once(world: World) -> None:
    run_ingest(str(world.corpus_file()))
    lake = check.lake_of(world)
    [table] = lake.model_tables()
    lake.delete_in(table, "text_hash", lake.read(table, ["text_hash"])["text_hash"].to_pylist())
    found = plan(world).models[0]
    assert found.pending == found.texts == 4
    assert found.tokens > 0


def test_a_chunk_longer_than_the_model_reads_is_overlong_or_refused(world: World) -> None:
    run_ingest(str(world.corpus_file()))
    world.put("left", "long.txt", "One sentence has " + "very " * 9 + "many words.")
    assert (plan(world).models[0].overlong, plan(world).models[0].refused) == (1, 0)
    world.settings.overlong = "refuse"
    assert (plan(world).models[0].overlong, plan(world).models[0].refused) == (None, 1)


def test_a_backfill_is_told_what_it_would_embed_and_refuse(world: World) -> None:
    """By what is embedded, headings and all: of them the chunks know nothing."""
    world.put("left", "long.txt", "One sentence has " + "very " * 9 + "many words.")
    world.put("left", "h.md", "# A heading of so many words that it has a say\n\nOne sentence has few more words.")
    world.settings.template = "text"
    run_ingest(str(world.corpus_file()))
    world.settings.template = "headings"

    def backfill() -> ModelPlan:
        corpus = load_corpus(world.corpus_file())
        return backfill_plan(Lake(corpus), resolve_model(corpus.models[0]), EVERYTHING)

    told, lake = backfill(), check.lake_of(world)
    chunks = Template(lake.corpus.models[0]).fill(lake.read(lake.name("chunks"), NEEDED))
    longer = sum(cost > StandIn.max_cost for cost in chunks[COST].to_pylist())
    assert longer > sum(count > StandIn.max_cost for count in chunks["token_count"].to_pylist())
    assert (told.pending, told.exists, told.served, told.overlong, told.refused) == (0, False, False, longer, 0)
    assert told.texts == len(set(chunks[HASH].to_pylist()))
    assert not any("earlier run" in name for name, _ in model_plan_rows(told))
    world.settings.overlong = "refuse"
    told = backfill()
    assert (told.overlong, told.refused) == (None, longer)
    assert any("would be refused" in name for name, _ in model_plan_rows(told))


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=60), st.integers(1, 5000))
def test_files_that_are_read_for_a_plan_are_some_of_all_and_tell_their_share(sizes: list[int], most: int) -> None:
    files = [File(f"s:{i:03}", "s", "", "", "", size, "text") for i, size in enumerate(sizes)]
    chosen, share = spread_files(files, most)
    assert chosen == [file for file in files if file in chosen]
    assert chosen
    assert 0 <= share <= 1
    if sum(sizes) <= most:
        assert (chosen, share) == (files, 1.0)
    assert share == pytest.approx(min(1.0, sum(min(file.size, most) for file in chosen) / max(sum(sizes), 1))) or (
        sum(sizes) <= most
    )


def test_of_a_large_file_of_records_the_beginning_is_read_and_one_that_is_torn_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\n\0\x01\x02\n")
    (tmp_path / "b.csv").write_text("text\n" + "A row.\n" * 5000)
    corpus = Corpus.model_validate(
        {"name": "notes", "lake": "/lake", "models": ["some/model"], "sources": [{"name": "s", "uri": str(tmp_path)}]}
    )
    files = [
        File(f"s:{name}", "s", str(tmp_path / name), "", "", 1, form)
        for name, form in (("a.csv", "csv"), ("b.csv", "csv"), ("c.txt", "text"))
    ]
    told: list[tuple[str, str]] = []
    works = some_works(corpus, files, 20_000, lambda file, error: told.append((file.document_id, error.message)))
    first, *blocks = works
    assert told == [("s:a.csv", "a line in its beginning is not text: it holds NUL bytes")]
    assert [file.document_id for file in first.files] == ["s:c.txt"]
    assert {block.file.document_id for block in blocks} == {"s:b.csv"}
    assert 1 <= len(blocks) < 5


def test_a_sample_is_of_chunks_that_the_run_writes(world: World) -> None:
    for i in range(40):
        world.put("left", f"{i}.txt", f"Text {i} is short.")
    lake = check.lake_of(world)
    samples = [plan_of(lake.corpus, lake, sample=10).sample for _ in range(2)]
    run_ingest(str(world.corpus_file()))
    written = check.lake_of(world).read(lake.name("chunks"), list(samples[0][0])).to_pylist()
    for sample in samples:
        assert len({row["document_id"] for row in sample}) == 10
        assert all(row in written for row in sample)
    assert samples[0] != samples[1]
    assert plan(world).sample == []


def test_a_file_of_records_that_cannot_be_read_is_counted_as_failing(world: World) -> None:
    world.put("right", "torn.csv", b"torn")
    world.put("right", "whole.csv", (Record("k9", "A record tells of fish."),))
    told, done = plan(world), run_ingest(str(world.corpus_file()))
    assert (told.failing, done.failed) == (1, 1)
    assert [failure["document"] for failure in told.failures] == ["books:torn.csv"]
