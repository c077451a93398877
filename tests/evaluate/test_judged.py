"""Queries and judgments are read in every form that people have them in."""

from pathlib import Path

import pytest

from tasks.errors import ConfigurationError
from tasks.evaluate.judged import Judged, read_documents, read_ids, read_qrels, read_queries

TWO = {"1": "what limits solar cells", "q2": "GaAs"}


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, "utf-8")
    return file


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "q.jsonl",
            '{"_id": "1", "text": "what limits solar cells", "metadata": {}}\n\n{"_id": "q2", "text": "GaAs"}\n',
        ),
        ("q.jsonl", '\ufeff{"id": 1, "query": "what limits solar cells"}\n{"query_id": "q2", "question": "GaAs"}'),
        ("q.json", '[{"_id": "1", "text": "what limits solar cells"}, {"_id": "q2", "text": "GaAs"}]'),
        ("q.json", '{"1": "what limits solar cells", "q2": "GaAs"}'),
        ("q.json", '{"_id": "1", "text": "what limits solar cells"}\n{"_id": "q2", "text": "GaAs"}\n'),
        ("topics.tsv", "1\twhat limits solar cells\r\nq2\tGaAs\r\n"),
        ("topics.txt", "qid\tquery\n1\twhat limits solar cells\nq2\t GaAs \n"),
    ],
)
def test_queries_are_read(tmp_path: Path, name: str, text: str) -> None:
    assert read_queries(write(tmp_path, name, text)) == TWO


@pytest.mark.parametrize(
    "text",
    [
        "query-id\tcorpus-id\tscore\n1\tdocs:a b.txt\t2\n1\tc\t0\nq2\td\t1\n",
        "1\tdocs:a b.txt\t2\n1\tc\t0\nq2\td\t1\n",
        "1\t0\tdocs:a b.txt\t2\n1\tQ0\tc\t-1\nq2\t0\td\t1",
    ],
)
def test_judgments_are_read(tmp_path: Path, text: str) -> None:
    assert read_qrels(write(tmp_path, "q.tsv", text)) == {"1": {"docs:a b.txt": 2, "c": 0}, "q2": {"d": 1}}


@pytest.mark.parametrize("grade", ["0.5", "1.2", "-0.1", "1e-3", "inf", "nan"])
def test_grades_are_whole(tmp_path: Path, grade: str) -> None:
    with pytest.raises(ConfigurationError, match=r"line 3: the grade '.*' is not a whole number"):
        read_qrels(write(tmp_path, "q.tsv", f"query-id\tcorpus-id\tscore\n1\ta\t1.0\n1\tb\t{grade}\n"))


def test_digits_of_other_scripts_are_no_grades(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="line 1: expected an id or a judgment"):
        read_documents(write(tmp_path, "q.tsv", "1\ta\t²\n"))


def test_trec_judgments_have_spaces(tmp_path: Path) -> None:
    assert read_qrels(write(tmp_path, "qrels.txt", "301 0 FBIS3-10082 1\n301  0  FBIS3-10169  0\n")) == {
        "301": {"FBIS3-10082": 1, "FBIS3-10169": 0}
    }


@pytest.mark.parametrize(
    ("read", "text", "told"),
    [
        (read_queries, "", "no queries"),
        (read_queries, "what limits solar cells\n", "line 1: expected an id, a tab"),
        (read_queries, '{"_id": "1"}\n', "line 1: it has no id or no text"),
        (read_queries, '{"_id": "1", "text": \n', "line 1: it is not valid JSON"),
        (read_queries, "1\ta\n1\tb\n", "line 2: query '1' stands there twice"),
        (read_queries, "1\t \n", "has no text"),
        (read_qrels, "", "no judgments"),
        (read_qrels, "query-id\tcorpus-id\tscore\n", "no judgments"),
        (read_qrels, "1\ta\t1\n1\tb\tx\n", "line 2: expected a grade, found 'x'"),
        (read_qrels, "1 a\n", "line 1: expected 3 or 4 columns, found 2"),
        (read_documents, "\n", "names no document"),
        (read_ids, " \n", "names no query"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(tmp_path: Path, read: object, text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        read(write(tmp_path, "f.tsv", text))  # type: ignore[operator]


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not there"):
        read_queries(tmp_path / "nothing")
    with pytest.raises(ConfigurationError, match="is a folder"):
        read_qrels(tmp_path)
    (tmp_path / "latin").write_bytes(b"1\t\xe9")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        read_queries(tmp_path / "latin")


def test_a_training_set_is_ids_or_its_positive_judgments(tmp_path: Path) -> None:
    assert read_documents(write(tmp_path, "ids", "a\ndocs:b\n")) == {"a", "docs:b"}
    text = "query-id\tcorpus-id\tscore\n7\ta\t1\n7\tb\t0\n"
    assert read_documents(write(tmp_path, "train.tsv", text)) == {"a"}


def test_a_hash_tells_judgments_apart_whatever_their_order() -> None:
    one = Judged({"1": "a", "2": "b"}, {"1": {"x": 1}, "2": {"y": 1}})
    assert one.hash() == Judged({"2": "b", "1": "a"}, {"2": {"y": 1}, "1": {"x": 1}}).hash()
    assert one.hash() != Judged({"1": "a", "2": "b"}, {"1": {"x": 2}, "2": {"y": 1}}).hash()
