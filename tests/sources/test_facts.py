"""What a file's place says of it: parts of its path, its folder, and a file beside it."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config.settings import Corpus
from tasks.config.sources import Source
from tasks.sources.facts import facts_of, path_pattern, told_by_path
from tasks.sources.listing import File, list_files
from tasks.sources.sidecars import sidecars_of


def file_at(key: str) -> File:
    return File(f"s:{key}", "s", f"/x/{key}", "", "", 7, "text")


@pytest.mark.parametrize(
    ("pattern", "key", "told"),
    [
        ("{team}/{year}/*", "sales/2024/plan.md", {"team": "sales", "year": "2024"}),
        ("{team}/{year}/*", "sales/2024/deeper/plan.md", {}),
        ("{team}/**", "sales/2024/deeper/plan.md", {"team": "sales"}),
        ("**/{year}-{slug}.md", "blog/posts/2024-a-tide.md", {"year": "2024", "slug": "a-tide"}),
        ("**/{year}-{slug}.md", "2024-a-tide.md", {"year": "2024", "slug": "a-tide"}),
        ("{name}.{kind}", "a.b.txt", {"name": "a", "kind": "b.txt"}),
        ("a+b/{name}", "a+b/c", {"name": "c"}),
        (None, "year=2024/month=01/p.parquet", {"year": "2024", "month": "01"}),
        (None, "city=S%C3%A3o%20Paulo/p=__HIVE_DEFAULT_PARTITION__/a=b=c/x=y.txt",
         {"city": "São Paulo", "p": None, "a": "b=c"}),
        ("{year}/*", "year=2024/a.txt", {"year": "year=2024"}),
        (None, "notes/a.txt", {}),
    ],
)  # fmt: skip
def test_parts_of_a_path_are_metadata(pattern: str | None, key: str, told: dict[str, Any]) -> None:
    assert told_by_path(file_at(key), pattern) == told


@given(st.lists(st.text(st.characters(exclude_characters="/\n{}*"), min_size=1), min_size=2, max_size=5))
def test_a_pattern_takes_a_path_apart_as_it_was_put_together(parts: list[str]) -> None:
    pattern = "/".join(f"{{part{i}}}" for i in range(len(parts)))
    match = path_pattern(pattern).fullmatch("/".join(parts))
    assert match
    assert list(match.groupdict().values()) == parts


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"path": "{team}/{yaer}/*"}, "names 'yaer', which `metadata` does not declare"),
        ({"path": "*/x"}, "names in braces"),
        ({"path": "{team}/{team}"}, "once"),
        ({"sidecar": ".json"}, "expected {name} or {stem}"),
        ({"sidecar": "{name}.json", "uri": "docs/*.pdf"}, "the uri is a folder"),
    ],
)
def test_a_wrong_pattern_is_told_with_the_corpus_file(source: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Corpus.model_validate(
            {"name": "c", "sources": [{"name": "s", "uri": "docs", **source}], "models": ["m/m"]}
            | {"metadata": {"team": "string", "year": "integer"}}
        )


def test_time_size_and_folder_are_known_of_every_file(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c.txt").write_text("words")
    os.utime(tmp_path / "a" / "b" / "c.txt", (0, 1_700_000_000.5))
    [file] = list_files([Source.model_validate({"name": "s", "uri": str(tmp_path)})]).files
    modified = datetime(2023, 11, 14, 22, 13, 20, 500_000, UTC)
    assert facts_of(file) == {"modified": modified, "size": 5, "folder": "a/b"}


def test_marks_of_spark_and_hive_are_skipped(tmp_path: Path) -> None:
    for name in ("_SUCCESS", "_metadata", "_common_metadata", "part-0.crc", "year=2024/part-0.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    listing = list_files([Source.model_validate({"name": "s", "uri": str(tmp_path)})])
    assert [file.key for file in listing.files] == ["year=2024/part-0.txt"]
    assert listing.skipped == {"marks of Spark and Hive": 4}


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("{name}.json", {"a.pdf": "a.pdf.json", "d/b.txt": "d/b.txt.json"}),
        ("{stem}.json", {"a.pdf": "a.json", "a.txt": "a.json"}),
        ("{stem}.info.json", {}),
    ],
)
def test_a_sidecar_is_told_by_its_name(template: str, found: dict[str, str]) -> None:
    keys = ["a.pdf", "a.txt", "a.pdf.json", "a.json", "d/b.txt", "d/b.txt.json", "c.txt"]
    assert {k: v for k, v in sidecars_of(keys, template).items() if k in found} == found


def test_sidecars_are_no_documents_and_part_of_the_version(tmp_path: Path) -> None:
    for name in ("a.pdf", "a.pdf.json", "b.pdf", "other.json", "c.txt"):
        (tmp_path / name).write_text("{}")
    source = Source.model_validate({"name": "s", "uri": str(tmp_path), "include": ["*.pdf"], "sidecar": "{name}.json"})
    first, second = list_files([source]).files
    assert (first.key, second.key, second.sidecar) == ("a.pdf", "b.pdf", "")
    assert first.sidecar == str(tmp_path / "a.pdf.json")
    (tmp_path / "a.pdf.json").write_text('{"year": 2024}')
    assert list_files([source]).files[0].tag != first.tag
