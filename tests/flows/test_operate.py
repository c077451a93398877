"""What a person sees and does between runs: other corpora in the lake, what was kept or refused, old versions."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.ingest import ingest
from tasks.config.loading import load_corpus
from tasks.errors import LakeError, LeaseHeld
from tasks.lake import neighbours
from tasks.lake import versions as tidy
from tasks.lake.lease import writing
from tasks.lake.tables import Lake
from tasks.operate.report import as_markdown, report_rows
from tasks.progress import RunReport
from tests.lakes import check_whole, lake_of
from tests.machine.engine import quick, run_ingest

pytestmark = pytest.mark.slow

Make = Callable[..., Path]
Cli = Callable[..., Any]


@pytest.fixture
def renamed(make_corpus: Make, tmp_path: Path, cli: Cli) -> Path:
    """A corpus file that had another name when it was run."""
    old = make_corpus("old")
    (tmp_path / "docs" / "a.md").write_text("# Birds\n\nThe heron stands in the water.\n")
    (tmp_path / "docs" / "b.md").write_text("# Stones\n\nGranite is hard.\n")
    assert cli("run", old)[0] == 0
    return make_corpus("new")


def tables(tmp_path: Path, corpus: str) -> list[str]:
    return sorted(path.stem for path in (tmp_path / "lake").glob(f"{corpus}.*.lance"))


def test_what_a_renamed_corpus_left_is_told_and_can_be_dropped(renamed: Path, tmp_path: Path, cli: Cli) -> None:
    left = tables(tmp_path, "old")
    told = f"old ({len(left)} tables); to remove it: embedlake drop CORPUS.yaml old"
    code, _, error = cli("status", renamed)
    assert (code, "holds nothing of the corpus 'new' yet; it holds old" in error) == (5, True)
    assert told in " ".join(cli("plan", renamed)[1].split())
    assert json.loads(cli("plan", renamed, "--json")[1])["others"] == {"old": len(left)}
    report = ingest(str(renamed))
    assert ("this lake also holds", told) in report_rows(report)
    assert told in as_markdown(report)
    assert report.to_dict()["others"] == {"old": len(left)}
    (tmp_path / "docs" / "c.md").write_text("Something else.")
    assert "also holds" not in cli("run", renamed)[1]
    [other] = json.loads(cli("status", renamed, "--json")[1])["others"]
    assert (other["name"], other["tables"], other["documents"]) == ("old", left, 2)
    assert other["bytes"] > 10_000
    shown = cli("status", renamed)[1]
    assert "other corpora in this lake" in shown
    assert "embedlake drop CORPUS.yaml NAME" in shown

    code, out, _ = cli("drop", renamed, "old", "--yes", "--json")
    assert (code, json.loads(out)["tables"], json.loads(out)["documents"]) == (0, left, 2)
    assert tables(tmp_path, "old") == []
    assert json.loads(cli("status", renamed, "--json")[1])["others"] == []
    check_whole(renamed)


def test_drop_asks_and_says_what_there_is(
    renamed: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, error = cli("drop", renamed, "old")
    assert (code, "--yes" in error, len(tables(tmp_path, "old")) > 5) == (2, True, True)
    code, _, error = cli("drop", renamed, "elder", "--yes")
    assert (code, "no table of a corpus 'elder'" in error, "old (" in error) == (2, True, True)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    for answer, ended in ((False, 130), (True, 0)):
        monkeypatch.setattr("typer.confirm", lambda *_, answer=answer, **__: answer)
        code, _, error = cli("drop", renamed, "old")
        assert (code, "2 documents" in error, tables(tmp_path, "old") == []) == (ended, True, answer)


def test_what_a_run_writes_is_not_dropped(renamed: Path, tmp_path: Path, cli: Cli) -> None:
    lake = lake_of(tmp_path / "old.yaml")
    for scope in ("documents", lake.catalog()[0]["table"], "old.other.0123456789ab"):
        with writing(lake, [scope], "a-run", wait=False):
            code, _, error = cli("drop", renamed, "old", "--yes")
            assert (code, "run a-run" in error) == (7, True)
            with pytest.raises(LeaseHeld):
                neighbours.drop(load_corpus(renamed), "old", "other", wait=False)
    assert lake.count("old.documents") == 2


def test_a_drop_that_was_broken_off_is_finished_by_the_next(
    renamed: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("run", renamed)[0] == 0
    whole, corpus, real = tmp_path / "whole", load_corpus(renamed), Lake.drop
    shutil.copytree(tmp_path / "lake", whole)
    count = len(tables(tmp_path, "old"))
    for steps in range(count):
        for torn in (False, True):  # the table that it was at is there, or a part of it is
            shutil.rmtree(tmp_path / "lake")
            shutil.copytree(whole, tmp_path / "lake")
            dropped: list[str] = []

            def drop(lake: Lake, table: str, dropped: list[str] = dropped, n: int = steps, torn: bool = torn) -> None:
                if len(dropped) == n:
                    if torn:
                        shutil.rmtree(tmp_path / "lake" / f"{table}.lance" / "_versions")
                    raise KeyboardInterrupt
                dropped.append(table)
                real(lake, table)

            monkeypatch.setattr(Lake, "drop", drop)
            with pytest.raises(KeyboardInterrupt):
                neighbours.drop(corpus, "old", "first", wait=False)
            monkeypatch.setattr(Lake, "drop", real)
            [other] = json.loads(cli("status", renamed, "--json")[1])["others"]
            assert len(other["tables"]) == count - steps
            if steps:
                with pytest.raises(LakeError, match=r"holds nothing of the corpus|cannot be opened"):
                    lake_of(tmp_path / "old.yaml")
            assert cli("drop", renamed, "old", "--yes")[0] == 0
            assert tables(tmp_path, "old") == []
    check_whole(renamed)


def test_refused_chunks_are_told_of_everywhere(make_corpus: Make, tmp_path: Path, tiny_model: Path, cli: Cli) -> None:
    models = [{"model": str(tiny_model), "name": "tiny", "max_tokens": 16}]
    corpus_file = make_corpus(models=models, overlong="refuse")
    for i in range(60):
        words = " ".join(f"river{n} flows" for n in range(40 if i % 4 == 0 else 1))
        (tmp_path / "docs" / f"{i}.txt").write_text(f"Document {i}: {words}.")
    plan = json.loads(cli("plan", corpus_file, "--json")[1])
    assert (plan["models"][0]["refused"], plan["models"][0]["overlong"]) == (15, None)
    assert "would be refused" in cli("plan", corpus_file)[1]
    code, out, _ = cli("run", corpus_file)
    assert (code, "15 chunks, longer than the model reads" in out, "failed" in out) == (3, True, True)
    status = json.loads(cli("status", corpus_file, "--json")[1])
    [model] = status["models"]
    figures = {name: model[name] for name in ("state", "rows", "pending", "failed", "overlong")}
    assert figures == {"state": "live", "rows": 45, "pending": 0, "failed": 15, "overlong": 0}
    assert cli("run", corpus_file)[0] == 0  # nothing was set aside in this one
    assert "Nothing to do" in cli("plan", corpus_file)[1]

    make_corpus(models=models, overlong="count")
    assert "longer than the model reads" in cli("plan", corpus_file)[1]
    code, out, _ = cli("run", corpus_file)
    assert (code, "15 chunks: it read their beginning" in out) == (0, True)
    [model] = json.loads(cli("status", corpus_file, "--json")[1])["models"]
    figures = {name: model[name] for name in ("state", "rows", "pending", "failed", "overlong")}
    assert figures == {"state": "live", "rows": 60, "pending": 0, "failed": 0, "overlong": 15}
    shown = cli("status", corpus_file)[1]
    assert all(word in shown for word in ("pending", "failed", "overlong"))

    make_corpus(models=models, overlong="refuse")
    assert json.loads(cli("plan", corpus_file, "--json")[1])["models"][0]["refused"] == 15
    code, out, _ = cli("run", corpus_file, "--json")
    report = json.loads(out)
    assert (code, report["failed"], report["models"][0]["refused"], report["models"][0]["removed"]) == (3, 15, 15, 15)


def test_what_is_kept_is_named_and_duplicates_are_counted(make_corpus: Make, tmp_path: Path, cli: Cli) -> None:
    corpus_file = make_corpus()
    for name in ("a", "b", "c"):
        (tmp_path / "docs" / f"{name}.md").write_text("# Birds\n\nThe heron stands in the water.\n")
    code, out, _ = cli("run", corpus_file)
    assert (code, "live from now on" in out) == (0, True)
    (tmp_path / "docs" / "a.md").write_text("")
    report = ingest(str(corpus_file))
    assert (report.documents.kept, report.documents.kept_first) == (1, ["docs:a.md"])
    assert ("kept as they were, cannot be read", "1: docs:a.md") in report_rows(report)
    assert "| kept as they were, cannot be read | 1: docs:a.md |" in as_markdown(report)
    status = json.loads(cli("status", corpus_file, "--json")[1])
    assert (status["documents"], status["duplicates"]) == ({"active": 2, "stale": 1}, 2)
    shown = " ".join(cli("status", corpus_file)[1].split())
    assert "2 active, 1 stale (kept as they were, cannot be read now)" in shown
    assert "2 say what another one says" in shown


def test_a_plan_ends_with_what_the_run_would_end_with(make_corpus: Make, tmp_path: Path, cli: Cli) -> None:
    corpus_file = make_corpus()
    (tmp_path / "docs" / "a.txt").write_text("Words.")
    assert cli("run", corpus_file)[0] == 0
    assert cli("plan", corpus_file)[0] == 0
    (tmp_path / "docs" / "a.txt").unlink()
    planned, run = cli("plan", corpus_file), cli("run", corpus_file)
    assert planned[0] == run[0] == 4
    assert "lists 0 files; the lake knows 1" in " ".join(planned[1].split())
    assert "lists 0 files; the lake knows 1" in " ".join(run[2].split())


def test_a_name_cannot_break_the_markdown_table() -> None:
    report = RunReport("c", "ingest", "1")
    report.documents.keep(["s:a|b\nc"])
    assert "| kept as they were, cannot be read | 1: s:a\\|b c |" in as_markdown(report)


def test_old_versions_go_however_many_runs_there_are(
    make_corpus: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidy, "_KEPT", 4)
    monkeypatch.setattr(tidy, "_EVERY", 4)
    corpus_file = make_corpus()
    file = tmp_path / "docs" / "a.txt"

    def run(i: int) -> None:
        file.write_text("" if i % 2 else f"Time {i}.")
        with quick():
            run_ingest(str(corpus_file))

    for i in range(14):
        run(i)
    lake = lake_of(corpus_file)
    for kind in ("failures", "runs"):
        assert lake.version(lake.name(kind)) > 12
        assert len(list((tmp_path / "lake" / f"notes.{kind}.lance" / "_versions").iterdir())) <= 9, kind
    assert lake.count("notes.runs") == 14

    def broken(*_: object) -> None:
        raise OSError("no such bucket")

    monkeypatch.setattr(tidy, "forget", broken)
    for i in range(5):
        run(i)
    assert lake_of(corpus_file).count("notes.runs") == 19
