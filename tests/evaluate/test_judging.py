"""Judgments are kept as they are given, and a session goes on where it was."""

from pathlib import Path

import pytest

from tasks.config.settings import Corpus
from tasks.errors import ConfigurationError
from tasks.evaluate.arms import Shown, arms_of
from tasks.evaluate.candidates import candidate_of
from tasks.evaluate.judged import read_qrels
from tasks.evaluate.judging import Judgments
from tasks.evaluate.pooling import pooled
from tasks.evaluate.requests import Request, options_of, ways_of


def shown(document: str) -> Shown:
    return Shown(document, document, "", document, 0.0)


def test_judgments_are_on_the_disk_at_once(tmp_path: Path) -> None:
    file = tmp_path / "new" / "qrels.tsv"
    judgments = Judgments(file)
    judgments.add("1", "docs:a b", 2)
    judgments.add("1", "docs:c", 0)
    assert read_qrels(file) == {"1": {"docs:a b": 2, "docs:c": 0}}
    again = Judgments(file)
    assert again.has("1", "docs:c")
    assert not again.has("2", "docs:c")
    file.write_text(file.read_text().rstrip())  # as an editor may leave it
    again.add("2", "docs:c", 1)
    assert read_qrels(file) == {"1": {"docs:a b": 2, "docs:c": 0}, "2": {"docs:c": 1}}
    with pytest.raises(ConfigurationError, match="cannot hold"):
        again.add("2", "a\tb", 1)


def test_what_holds_something_else_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Something that I wrote.\n")
    with pytest.raises(ConfigurationError, match="line 1"):
        Judgments(file)
    assert file.read_text() == "Something that I wrote.\n"
    with pytest.raises(ConfigurationError, match="cannot be written"):
        Judgments(file / "below.tsv")


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is a folder"):
        Judgments(tmp_path)
    file = tmp_path / "qrels.tsv"
    file.write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        Judgments(file)
    assert file.read_bytes() == b"\x89PNG\xff\xfe"


def test_a_pool_hides_who_found_what() -> None:
    lists = [[shown(name) for name in names] for names in ("abcde", "fbaxy", "")]
    found = pooled("q", lists, 3)
    assert sorted(one.document_id for one in found) == ["a", "b", "c", "f"]
    assert found == pooled("q", lists[::-1], 3)
    assert len({tuple(one.document_id for one in pooled(str(n), lists, 3)) for n in range(20)}) > 5


def corpus(**changes: object) -> Corpus:
    base = {"name": "notes", "lake": "lake", "sources": [{"name": "docs", "uri": "docs"}], "models": ["org/Mini"]}
    return Corpus.model_validate(base | changes)


ENTRIES = [{"table": f"notes.{name}.0", "model": name} for name in ("one", "two")]


def labels(
    corpus: Corpus, ways: str = "vector,text,hybrid", rerank: bool | None = None, words: bool = True
) -> list[str]:
    return [arm.label for arm in arms_of(corpus, ENTRIES, ways_of(ways), rerank, lambda _: words)]


def test_arms_are_tables_and_ways_the_reference_first() -> None:
    assert labels(corpus()) == ["one, hybrid", "one, vector", "one, text", "two, hybrid", "two, vector"]
    assert labels(corpus(search={"by": "text"}), "text") == ["one, text", "two, text"]
    assert labels(corpus(), "hybrid,vector", words=False) == ["one, vector", "two, vector"]
    with pytest.raises(ConfigurationError, match="no table can be searched by words"):
        labels(corpus(), "text", words=False)


def test_a_reranker_is_an_arm_of_its_own() -> None:
    reranking = corpus(search={"rerank": "org/cross"})
    assert labels(reranking, "hybrid") == [
        "one, hybrid, reranked", "one, hybrid", "two, hybrid, reranked", "two, hybrid",
    ]  # fmt: skip
    assert labels(reranking, "hybrid", False) == ["one, hybrid", "two, hybrid"]
    with pytest.raises(ConfigurationError, match="names no reranker"):
        labels(corpus(), "hybrid", True)


def test_candidates_are_a_reference_with_settings() -> None:
    cut = candidate_of(corpus(), "mini dimension=128 int8=true")
    assert (cut.model, cut.dimension, cut.int8, cut.name) == ("org/Mini", 128, True, "mini-try-dimension-128-int8-true")
    assert candidate_of(corpus(), "package:x").name == "x-try"
    passage = candidate_of(corpus(), "mini document_prompt=passage:")
    assert (passage.document_prompt, passage.name[:9], len(passage.name)) == ("passage:", "mini-try-", 21)
    titled = candidate_of(corpus(), "mini template={title}{text}")
    assert (titled.template, titled.name != passage.name) == ("{title}{text}", True)
    for told in ("mini dimension=x", "mini size=3", "", "mini dimension"):
        with pytest.raises(ConfigurationError, match="candidate"):
            candidate_of(corpus(), told)


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (Request(qrels=Path("q.tsv")), "there are none"),
        (Request(training=Path("t.tsv")), "about judged queries"),
        (Request(clean=True), "--clean leaves out"),
    ],
)
def test_options_that_do_not_go_together(request_: Request, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        options_of(request_)


def test_ways_are_told_by_name() -> None:
    assert ways_of("hybrid, vector") == ["vector", "hybrid"]
    for told in ("", "meaning"):
        with pytest.raises(ConfigurationError, match="no way of searching"):
            ways_of(told)
