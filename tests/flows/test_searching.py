"""What `search` shows: at 80 columns, with words marked; the prompt that stays; queries of a file."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from flows.cli import passages, searching
from tasks.errors import ConfigurationError
from tasks.lake.analysis import analysis_of
from tasks.search.passage import Passage, Passages

TEXT = "Nothing at first. " * 30 + "The bridges over the river were closed.\nThen it rained." + " And so on." * 60


def _found(**changes: Any) -> Passages:
    headings, title = ["Places of the North", "Bridges and what lies below them"], "A year of walking"
    told: dict[str, Any] = {"text": TEXT, "headings": headings, "title": title, "page": 7, **changes}
    text, headings, title, page = (told[name] for name in ("text", "headings", "title", "page"))
    found = Passages([Passage(0.5, "docs:walks/2025.pdf", title, "u", headings, 12, 600, page, text, {}, "c", 1)])
    found.analysis = analysis_of("en")
    return found


def _printed(monkeypatch: pytest.MonkeyPatch, terminal: bool, found: Passages, query: str = "a bridge") -> str:
    file = io.StringIO()
    console = Console(
        file=file,
        force_terminal=terminal,
        width=80,
        height=30,
        highlight=False,
        color_system="standard" if terminal else None,
    )
    monkeypatch.setattr(passages, "out", console)
    passages.print_passages(found, query=query)
    return file.getvalue()


def test_a_result_fits_80_columns_and_marks_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    printed = _printed(monkeypatch, True, _found())
    assert "\x1b[1;33mbridges\x1b[0m" in printed
    plain = Console(width=80).render_str("").from_ansi(printed).plain
    lines = plain.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("1. docs:walks/2025.pdf  A year of walking > Places")
    assert lines[1] == "   0.500  page 7, characters 12–600"
    assert lines[2].strip().startswith("… The bridges over the river were closed.")


def test_elsewhere_nothing_is_coloured_and_the_head_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = _printed(monkeypatch, False, _found())
    assert "\x1b" not in printed
    assert "below them  0.500  page 7, characters 12–600\n" in printed
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;33m" not in _printed(monkeypatch, True, _found())


def test_a_short_passage_is_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = _printed(monkeypatch, False, _found(text="One.\n\nTwo [b].", headings=[], title=None, page=None))
    assert printed.splitlines()[1:] == ["   One.", "   Two [b]."]
    assert "…" not in printed


class _Lake:
    def search_many(self, queries: list[str], **options: Any) -> list[Passages]:
        if "bad" in queries:
            raise ConfigurationError("no such thing", "Ask otherwise.")
        return [_found() for _ in queries]


@pytest.fixture
def lake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.search.query.open_lake", lambda file: _Lake())


def test_without_a_query_it_asks_until_an_empty_line(
    lake: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("bridge\nbad\nriver\n\nnever\n"))
    searching.search(Path("notes.yaml"), None, jsonl=True)
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["query"] for line in lines if '"query"' in line] == ["bridge", "river"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("bridge\nbad\nriver"))
    searching.search(Path("notes.yaml"), None)
    printed = capsys.readouterr()
    assert printed.out.count("1. docs:walks") == 2
    assert "no such thing" in printed.err


def test_the_queries_of_a_file_are_answered_one_by_one(
    lake: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "queries.txt"
    file.write_text("a bridge\n\n  the river \n")
    searching.search(Path("notes.yaml"), None, queries=file, jsonl=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["query"], line["rank"]) for line in lines] == [("a bridge", 1), ("the river", 1)]
    searching.search(Path("notes.yaml"), None, queries=file, json=True)
    assert [answer["query"] for answer in json.loads(capsys.readouterr().out)] == ["a bridge", "the river"]
    searching.search(Path("notes.yaml"), None, queries=file)
    assert "the river ──" in capsys.readouterr().out
    with pytest.raises(ConfigurationError, match="cannot be read"):
        searching.search(Path("notes.yaml"), None, queries=tmp_path / "none")
    with pytest.raises(ConfigurationError, match="a query and a file"):
        searching.search(Path("notes.yaml"), "x", queries=file)


def test_a_boost_is_a_field_and_numbers() -> None:
    assert searching._boost("year:0.2") == {"field": "year", "weight": 0.2}
    assert searching._boost("day:1:365") == {"field": "day", "weight": 1.0, "half_life": 365.0}
    assert searching._boost("year") == {"field": "year"}
    with pytest.raises(ConfigurationError, match="no boost"):
        searching._boost("year:much")


def test_what_is_longer_than_the_screen_goes_through_the_pager(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=5)
    paged: list[str] = []
    monkeypatch.setattr(passages, "out", console)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("pydoc.pager", paged.append)
    monkeypatch.setenv("LESS", "-R")
    for lines in (3, 9):
        with passages.paged():
            console.print("line\n" * lines)
    assert [text.count("line") for text in paged] == [9]
