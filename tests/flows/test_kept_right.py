"""Cases in which a lake once was not kept right, that no short history of changes shows.

What is seen meanwhile, runs that meet, encoders that break, settings that once had no effect. Flows run as plain
functions, with stand-ins for encoders.
"""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.columns import among
from tasks.config.loading import load_corpus
from tasks.embed import update as vectors
from tasks.embed.commits import Commits
from tasks.embed.pending import CHUNKS_IN_WINDOW, pending_chunks
from tasks.errors import ConfigurationError, ModelError, ShrunkSource
from tasks.hashing import hash_text
from tasks.ingest import update as documents
from tasks.ingest.tokenizer import tokenizer_of
from tasks.lake.catalog import change_catalog
from tasks.lake.failures import ignore_failures, list_failures
from tasks.lake.lookup import Lookup, numbers_of
from tasks.lake.tables import Lake
from tasks.models.interface import Item
from tasks.operate.plan import plan_of
from tasks.operate.verify import verify
from tasks.search.query import OpenLake, open_lake
from tests.lakes import check_whole, lake_of, rows
from tests.machine.encoders import BLANK, POISON, StandIn, vector_of
from tests.machine.engine import Killed, Writes, quick, run_backfill, run_ingest
from tests.machine.world import make_model_folders
from tests.sources.test_listing import PACKED

pytestmark = pytest.mark.slow

Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with quick():
        StandIn.begin()
        yield


@pytest.fixture
def make(make_corpus: Make, tmp_path: Path) -> Make:
    """Writes a corpus file whose models `one` and `two` have the tokenizer of words, `letters` that of letters."""
    make_model_folders(tmp_path / "models")

    def corpus(*models: str, **changes: Any) -> Path:
        folders = {"letters": "letters"}
        named = [
            {"model": str(tmp_path / "models" / folders.get(name, "words")), "name": name, "document_prompt": name}
            for name in models or ("one",)
        ]
        return make_corpus(models=named, **changes)

    corpus()
    return corpus


def fill(tmp_path: Path, count: int, word: str = "rivers") -> None:
    for i in range(count):
        (tmp_path / "docs" / f"{i:03}.txt").write_text(f"Document {i} tells of {word}.")


def states(corpus_file: Path) -> dict[str, str]:
    return {row["model"]: row["state"] for row in lake_of(corpus_file).catalog()}


@pytest.mark.parametrize("mode", ["cuda", "nan"])
def test_a_broken_encoder_marks_nothing_and_serves_nothing(make: Make, tmp_path: Path, mode: str) -> None:
    fill(tmp_path, 40)
    run_ingest(str(make("one")))
    fill(tmp_path, 60)
    for models in (("one",), ("two", "one")):
        StandIn.begin(mode)
        with pytest.raises(ModelError, match="embeds nothing"):
            run_ingest(str(make(*models)))
        assert rows(lake_of(make()), "failures", "document_id") == []
        assert states(make())["one"] == "live"
    StandIn.begin()
    report = run_ingest(str(make("two", "one")))
    assert [model.embedded for model in report.models] == [20, 60]
    assert states(make()) == {"one": "live", "two": "ready"}
    check_whole(make("two", "one"))


def test_the_first_table_that_failed_on_many_texts_does_not_serve_until_someone_says_so(
    make: Make, tmp_path: Path
) -> None:
    fill(tmp_path, 30)
    for i in range(11):
        (tmp_path / "docs" / f"{i:03}.txt").write_text(f"{POISON if i % 2 else BLANK} number {i}.")
    assert run_ingest(str(make("two", "one"))).failed == 22
    assert states(make()) == {"one": "ready", "two": "ready"}
    lake = lake_of(make())
    ignore_failures(lake, list_failures(lake))
    assert run_ingest(str(make("two", "one"))).promoted.startswith("notes.two.")
    assert states(make()) == {"one": "ready", "two": "live"}


def test_a_run_that_waited_lists_its_sources_again(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, 12)
    listed = documents.list_files
    met = False

    def meanwhile(*arguments: Any) -> Any:
        nonlocal met
        found = listed(*arguments)
        if not met:  # another run comes between the listing and the lease, and lands a document that is newer
            met = True
            (tmp_path / "docs" / "new.txt").write_text("A document that came later.")
            run_ingest(str(make()))
        return found

    monkeypatch.setattr(documents, "list_files", meanwhile)
    (tmp_path / "docs" / "own.txt").write_text("Something to do.")
    assert run_ingest(str(make()), wait=True).documents.deleted == 0
    assert lake_of(make()).count("notes.chunks") == 14
    check_whole(make())


def test_records_go_with_a_file_whose_run_died_before_its_row(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "docs" / "r.jsonl"
    file.write_text("\n".join(json.dumps({"text": f"Record {i}."}) for i in range(5)))
    (tmp_path / "docs" / "a.txt").write_text("A file.")
    writes = Writes(None)
    with writes.watched():
        run_ingest(str(make()))
    last = max(i for i, name in enumerate(writes.names) if name.endswith(".documents"))
    import shutil

    shutil.rmtree(tmp_path / "lake")
    with Writes(last).watched(), pytest.raises(Killed):
        run_ingest(str(make()))
    assert len(rows(lake_of(make()), "documents", "document_id")) == 6
    file.unlink()
    run_ingest(str(make()))
    assert {row["document_id"] for row in rows(check_whole(make()), "documents", "document_id")} == {"docs:a.txt"}


def test_a_field_that_comes_reaches_tables_that_embed_nothing_new(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "docs" / "r.jsonl"
    file.write_text("\n".join(json.dumps({"text": f"Record {i}.", "year": 2000 + i}) for i in range(5)))
    run_ingest(str(make()))
    StandIn.begin()
    run_ingest(str(make(metadata={"year": "integer"})))
    assert not StandIn.calls
    with_year = make(metadata={"year": "integer"})
    assert [p.metadata for p in open_lake(with_year).search("Record", where="year = 2003")] == [{"year": 2003}]
    run_ingest(str(make(metadata={"year": "string"})))
    assert len(open_lake(make(metadata={"year": "string"})).search("Record", where="year = '2003'")) == 1
    file.write_text(json.dumps({"text": "Another record.", "year": 1}))
    run_ingest(str(make()), allow_shrinking=True)
    assert "year" not in lake_of(make())._tables["notes.chunks"].schema.names
    check_whole(make())


def test_what_serves_loses_rows_only_after_it_has_others(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "\n\n".join(f"Paragraph {i} speaks of {i * i} rivers and of the stones in them." for i in range(22))
    (tmp_path / "docs" / "a.txt").write_text(text)
    (tmp_path / "docs" / "gone.txt").write_text("A document that goes.")
    first = make("one", chunking={"size": 16})
    run_ingest(str(first))
    before = len(open_lake(first).search("rivers", limit=100))
    seen: list[int] = []
    writes = ["merge", "delete_in"]

    def watched(real: Any) -> Any:
        def write(this: Lake, *arguments: Any, **keywords: Any) -> Any:
            result = real(this, *arguments, **keywords)
            seen.append(len(OpenLake(lake_of(first)).search("rivers", limit=100)))
            return result

        return write

    for name in writes:
        monkeypatch.setattr(Lake, name, watched(getattr(Lake, name)))
    (tmp_path / "docs" / "gone.txt").unlink()
    second = make("two", chunking={"size": 32})
    run_ingest(str(second))
    after = len(open_lake(second).search("rivers", limit=100))
    assert states(second) == {"one": "live", "two": "ready"}
    assert min(seen) >= min(before - 1, after)
    assert len(seen) > 5


def test_the_tokenizer_stays_with_the_chunks(make: Make, tmp_path: Path) -> None:
    fill(tmp_path, 5)
    run_ingest(str(make("one", "two")))
    kept = tokenizer_of(load_corpus(make()), lake_of(make()))
    report = run_ingest(str(make("letters", "one", "two")))
    assert (report.documents.touched, report.documents.changed, report.documents.read_bytes) == (0, 0, 0)
    assert tokenizer_of(load_corpus(make("letters")), lake_of(make())) == kept
    assert states(make())["letters"] == "ready"
    named = {"tokenizer": str(tmp_path / "models" / "letters")}
    assert run_ingest(str(make("letters", chunking=named))).documents.touched == 5
    assert run_ingest(str(make("letters"))).idle
    assert tokenizer_of(load_corpus(make("one")), lake_of(make())).reference == named["tokenizer"]


def test_settings_that_made_something_fail_are_tried_again_when_they_change(make: Make, tmp_path: Path) -> None:
    fill(tmp_path, 3)
    long = " ".join(f"word{i}" for i in range(40))
    (tmp_path / "docs" / "long.txt").write_text(long)
    (tmp_path / "docs" / "bad.txt").write_bytes(b"no\0text")
    refuse = make("one", overlong="refuse")
    report = run_ingest(str(refuse))
    assert (report.failed, report.models[0].failed, report.models[0].rows) == (2, 1, 3)
    assert run_ingest(str(refuse)).idle
    assert run_ingest(str(make("one"))).models[0].embedded == 1
    report = run_ingest(str(make("one", overlong="refuse")))
    assert (report.models[0].removed, report.models[0].failed, report.models[0].embedded) == (1, 1, 0)
    longer = make("one", overlong="refuse", extraction={"timeout": 900})
    assert run_ingest(str(longer)).documents.failed == 1
    assert run_ingest(str(longer)).idle
    precise = make("one", overlong="refuse", extraction={"timeout": 900})
    precise.write_text(precise.read_text().replace('"name": "one"', '"name": "one", "precision": "float32"'))
    assert run_ingest(str(precise)).models[0].failed == 1


def test_a_batch_in_which_every_text_is_refused_is_no_error(make: Make, tmp_path: Path) -> None:
    for i in range(5):
        (tmp_path / "docs" / f"{i}.txt").write_text(" ".join(f"word{i * j}" for j in range(40)))
    report = run_ingest(str(make("one", overlong="refuse")))
    assert (report.failed, report.models[0].rows) == (5, 0)


def test_files_are_read_again_where_that_is_asked_for(make: Make, tmp_path: Path) -> None:
    fill(tmp_path, 5)
    run_ingest(str(make()))
    assert run_ingest(str(make()), reread=["001.txt", "/00[34].txt"]).documents.touched == 3
    assert run_ingest(str(make()), reread=["*"]).documents.touched == 5
    assert run_ingest(str(make())).idle


def test_a_source_that_left_the_corpus_file_is_asked_about(make: Make, tmp_path: Path) -> None:
    fill(tmp_path, 3)
    run_ingest(str(make()))
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "a.txt").write_text("Another source.")
    other = make(sources=[{"name": "others", "uri": str(tmp_path / "others")}])
    with pytest.raises(ShrunkSource, match="'docs' is not in the corpus file any more; the lake has 3 files"):
        run_ingest(str(other))
    corpus = load_corpus(other)
    assert "'docs' is not in the corpus file any more" in plan_of(corpus, lake_of(other)).refused
    assert run_ingest(str(other), allow_shrinking=True).documents.deleted == 3
    assert plan_of(corpus, lake_of(other)).refused == ""


def test_a_backfill_beside_an_ingest_fills_what_comes_meanwhile(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, 30)
    run_ingest(str(make("one")))
    encode = StandIn.encode_documents
    met = 0

    def meanwhile(self: StandIn, items: list[Item]) -> Any:
        nonlocal met
        if self.model == "two" and met < 4:  # another run lands as many chunks as were embedded, and takes some away
            met += 1
            (tmp_path / "docs" / f"{met:03}.txt").unlink()
            for i in range(30):
                (tmp_path / "docs" / f"{met}-{i}.txt").write_text(f"Document {i} came in round {met}.")
            run_ingest(str(make("one")))
        return encode(self, items)

    monkeypatch.setattr(StandIn, "encode_documents", meanwhile)
    run_backfill(str(make("one", "two")), "two")
    monkeypatch.undo()
    assert met == 4
    lake = lake_of(make("one", "two"))
    two = next(row["table"] for row in lake.catalog() if row["model"] == "two")
    assert set(lake.read(two, ["chunk_id"])["chunk_id"].to_pylist()) == {
        row["chunk_id"] for row in rows(lake, "chunks", "chunk_id")
    }


def test_two_runs_that_end_together_leave_one_live_table(make: Make, tmp_path: Path) -> None:
    fill(tmp_path, 3)
    run_ingest(str(make("one", "two")))
    corpus_file = make()
    started = threading.Barrier(2, timeout=60)
    failures: list[Exception] = []

    def promote(name: str) -> None:
        lake = lake_of(corpus_file)
        started.wait()
        for _ in range(5):
            change_catalog(
                lake,
                f"run-{name}",
                lambda entries: {e["table"]: {"state": "live" if e["model"] == name else "ready"} for e in entries},
            )
            live = [entry for entry in lake.catalog() if entry["state"] == "live"]
            if len(live) != 1:
                failures.append(AssertionError(live))

    threads = [threading.Thread(target=promote, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len([state for state in states(make()).values() if state == "live"]) == 1


def test_pending_chunks_are_found_by_position_however_many(make: Make) -> None:
    lake = Lake(load_corpus(make()), create=True)
    count = 3 * CHUNKS_IN_WINDOW // 2
    ids = [f"{i:032x}" for i in range(count)]
    table = pa.table({"chunk_id": ids, "version": ids, "text": [f"Text {i}." for i in range(count)]})
    lake.merge("notes.chunks", table)
    pending = pending_chunks(lake, "notes.one.none", lake.corpus.models[0])
    assert len(pending) == count
    found = pa.concat_tables(list(pending.windows(["chunk_id", "text"])))
    assert found["chunk_id"].to_pylist() == rows_in_order(lake)
    lookup = Lookup(lake.snapshot("notes.chunks"), "chunk_id", hashes=True)
    assert lookup.rows([ids[7], ids[-1], "f" * 32], ["text"])["text"].to_pylist() == [
        table["text"][i].as_py() for i in (7, -1)
    ]
    lake.delete_in("notes.chunks", "chunk_id", ids[:-10])
    few = pending_chunks(lake, "notes.one.none", lake.corpus.models[0])
    assert [t["chunk_id"].to_pylist() for t in few.windows(["chunk_id"])] == [ids[-10:]]


def rows_in_order(lake: Lake) -> list[str]:
    return [row["chunk_id"] for row in lake.snapshot("notes.chunks").read(["chunk_id"]).to_pylist()]


def test_more_ids_are_compared_than_32_bit_offsets_reach() -> None:
    piece = pa.array(["x" * 2**20] * 1025)  # more than 1 GiB; two of them are beyond 2 GiB
    column = pa.chunked_array([piece, piece])
    assert among(pa.array(["y", "x" * 2**20]), column).to_pylist() == [False, True]


def test_numbers_of_hashes_are_their_first_bits() -> None:
    column = pa.chunked_array([pa.array(["00000000000000ff" + "0" * 16, None]), pa.array(["f" * 32])])
    assert numbers_of(column).tolist() == [255, 0, 2**64 - 1]
    assert numbers_of(column.slice(2)).tolist() == [2**64 - 1]


def test_a_duplicate_is_found_by_its_own_metadata_and_shown_once(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "docs" / "r.jsonl"
    file.write_text(
        "\n".join(json.dumps({"text": "Equal words.", "lang": lang}) for lang in ("north", "south", "west"))
    )
    corpus_file = make(metadata={"lang": "string"})
    report = run_ingest(str(corpus_file))
    assert (report.models[0].embedded, report.documents.duplicates) == (1, 2)
    lake = open_lake(corpus_file)
    assert len(lake.search("Equal words.", limit=10)) == 1
    for lang in ("north", "south", "west"):
        [passage] = lake.search("Equal words.", limit=10, where=f"lang = '{lang}'")
        assert passage.metadata == {"lang": lang}
    assert verify(lake_of(corpus_file)) == []
    found = lake_of(corpus_file).read(lake.models[0]["table"], ["vector"])["vector"].to_pylist()
    assert np.allclose(found, [vector_of("one", "Equal words.")] * 3)


def test_a_run_that_finds_stuck_chunks_says_so(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, 3)
    monkeypatch.setattr(Commits, "land", lambda *_: None)
    with pytest.raises(Exception, match="3 chunks stay without a vector"):
        run_ingest(str(make()))
    assert vectors.pending_chunks(lake_of(make()), "notes.none.none", load_corpus(make()).models[0])


def test_a_field_whose_removal_broke_off_comes_back(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "docs" / "r.jsonl"
    file.write_text("\n".join(json.dumps({"text": f"Record {i}.", "year": 2000 + i}) for i in range(5)))
    with_year = {"metadata": {"year": "integer"}}
    run_ingest(str(make(**with_year)))
    broken = make()
    assert [finding.problem for finding in verify(lake_of(broken))] == [
        "other metadata columns than the corpus file has; run first, then verify"
    ] * 3
    writes = Writes(5)
    with writes.watched(), pytest.raises(Killed):
        run_ingest(str(broken))
    run_ingest(str(make(**with_year)))
    assert [p.metadata for p in open_lake(make(**with_year)).search("Record", where="year = 2003")] == [{"year": 2003}]


@pytest.mark.parametrize(("before", "after"), [({"year": "integer"}, {}), ({}, {"lang": "string"})])
def test_a_repair_sees_to_changed_fields_and_to_damage(
    make: Make, tmp_path: Path, before: dict[str, str], after: dict[str, str]
) -> None:
    file = tmp_path / "docs" / "r.jsonl"
    file.write_text("\n".join(json.dumps({"text": f"Record {i}.", "year": 2000 + i}) for i in range(5)))
    run_ingest(str(make(metadata=before)))
    lake = lake_of(make(metadata=before))
    lake._tables[lake.name("chunks")].update(where="text = 'Record 3.'", values={"text": "Something else."})
    changed = make(metadata=after)
    assert "notes.chunks" in {finding.table for finding in verify(lake_of(changed), repair=True)}
    run_ingest(str(changed))
    assert sorted(row["text"] for row in rows(check_whole(changed), "chunks", "text")) == [
        f"Record {i}." for i in range(5)
    ]


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_records_behind_the_place_where_a_file_is_cut_off_stay(make: Make, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / "docs" / f"r.jsonl{suffix}"
    lines = "\n".join(json.dumps({"text": f"Record {hash_text(str(i))}."}) for i in range(3000)).encode()
    whole = PACKED[suffix](lines)
    file.write_bytes(whole)
    run_ingest(str(make()))
    file.write_bytes(whole[: 9 * len(whole) // 10])
    report = run_ingest(str(make()))
    assert (report.documents.deleted, report.failed) == (0, 1)
    assert lake_of(make()).count("notes.chunks") == 3000


def test_an_id_that_looks_like_one_within_a_file_is_told_apart(make: Make, tmp_path: Path) -> None:
    def write(name: str, *texts: str) -> None:
        lines = [json.dumps({"id": "a.jsonl#1", "text": text}) for text in texts]
        (tmp_path / "docs" / name).write_text("\n".join(lines))

    write("a.jsonl", "from a", "from a, again")
    write("b.jsonl", "from b")
    source = {"name": "docs", "uri": str(tmp_path / "docs"), "fields": {"id": "id"}}
    assert run_ingest(str(make(sources=[source]))).failed == 2
    lake = check_whole(make(sources=[source]))
    assert [row["text"] for row in rows(lake, "chunks", "text")] == ["from a"]


def test_a_pattern_that_no_file_matches_is_wrong(make: Make, tmp_path: Path) -> None:
    fill(tmp_path, 3)
    run_ingest(str(make()))
    with pytest.raises(ConfigurationError, match="no file matches 'nosuch\\*'"):
        run_ingest(str(make()), reread=["nosuch*"])
