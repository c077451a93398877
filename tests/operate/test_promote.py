"""Which table is live: who may change it, to what, and what is kept of that. Flows run as plain functions, with
stand-ins for encoders."""

import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tasks.config.loading import load_corpus
from tasks.embed import update
from tasks.embed.kept import model_to_fill
from tasks.embed.selection import EVERYTHING
from tasks.errors import ConfigurationError, ModelError, SwitchRefused
from tasks.evaluate import verdict as evaluations
from tasks.evaluate.verdict import Verdict
from tasks.lake.catalog import Standing, change_catalog, entry_of
from tasks.lake.failures import ignore_failures, list_failures
from tasks.lake.fulltext import text_indexes
from tasks.lake.lease import writing
from tasks.lake.maintenance import build_index
from tasks.lake.switches import history
from tasks.lake.tables import Lake
from tasks.models.interface import Item
from tasks.operate.estimate import backfill_plan
from tasks.operate.gate import objections
from tasks.operate.overview import models_of
from tasks.operate.plan import plan_of
from tasks.operate.promote import choose, promote, rollback
from tasks.operate.retire import duration, remove, retire, retire_due
from tasks.operate.status import status_of
from tasks.operate.verify import verify
from tasks.search.query import open_lake
from tests.lakes import check_whole, lake_of
from tests.machine.encoders import BLANK, POISON, StandIn
from tests.machine.engine import Killed, Writes, quick, run_backfill, run_ingest
from tests.machine.world import make_model_folders

Make = Callable[..., Path]
NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with quick():
        StandIn.begin()
        yield


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    make_model_folders(folder / "models")
    return folder / "models"


@pytest.fixture
def make(tmp_path: Path, folders: Path) -> Make:
    """Writes a corpus file over `docs`; a model is a name, or a name and its document prompt: `one=passage`."""

    def corpus(*models: str, **changes: Any) -> Path:
        (tmp_path / "docs").mkdir(exist_ok=True)
        named = [model.partition("=") for model in models or ("one",)]
        told = {
            "name": "notes", "lake": str(tmp_path / "lake"), "lease": {"seconds": 2},
            "sources": [{"name": "docs", "uri": str(tmp_path / "docs")}],
            "models": [
                {"model": str(folders / "words"), "name": name, "document_prompt": prompt or name}
                for name, _, prompt in named
            ],
        }  # fmt: skip
        file = tmp_path / "notes.yaml"
        file.write_text(json.dumps(told | changes))
        return file

    return corpus


def fill(tmp_path: Path, count: int, text: str = "Document {} tells of rivers.") -> None:
    (tmp_path / "docs").mkdir(exist_ok=True)
    for i in range(count):
        (tmp_path / "docs" / f"{i:03}.txt").write_text(text.format(i))


def states(corpus_file: Path) -> dict[str, str]:
    return {row["model"]: row["state"] for row in lake_of(corpus_file).catalog()}


def table_of(corpus_file: Path, model: str, prompt: str | None = None) -> str:
    rows = [row for row in lake_of(corpus_file).catalog() if row["model"] == model]
    return next(r["table"] for r in rows if prompt is None or f'"document_prompt":"{prompt}"' in r["settings"])


def switches(corpus_file: Path) -> list[tuple[str, str | None, str]]:
    lake = lake_of(corpus_file)
    models = {row["table"]: row["model"] for row in lake.catalog()}
    return [
        (row["kind"], models.get(row["from_table"]), models.get(row["to_table"], "gone"))
        for row in history(lake, lake.catalog())
    ]


def make_live(corpus_file: Path, model: str, **options: Any) -> Any:
    return promote(lake_of(corpus_file), model, "test", **options)


def take_back(corpus_file: Path, **options: Any) -> Any:
    return rollback(lake_of(corpus_file), "test", **options)


def judged(monkeypatch: pytest.MonkeyPatch, low: float, high: float, margin: float = 0.01) -> None:
    middle = (low + high) / 2
    found = Verdict("e1", "nDCG@10", middle, low, high, margin, 300, low >= -margin, NOW)
    monkeypatch.setattr(evaluations, "latest_verdict", lambda *_: found)


@pytest.fixture
def two(make: Make, tmp_path: Path) -> Path:
    """A corpus with two complete tables, of which `one` is live."""
    fill(tmp_path, 12)
    file = make("one", "two")
    run_ingest(str(file))
    assert states(file) == {"one": "live", "two": "ready"}
    return file


def test_a_switch_is_kept_with_who_when_and_why(two: Path) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    assert make_live(two, "two", reason="it finds more").changed
    assert states(two) == {"one": "ready", "two": "live"}
    lake = lake_of(two)
    first, last = history(lake, lake.catalog())
    assert (first["kind"], first["from_table"], first["to_table"]) == ("first", None, table_of(two, "one"))
    assert (last["kind"], last["why"], last["forced"]) == ("promote", "it finds more", "")
    assert "@" in last["who"]
    assert before <= last["time"] <= datetime.now(UTC)
    assert run_ingest(str(two)).idle
    assert verify(lake_of(two)) == []
    assert [row["kind"] for row in status_of(lake_of(two))["switches"]] == ["promote", "first"]


@pytest.mark.slow
def test_a_rollback_goes_back_and_no_run_undoes_it(two: Path, make: Make, tmp_path: Path) -> None:
    make_live(two, "two")
    assert take_back(two, reason="worse").live == table_of(two, "one")
    again = take_back(two)
    assert (again.changed, again.live) == (False, table_of(two, "one"))
    for file in (two, make("two", "one"), make("two", "one", promote="automatic")):
        fill(tmp_path, 14, f"{file.read_text()[-40:-30]} {{}} is new.")
        run_ingest(str(file))
        assert states(file) == {"one": "live", "two": "ready"}
    assert switches(two) == [("first", None, "one"), ("promote", "one", "two"), ("rollback", "two", "one")]
    make_live(two, "two")
    assert take_back(two).live == table_of(two, "one")


def test_a_rollback_that_is_refused_as_incomplete_works_after_what_it_advises(make: Make, tmp_path: Path) -> None:
    fill(tmp_path, 3)
    run_ingest(str(make("one=before")))
    file = make("one=after")
    run_ingest(str(file))
    before, after = table_of(file, "one", "before"), table_of(file, "one", "after")
    make_live(file, after)
    fill(tmp_path, 4)
    run_ingest(str(file))
    with pytest.raises(SwitchRefused, match=f"{before} is not complete: 1 chunks") as caught:
        take_back(file)
    advised = caught.value.hint.partition("--model ")[2].partition("`")[0]
    lake = lake_of(file)
    assert backfill_plan(lake, model_to_fill(lake, advised), EVERYTHING).texts == 1
    report = run_backfill(str(file), advised)
    assert [(model.table, model.embedded) for model in report.models] == [(before, 1)]
    assert take_back(file).live == before
    assert lake_of(file).live_table() == before


@pytest.mark.slow
def test_a_switch_may_be_killed_before_every_write(make: Make, tmp_path: Path) -> None:
    fill(tmp_path, 3)
    file = make("one", "two", lease={"seconds": 300})  # whose holder is seen to be gone all the same
    run_ingest(str(file))
    lake, kept = tmp_path / "lake", tmp_path / "kept"
    made = [("first", None, "one"), ("promote", "one", "two"), ("rollback", "two", "one")]
    command = [sys.executable, "-m", "tests.machine.killed"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as switcher:
        assert switcher.stdin
        assert switcher.stdout
        for number, (model, live) in enumerate([("two", "two"), (None, "one")], 2):
            shutil.copytree(lake, kept)
            at, code = 0, -signal.SIGKILL
            while code:
                shutil.rmtree(lake)
                shutil.copytree(kept, lake)
                print(json.dumps({"corpus_file": str(file), "model": model, "at": at}), file=switcher.stdin, flush=True)
                code = int(switcher.stdout.readline())
                assert code in (0, -signal.SIGKILL)
                found = states(file)
                assert sorted(found.values()) == ["live", "ready"]
                assert verify(lake_of(file)) == []
                again = make_live(file, model) if model else take_back(file)
                assert (found[live] == "live") == (not again.changed), "it is made, or not begun"
                assert states(file)[live] == "live"
                assert switches(file) == made[:number]
                assert verify(lake_of(file)) == []
                at += 1
            assert at > 6, "leases, history and catalog"
            shutil.rmtree(kept)
        switcher.stdin.close()


def test_there_may_be_nothing_to_go_back_to(two: Path) -> None:
    with pytest.raises(SwitchRefused, match="no table that was live before"):
        take_back(two)


def test_promoting_what_is_live_changes_nothing(two: Path) -> None:
    assert not make_live(two, "one").changed
    assert switches(two) == [("first", None, "one")]


def test_another_order_in_the_file_promotes_nothing_and_says_so(two: Path, make: Make) -> None:
    other = make("two", "one")
    said = "one is live; two is ready: embedlake promote CORPUS.yaml two"
    assert plan_of(load_corpus(other), lake_of(other)).notes == [said]
    report = run_ingest(str(other))
    assert (report.idle, report.promoted, report.notes) == (True, "", [said])
    assert status_of(lake_of(other))["notes"] == [said]
    assert models_of(lake_of(other))["notes"] == [said]


def test_a_live_table_is_kept_up_though_the_file_does_not_name_it(two: Path, make: Make, tmp_path: Path) -> None:
    other = make("two")
    (tmp_path / "docs" / "000.txt").write_text("Something else is told now.")
    report = run_ingest(str(other))
    assert [model.embedded for model in report.models] == [1, 1]
    assert states(other) == {"one": "live", "two": "ready"}
    assert "kept up, though the corpus file does not name it" in report.notes[0]
    check_whole(other)
    assert run_ingest(str(other)).idle
    assert open_lake(other).search("Something else is told now.")[0].text == "Something else is told now."
    assert verify(lake_of(other)) == []


@pytest.mark.slow
def test_new_settings_of_the_live_model_make_a_table_beside_it(two: Path, make: Make, tmp_path: Path) -> None:
    other = make("one=passage", "two")
    fill(tmp_path, 13)
    report = run_ingest(str(other))
    old, new = table_of(other, "one", "one"), table_of(other, "one", "passage")
    assert {row["table"]: row["state"] for row in lake_of(other).catalog()}[old] == "live"
    assert report.notes == [
        f"{old} is live, and kept up, though the corpus file does not name it; {new} is ready:"
        f" embedlake promote CORPUS.yaml {new}"
    ]
    check_whole(other)
    assert make_live(other, "one").live == new  # the table of the file is meant, also the second time
    assert not make_live(other, "one").changed
    fill(tmp_path, 14)
    run_ingest(str(other))
    assert {row["table"]: row["state"] for row in lake_of(other).catalog()}[old] == "frozen"
    assert retire(lake_of(other), "one", timedelta(), "test")["table"] == old


@pytest.mark.slow
def test_a_live_table_whose_model_is_gone_is_told_loudly(two: Path, make: Make, tmp_path: Path, folders: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(folders / "words", folder)
    models = [{"model": str(folder), "name": "own"}, {"model": str(folders / "words"), "name": "two"}]
    both = make(models=models)
    run_ingest(str(both))
    make_live(both, "own")
    shutil.rmtree(folder)
    other = make(models=models[1:])
    assert "cannot be kept up" in run_ingest(str(other)).unkept
    (tmp_path / "docs" / "000.txt").write_text("Something else is told now.")
    (tmp_path / "docs" / "001.txt").unlink()
    report = run_ingest(str(other))
    assert "cannot be kept up" in report.unkept
    [own] = [row for row in lake_of(other).catalog() if row["model"] == "own"]
    assert own["state"] == "live"
    assert own["behind_since"]
    again = run_ingest(str(other))
    assert again.idle
    assert again.unkept
    assert any("is behind the sources since" in note for note in again.notes)
    found = open_lake(other).search("Document", by="text", limit=100)
    assert "is behind the sources since" in found.note
    assert {passage.document_id for passage in found} >= {"docs:000.txt"}
    assert "docs:001.txt" not in {passage.document_id for passage in found}
    assert "cannot be kept up" in plan_of(load_corpus(other), lake_of(other)).notes[0]
    make_live(other, "two")
    report = run_ingest(str(other))
    assert (report.unkept, report.notes) == ("", [])
    with pytest.raises(SwitchRefused, match="1 chunks have no vector in it \\(behind since"):
        take_back(other)


@pytest.mark.slow
def test_a_live_model_that_fails_does_not_keep_others_from_being_filled(
    two: Path, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = StandIn.encode_documents

    def gone(self: StandIn, items: list[Item]) -> Any:
        if self.model == "one":
            raise RuntimeError("410 Gone")
        return encode(self, items)

    monkeypatch.setattr(StandIn, "encode_documents", gone)
    fill(tmp_path, 20)
    other = make("three=three")
    report = run_ingest(str(other))
    assert "cannot be kept up" in report.unkept
    three = table_of(other, "three")
    assert lake_of(other).count(three) == 20
    assert states(other)["one"] == "live"
    make_live(other, "three")
    assert run_ingest(str(other)).unkept == ""


@pytest.mark.slow
def test_a_model_taken_out_of_the_file_freezes_and_tells_since_when_it_is_behind(
    two: Path, make: Make, tmp_path: Path
) -> None:
    other = make("one")
    assert not run_ingest(str(other)).promoted
    assert states(other) == {"one": "live", "two": "frozen"}
    assert models_of(lake_of(other))["models"][1]["behind_since"] is None
    fill(tmp_path, 15)
    run_ingest(str(other))
    row = models_of(lake_of(other))["models"][1]
    assert (row["state"], row["pending"], bool(row["behind_since"])) == ("frozen", 3, True)
    since = row["behind_since"]
    fill(tmp_path, 16)
    run_ingest(str(other))
    row = models_of(lake_of(other))["models"][1]
    assert (row["pending"], row["behind_since"]) == (4, since)
    with pytest.raises(SwitchRefused, match="4 chunks have no vector in it"):
        make_live(other, "two")
    run_ingest(str(make("one", "two")))
    assert models_of(lake_of(other))["models"][1]["behind_since"] is None


# What may not become live


def refused(corpus_file: Path, match: str, **options: Any) -> None:
    live = lake_of(corpus_file).live_table()
    for force in (False, True):
        with pytest.raises(SwitchRefused, match=match):
            make_live(corpus_file, "two", force=force, reason="I want it", **options)
    assert lake_of(corpus_file).live_table() == live
    assert len(switches(corpus_file)) == (live is not None)


def test_an_incomplete_table_does_not_become_live(make: Make, tmp_path: Path) -> None:
    fill(tmp_path, 12)
    run_ingest(str(make("one")))
    with Writes(2).watched(), pytest.raises(Killed):  # its table and its line are there
        run_backfill(str(make("one", "two")), "two")
    refused(make("one", "two"), "12 chunks have no vector")
    run_backfill(str(make("one", "two")), "two")
    (tmp_path / "docs" / "more.txt").write_text("One more.")
    run_ingest(str(make("one")))
    refused(make("one", "two"), "1 chunks have no vector")
    report = run_backfill(str(make("one", "two")), "two")
    assert report.notes == ["one is live; two is ready: embedlake promote CORPUS.yaml two"]
    assert make_live(make("one", "two"), "two").changed


@pytest.mark.parametrize(("failing", "of", "match"), [(12, 40, "the model failed on 12 of 40"), (7, 9, "only 2 of 9")])
def test_a_table_that_failed_on_many_texts_does_not_become_live(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int, of: int, match: str
) -> None:
    fill(tmp_path, of)
    run_ingest(str(make("one")))
    encode = StandIn.encode_documents

    def fails_on(self: StandIn, items: list[Item]) -> Any:
        found = encode(self, items)
        if self.model == "two":
            for place, item in enumerate(items):
                if int(str(item.content).split()[1]) < failing:
                    found.vectors[place] = float("nan")
        return found

    monkeypatch.setattr(StandIn, "encode_documents", fails_on)
    file = make("one", "two")
    assert run_ingest(str(file)).failed == failing
    assert states(file) == {"one": "live", "two": "ready"}
    refused(file, match)
    first = make("two", lake=str(tmp_path / "other"))
    run_ingest(str(first))
    assert states(first) == {"two": "ready"}
    lake = lake_of(file)
    ignore_failures(lake, list_failures(lake))
    if match.startswith("only"):
        refused(file, match)
    else:
        assert make_live(file, "two").changed


def test_a_tiny_corpus_most_of_which_fails_serves_nothing(make: Make, tmp_path: Path) -> None:
    fill(tmp_path, 1)
    for i in range(5):
        (tmp_path / "docs" / f"bad{i}.txt").write_text(f"{POISON if i % 2 else BLANK} number {i}.")
    run_ingest(str(make("one")))
    assert states(make("one")) == {"one": "ready"}
    with pytest.raises(SwitchRefused, match="only 1 of 6"):
        make_live(make("one"), "one")


def damaged(lake: Lake, table: str, what: str) -> None:
    handle: Any = lake.handle(table)
    first = handle.to_arrow()["chunk_id"][0].as_py()
    where = f"chunk_id = '{first}'"
    if what == "doubled":
        handle.add(handle.to_arrow().slice(0, 1))
    elif what == "text":
        handle.update(where=where, values={"text": "Something else."})
    elif what == "orphan":
        handle.update(where=where, values={"chunk_id": "0" * 32})
    else:
        handle.update(where=where, values={"vector": {"zero": [0.0] * 4, "other": [0.0, 1.0, 0.0, 0.0]}[what]})


DAMAGES = [
    ("zero", "1 rows of .* not the one that was written"),
    ("other", "1 rows of .* not the one that was written"),
    ("doubled", "1 rows of .* are there twice"),
    ("text", "1 rows of .* disagree"),
    ("orphan", "chunks that are gone"),
]


@pytest.mark.parametrize(("what", "match"), DAMAGES)
def test_a_table_with_wrong_rows_does_not_become_live(two: Path, what: str, match: str) -> None:
    damaged(lake_of(two), table_of(two, "two"), what)
    refused(two, match)
    lake = lake_of(two)
    with writing(lake, ["documents", "catalog", *lake.model_tables()], "test", wait=False):
        verify(lake, repair=True)
    run_ingest(str(two))
    assert make_live(two, "two").changed


def test_vectors_that_their_texts_do_not_give_do_not_become_live(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = lake_of(two)
    rows = lake.to_arrow(table_of(two, "two"))
    others = rows.take([*range(1, len(rows)), 0])  # whole rows of other texts, each with its own checksum
    for name in ("vector", "checksum", "tokens"):
        rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), others[name])
    lake.merge(table_of(two, "two"), rows)
    refused(two, "of a sample have a vector that their text does not give")


@pytest.mark.slow
def test_wrong_vectors_do_not_become_live_by_rollback_automatically_or_as_the_first(
    two: Path, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_live(two, "two")
    damaged(lake_of(two), table_of(two, "one"), "zero")
    with pytest.raises(SwitchRefused, match="not the one that was written"):
        take_back(two)
    judged(monkeypatch, 0.01, 0.05)
    third = make("three", "two", promote="automatic")
    with monkeypatch.context() as patch:
        patch.setattr(evaluations, "latest_verdict", lambda *_: None)
        run_ingest(str(third))
    damaged(lake_of(third), table_of(third, "three"), "other")
    report = run_ingest(str(third))
    assert report.promoted == ""
    assert any("three" in note and "not the one that was written" in note for note in report.notes)
    assert states(third)["two"] == "live"
    fresh = make("one", "two", lake=str(tmp_path / "fresh"))
    run_ingest(str(fresh))
    lake = lake_of(fresh)
    damaged(lake, table_of(fresh, "one"), "other")
    change_catalog(lake, "test", lambda entries: {e["table"]: {"state": "ready", "switch": None} for e in entries})
    lake.drop(lake.name("switches"))
    report = run_ingest(str(fresh))
    assert states(fresh) == {"one": "ready", "two": "live"}
    assert "1 of its vectors" in report.notes[0]


def test_a_table_whose_vectors_were_not_looked_at_waits_for_the_next_run(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, 6)
    file, real, looks = make("one"), update.standing_of, []

    def standing(*arguments: Any) -> dict[str, Standing]:
        """At first a chunk is missing, which another run brings meanwhile."""
        looks.append(real(*arguments))
        return {t: replace(s, pending=1) for t, s in looks[0].items()} if len(looks) == 1 else looks[-1]

    monkeypatch.setattr(update, "standing_of", standing)
    assert run_ingest(str(file)).promoted == ""
    assert states(file) == {"one": "ready"}
    assert run_ingest(str(file)).promoted == table_of(file, "one")
    assert states(file) == {"one": "live"}


def test_a_damaged_line_or_other_columns_do_not_become_live(two: Path, make: Make) -> None:
    lake = lake_of(two)
    lake.update(lake.name("catalog"), "model = 'two'", {"dimension": 5})
    refused(two, "line of .* is damaged")
    lake.update(lake.name("catalog"), "model = 'two'", {"dimension": 4})
    refused(make("one", "two", metadata={"year": "integer"}), "other metadata columns")


def test_a_table_whose_model_is_not_here_does_not_become_live(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = table_of(two, "two")
    folder = load_corpus(two).models[0].model
    config = Path(folder) / "config.json"
    kept = config.read_text()
    try:
        config.write_text('{"made_for": "something else"}')
        with pytest.raises(ModelError, match="are not on this machine"):
            promote(lake_of(two), other, "test")
    finally:
        config.write_text(kept)


def test_an_evaluation_that_finds_it_worse_keeps_it_from_becoming_live(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged(monkeypatch, -0.08, -0.02)
    with pytest.raises(SwitchRefused, match=r"it is worse: nDCG@10 -0.050 \(95 %: -0.080 to -0.020\) on 300 queries"):
        make_live(two, "two")
    judged(monkeypatch, -0.03, 0.04)
    with pytest.raises(SwitchRefused, match="not shown to be worse by no more than"):
        make_live(two, "two")
    assert make_live(two, "two", force=True, reason="cheaper").changed
    last = history(lake_of(two), lake_of(two).catalog())[-1]
    assert last["why"] == "cheaper"
    assert "more queries would tell" in last["forced"]
    take_back(two)
    judged(monkeypatch, -0.005, 0.04)
    make_live(two, "two")
    assert history(lake_of(two), lake_of(two).catalog())[-1]["forced"] == ""


def test_a_table_whose_indexes_lack_does_not_become_live_and_a_run_mends_that(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, table = lake_of(two), table_of(two, "two")
    monkeypatch.setattr("tasks.lake.maintenance._INDEX_ROWS", 10)
    monkeypatch.setattr("tasks.lake.maintenance._TRAINING_VECTORS", 2)
    with pytest.raises(SwitchRefused, match="its vector index is not built"):
        make_live(two, "two")
    build_index(lake, table)
    with pytest.raises(SwitchRefused, match="it is not measured how much of the nearest its index finds"):
        make_live(two, "two")
    run_ingest(str(two))
    assert objections(lake_of(two), entry_of(lake_of(two), table) or {}, None) == []
    change_catalog(lake_of(two), "test", lambda _: {table: {"vector_index": None}})
    run_ingest(str(two))
    assert objections(lake_of(two), entry_of(lake_of(two), table) or {}, None) == []
    lake.dataset(table).drop_index(text_indexes(lake.dataset(table))["text"].name)
    with pytest.raises(SwitchRefused, match="its text index is not built"):
        make_live(two, "two")
    assert make_live(two, "two", force=True, reason="in a hurry").changed


# By itself


@pytest.mark.slow
def test_a_better_first_model_goes_live_by_itself_where_the_file_says_so(
    two: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make("two", "one", promote="automatic")
    report = run_ingest(str(other))
    assert report.promoted == ""
    assert "no evaluation compares it" in report.notes[0]
    judged(monkeypatch, -0.08, -0.02)
    assert "it is worse" in run_ingest(str(other)).notes[0]
    judged(monkeypatch, 0.01, 0.05)
    assert run_ingest(str(make("two", "one"))).promoted == ""
    report = run_ingest(str(make("two", "one", promote="automatic")))
    assert report.promoted == table_of(other, "two")
    assert not report.idle
    assert switches(other)[-1] == ("automatic", "one", "two")
    assert run_ingest(str(other)).idle
    take_back(other)
    report = run_ingest(str(other))
    assert (report.promoted, states(other)["one"]) == ("", "live")
    assert "was live before" in report.notes[0]


# Two at once, and commands that break off


@pytest.mark.slow
def test_of_two_promotions_at_once_one_wins_and_one_is_told(make: Make, tmp_path: Path) -> None:
    fill(tmp_path, 12)
    file = make("one", "two", "three=three")
    run_ingest(str(file))
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.machine.encoders import StandIn\n"
        "from tasks.models import choose\n"
        "choose.load_encoder = StandIn\n"
        "from tasks.operate import promote\n"
        "from tests.lakes import lake_of\n"
        "lake = lake_of(Path(sys.argv[1]))\n"
        "real = promote.check_rows\n"
        "def together(*arguments):\n"
        "    real(*arguments)\n"
        "    print('checked', flush=True)\n"
        "    sys.stdin.readline()\n"
        "promote.check_rows = together\n"
        "try:\n"
        "    print(promote.promote(lake, sys.argv[2], 'p-' + sys.argv[2]).live)\n"
        "except promote.SwitchRefused as error:\n"
        "    print('told', error.message)\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(file), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in ("two", "three")
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "checked\n"
    said = []
    threads = [
        threading.Thread(target=lambda process=process: said.append(process.communicate("\n")[0]))  # type: ignore[misc]
        for process in processes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told, won = sorted(said, key=lambda text: not text.startswith("told"))
    live = lake_of(file).live_table()
    assert won == f"{live}\n"
    assert "another switch came first" in told
    assert f"{live} is live, since" in told
    assert sorted(states(file).values()) == ["live", "ready", "ready"]
    assert len(switches(file)) == 2
    assert verify(lake_of(file)) == []


@pytest.mark.slow
def test_whatever_breaks_off_leaves_one_live_table_and_finishes_the_second_time(make: Make, tmp_path: Path) -> None:
    fill(tmp_path, 6)
    file = make("one", "two", "three=three")
    run_ingest(str(file))
    run_ingest(str(make("one", "two")))
    file = make("one", "two")
    steps: list[tuple[Callable[[], Any], dict[str, str]]] = [
        (lambda: make_live(file, "two"), {"one": "ready", "two": "live", "three": "frozen"}),
        (lambda: take_back(file), {"one": "live", "two": "ready", "three": "frozen"}),
        (
            lambda: retire(lake_of(file), "three", duration("7d"), "test"),
            {"one": "live", "two": "ready", "three": "frozen"},
        ),
        (lambda: _removed(file, "three"), {"one": "live", "two": "ready"}),
    ]
    for step, right in steps:
        shutil.copytree(tmp_path / "lake", tmp_path / "kept")
        at, broke_off = 0, True
        while broke_off:
            for written in (False, True):
                shutil.rmtree(tmp_path / "lake")
                shutil.copytree(tmp_path / "kept", tmp_path / "lake")
                try:
                    with Writes(at, written).watched():
                        step()
                    broke_off = False
                except Killed:
                    pass
                assert list(states(file).values()).count("live") == 1
                step()
                assert states(file) == right
                assert run_ingest(str(file)).idle
                assert verify(lake_of(file)) == []
            at += 1
        assert at > 1
        shutil.rmtree(tmp_path / "kept")
    assert switches(file) == [("first", None, "one"), ("promote", "one", "two"), ("rollback", "two", "one")]


def _removed(file: Path, model: str) -> None:
    """As the command does it, but that the second time there may be nothing left."""
    lake = lake_of(file)
    if model in states(file):
        table = retire(lake, model, timedelta(), "test")["table"]
        remove(lake, table, "test", wait=False)


# Retiring


@pytest.mark.slow
def test_a_table_is_removed_after_its_time(two: Path, make: Make) -> None:
    with pytest.raises(SwitchRefused, match="the corpus file names the model"):
        retire(lake_of(two), "two", timedelta(), "test")
    with pytest.raises(SwitchRefused, match="is live"):
        retire(lake_of(two), "one", timedelta(), "test")
    file = make("one")
    table = table_of(file, "two")
    retire(lake_of(file), "two", duration("7d"), "test")
    assert retire_due(lake_of(file), "test") == []
    report = run_ingest(str(file))
    assert any("two is removed after" in note for note in report.notes)
    retire(lake_of(file), "two", timedelta(), "test")
    assert run_ingest(str(file)).retired == [table]
    assert not lake_of(file).has(table)
    assert states(file) == {"one": "live"}
    assert run_ingest(str(file)).idle
    assert verify(lake_of(file)) == []
    with pytest.raises(ConfigurationError, match="has no table of a model 'two'; its tables: notes"):
        retire(lake_of(file), "two", timedelta(), "test")


@pytest.mark.slow
def test_what_is_to_be_removed_is_kept_where_it_is_wanted_again(two: Path, make: Make) -> None:
    file = make("one")
    run_ingest(str(file))
    retire(lake_of(file), "two", timedelta(), "test")
    make_live(file, "two")
    assert retire_due(lake_of(file), "test") == []
    take_back(file)
    retire(lake_of(file), "two", duration("1m"), "test")
    run_ingest(str(make("one", "two")))
    assert not any(row["retire_at"] for row in lake_of(file).catalog())


def test_nothing_is_rolled_back_to_what_is_gone(two: Path, make: Make) -> None:
    make_live(two, "two")
    file = make("two")
    retire(lake_of(file), "one", timedelta(), "test")
    run_ingest(str(file))
    with pytest.raises(SwitchRefused, match="was retired and is gone"):
        take_back(file)


def test_failures_of_a_removed_table_go_with_it(make: Make, tmp_path: Path) -> None:
    fill(tmp_path, 6)
    (tmp_path / "docs" / "bad.txt").write_text(f"{POISON} is here.")
    run_ingest(str(make("one", "two")))
    assert len(list_failures(lake_of(make("one")))) == 2
    retire(lake_of(make("one")), "two", timedelta(), "test")
    run_ingest(str(make("one")))
    assert len(list_failures(lake_of(make("one")))) == 1


@pytest.mark.parametrize(
    ("text", "expected"), [("30m", 1800), ("12h", 43200), ("7d", 604800), ("2 w", 1209600), ("9999w", 6047395200)]
)
def test_durations(text: str, expected: int) -> None:
    assert duration(text).total_seconds() == expected


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "7 days", "1.5h", "99999d", "999999w", "١d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is no duration"):
        duration(text)


# Names


def entries(*rows: tuple[str, str, str]) -> list[dict[str, Any]]:
    return [
        {"table": table, "model": model, "reference": f"org/{model}", "revision": table[-1], "state": state}
        for table, model, state in rows
    ]


def test_a_table_is_meant_by_any_of_its_names() -> None:
    known = entries(("n.a.1", "a", "live"), ("n.b.2", "b", "ready"))
    for name in ("n.b.2", "b", "org/b", "2"):
        assert choose(known, name, lambda _: False)["table"] == "n.b.2"


def test_a_name_that_may_mean_two_tables_is_refused() -> None:
    known = entries(("n.a.1", "a", "live"), ("n.a.2", "a", "ready"))
    with pytest.raises(ConfigurationError, match=r"may mean 2 tables: n.a.1 \(org/a, live\), n.a.2 \(org/a, ready\)"):
        choose(known, "a", lambda _: False)
    assert choose(known, "a", lambda entry: entry["table"] == "n.a.2")["table"] == "n.a.2"
    with pytest.raises(ConfigurationError, match=r"no table of a model 'x'; its tables: n\.a\.1"):
        choose(known, "x", lambda _: True)


# Searches meanwhile


@pytest.mark.slow
def test_searches_see_whole_results_of_one_table_while_the_live_one_changes(two: Path, tmp_path: Path) -> None:
    ended, wrong, seen = threading.Event(), [], set[str]()

    def search() -> None:
        lake = open_lake(two)
        while not ended.is_set():
            try:
                found = lake.search("Document 3 tells of rivers.", limit=100, by="vector")
                if len(found) != 12 or found[0].document_id != "docs:003.txt" or found[0].score < 0.999:
                    wrong.append([(p.document_id, p.score) for p in found])
                seen.add(f"{found[1].score:.4f}")  # the second nearest tells the models apart
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        make_live(two, "two")
        take_back(two)
    ended.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(seen) == 2
