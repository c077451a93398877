"""Text from bytes, its one normalisation, hashes, and what files claim to be."""

import io
import re
import time
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BrokenDocument
from tasks.extract.read import extract
from tasks.hashing import chunk_ids
from tasks.sources.formats import format_of, language_of, other_medium, signature_of, split_compression
from tasks.text.normalise import _MAY_COMPOSE, normalise
from tests.samples import docx


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=300), st.booleans())
def test_normalising_twice_is_normalising_once(text: str, code: bool) -> None:
    once = normalise(text, code)
    assert normalise(once, code) == once
    once.encode()  # no lone surrogate is left


def test_only_characters_that_compose_with_nothing_are_not_looked_at_for_composition() -> None:
    every = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    pairs = [
        found.split() for found in map(unicodedata.decomposition, every) if found.count(" ") == 1 and "<" not in found
    ]
    seconds = {chr(int(second, 16)) for _, second in pairs}
    plain = [character for character in every if not _MAY_COMPOSE.match(character)]
    assert seconds.isdisjoint(plain)
    assert not any(map(unicodedata.combining, plain))
    assert unicodedata.is_normalized("NFC", "".join(plain))


@given(
    st.lists(st.sampled_from(["a", "e\u0301", "\u0301", "\u2000", "\ufeff", "\u2260", "가", "\u212b", "α"])).map(
        "".join
    )
)
def test_text_is_composed(text: str) -> None:
    assert unicodedata.is_normalized("NFC", normalise(text))


def test_texts_that_differ_in_white_space_and_composition_are_equal() -> None:
    assert normalise("Caf\u00e9  au\xa0lait \r\n\r\n\r\n\r\n\r\nEnd\n") == normalise("\nCafe\u0301 au lait\n\n\nEnd")


def test_code_keeps_its_spaces() -> None:
    assert normalise("a  =  1\r\n", code=True) == "a  =  1"


def test_tabs_keep_columns_apart_and_empty_ones_too() -> None:
    assert normalise("station\theight \t note\nNorth\t\tdry\nSouth\t3\t\n") == (
        "station\theight\tnote\nNorth\t\tdry\nSouth\t3"
    )
    assert normalise("- \ta  b") == "-\ta b"


@given(
    st.lists(st.sampled_from(["a", " ", "  ", "\t", "\xa0", "\n", "```\n", "    "]), max_size=20).map("".join),
    st.booleans(),
)
def test_white_space_is_what_its_definition_by_lines_says(text: str, code: bool) -> None:
    def tidied(line: str) -> str:
        line = line.rstrip()
        indent = line[: len(line) - len(line.lstrip())]
        runs = re.split(r"(\s+)", line.lstrip())
        return indent + "".join("\t" * run.count("\t") or " " if run.isspace() else run for run in runs)

    lines = [line.rstrip() if code else tidied(line) for line in text.split("\n")]
    assert normalise(text, code) == re.sub("\n{4,}", "\n\n\n", "\n".join(lines)).strip("\n")


@pytest.mark.parametrize("line", ["a  b{} \n", "a{}b  c \n", "{}a  b \n"])
@pytest.mark.parametrize("space", ["\t", " ", "\xa0", " \t"])
@pytest.mark.parametrize("code", [False, True])
def test_long_white_space_costs_time_by_its_length(line: str, space: str, code: bool) -> None:
    clock = time.monotonic()
    normalise(line.format(space * 20_000) * 10, code)
    assert time.monotonic() - clock < 1


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\f", "\n\f\n"])
def test_what_separates_paragraphs_still_does(mark: str) -> None:
    assert normalise(f"First.{mark}Second.").split("\n\n", 1) in (["First.", "Second."], ["First.", "\nSecond."])


@given(st.lists(st.sampled_from(["aa", "bb", "cc"]), max_size=12))
def test_chunk_ids_are_distinct_and_do_not_depend_on_position(hashes: list[str]) -> None:
    ids = chunk_ids("doc", hashes)
    assert len(set(ids)) == len(ids)
    assert set(ids) <= set(chunk_ids("doc", ["new", *hashes]))


def test_names_tell_formats() -> None:
    assert format_of("a/b.md.gz") == "markdown"
    assert format_of("README") == "text"
    assert [format_of(name) for name in ("a.rst.txt", "a.md.txt.gz", "a.py.txt", "rst.txt")] == [
        "rst", "markdown", "text", "text"
    ]  # fmt: skip
    assert format_of("x.unknown") is None
    assert language_of("x.py") == "python"
    assert split_compression("data.jsonl.zst") == ("data.jsonl", "zstd")
    assert other_medium("photo.png") == "image/png"
    assert other_medium("notes.md") is None
    assert signature_of(b"%PDF-1.7") == "pdf"


@pytest.mark.parametrize(
    "entity",
    [
        '<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">',  # grows
        '<!ENTITY b SYSTEM "file:///etc/hostname">',  # reads a file
    ],
)
def test_entities_in_a_word_file_are_refused(entity: str) -> None:
    attacked = rewritten(docx("MARK"), "word/document.xml", lambda xml: f"<!DOCTYPE x [{entity}]>{xml}")
    attacked = rewritten(attacked, "word/document.xml", lambda xml: xml.replace("MARK", "&b;"))
    with pytest.raises(BrokenDocument, match=r"not a readable \.docx file"):
        extract(attacked, "attack.docx", "auto", 2**20)


def test_names_in_an_archive_lead_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    attacked = rewritten(docx("A letter."), "../outside.txt", str)
    assert extract(attacked, "attack.docx", "auto", 2**20).text == "A letter."
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "inner"]


def rewritten(data: bytes, name: str, change: Callable[[str], str]) -> bytes:
    """A zip archive with one entry changed, or added."""
    source = zipfile.ZipFile(io.BytesIO(data))
    parts = {entry: source.read(entry).decode() for entry in source.namelist()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for entry, content in (parts | {name: change(parts.get(name, ""))}).items():
            archive.writestr(entry, content)
    return buffer.getvalue()


MARKDOWN = "Two  words\n\n```py\nx  = 1\n```\n\n    y  = 2\n\nMore  words\n~~~\na  b\n```\nc  d"


def test_code_in_markdown_keeps_its_spaces() -> None:
    assert normalise(MARKDOWN, markdown=True) == MARKDOWN.replace("Two  ", "Two ").replace("More  ", "More ")
    assert "x = 1" in normalise(MARKDOWN)


@given(st.lists(st.sampled_from(["```\n", "~~~\n", "a  b\n", "    c  d\n", "\n", "```` \n", "`` e  f\n"])).map("".join))
def test_markdown_is_normalised_once_and_for_all_and_loses_only_spaces(text: str) -> None:
    found = normalise(text, markdown=True)
    assert normalise(found, markdown=True) == found
    assert found.replace(" ", "") == normalise(text).replace(" ", "")
