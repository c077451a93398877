"""Structure: what belongs together stays together, and every piece says where it stands."""

import time
from itertools import pairwise

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.chunk import markdown, plain, restructured
from tasks.chunk.language import language_of
from tasks.chunk.syntax import outline, parser_for
from tasks.chunk.title import title_of
from tests.chunk.test_chunking import WORDS, chunked, texts_of

SENTENCE = st.lists(st.sampled_from(WORDS), min_size=3, max_size=12).map(" ".join)
LONG = " ".join(f"Word number {i} of it." for i in range(40))


def paths_of(text: str, kind: str) -> list[tuple[str, ...]]:
    outlined = {"markdown": markdown.outline, "rst": restructured.outline, "text": plain.outline}[kind](text)
    return [section.headings for section in outlined.sections] if outlined else []


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("# <a id='top'></a>The log", "The log"),
        ("# Using `tide` and [links](http://a.b/) *now*", "Using tide and links now"),
        (
            "# impl<T> for Vec<T>: __main__ and f(*args, **kwargs)",
            "impl<T> for Vec<T>: __main__ and f(*args, **kwargs)",
        ),
        ("Two\nlines\n---", "Two lines"),
        ("# ![logo](x.png) Name", "logo Name"),
        ("# A \\* B &amp; C", "A * B & C"),
        ('<h1 align="center">The <b>name</b></h1>', "The name"),
    ],
)
def test_heading_paths_are_readable(line: str, heading: str) -> None:
    assert paths_of(f"{line}\n\nText.", "markdown") == [(heading,)]


def test_titles_are_headings_and_no_comments() -> None:
    assert title_of("```\n# a comment\n```\n\n# The `title`\n", "markdown") == "The title"
    assert title_of("```\n# a comment\n```\n", "markdown") is None
    assert title_of("Name\n====\n", "markdown") == "Name"
    assert title_of("<h1>Name</h1>\n\ntext", "markdown") == "Name"


def test_pieces_of_a_table_begin_with_rows_and_know_its_columns() -> None:
    rows = [f"| Harbour {i} | {i} m. Calm. | south |" for i in range(30)]
    text = "# Tides\n\n" + "\n".join(["| Place | Height | Wind |", "|---|---|---|", *rows]) + "\n\nEnd."
    chunks = chunked(text, "markdown", size=64)
    assert len(chunks) > 4
    assert all(piece.startswith(("# ", "| Harbour", "End.")) for piece in texts_of(text, chunks))
    assert "| Harbour 0 " in texts_of(text, chunks)[0]
    assert {c.headings for c in chunks[1:-1]} == {("Tides", "columns: Place | Height | Wind")}


def test_lists_and_code_stay_whole_where_they_fit() -> None:
    code = "```\n# not a heading\nx = 1\n\ny = 2\n```"
    text = "\n\n".join(["# A", LONG, code, LONG, "- one. Two.\n- three. Four.\n- five", LONG])
    pieces = texts_of(text, chunked(text, "markdown", size=64))
    assert any(code in piece for piece in pieces)
    assert any("- one. Two.\n- three. Four.\n- five" in piece for piece in pieces)


def test_a_long_list_is_cut_between_items() -> None:
    text = "\n".join(f"- item {i} is here. It says so." for i in range(40))
    assert all(piece.startswith("- item") for piece in texts_of(text, chunked(text, "markdown", size=64)))


def test_terms_stay_with_their_definitions() -> None:
    text = "\n\n".join(f"term {i}\n: The meaning of it, which is long enough for {i}." for i in range(40))
    assert all(piece.startswith("term") for piece in texts_of(text, chunked(text, "markdown", size=64)))
    manual = "\n\n".join(f"term {i}\n   The meaning of it. It is long enough for {i}." for i in range(40))
    assert all(piece.startswith("term") for piece in texts_of(manual, chunked(manual, "rst", size=64)))


def test_directives_stay_with_their_text_and_name_it() -> None:
    def method(i: int) -> str:
        return f".. method:: get{i}(key)\n            take{i}(key)\n\n   Gives what lies there. Raises KeyError."

    text = "Store\n=====\n\n" + "\n\n".join(method(i) for i in range(12))
    pieces = texts_of(text, chunked(text, "rst", size=64))
    assert all(piece.count(".. method::") == piece.count("Raises KeyError.") for piece in pieces)
    long = f"Store\n=====\n\n.. option:: --depth <n>\n\n   {LONG}\n\nAfter it all.\n"
    assert ("Store", "--depth <n>") in {chunk.headings for chunk in chunked(long, "rst", size=64)}
    assert chunked(long, "rst", size=64)[-1].headings in {("Store",), ("Store", "--depth <n>")}


def test_literal_blocks_stay_whole_where_they_fit() -> None:
    block = "    first = 1\n\n    second = 2\n\n    third = 3"
    text = f"T\n=\n\n{LONG}\n\nSo it is::\n\n{block}\n\n{LONG}\n"
    assert any(block in piece for piece in texts_of(text, chunked(text, "rst", size=40)))


def test_plain_text_has_underlined_and_numbered_titles() -> None:
    text = "The lamp\n========\n\nIt burns.\n\nOil\n---\n\nBuy it.\n"
    assert paths_of(text, "text") == [("The lamp",), ("The lamp", "Oil")]
    text = "Preface.\n\n1 Lamp\n\nIt burns.\n\n1.1 Oil\n\nBuy it.\n\n2. Bell\n\nIt rings.\n"
    assert paths_of(text, "text") == [(), ("1 Lamp",), ("1 Lamp", "1.1 Oil"), ("2. Bell",)]
    assert paths_of("1. First thing\n\n2. Second thing\n\n3. Third thing\n", "text") == []
    assert paths_of("It is so.\n\nAnd so.\n", "text") == []


@pytest.mark.parametrize(
    "begin",
    ["2024-03-01 10:{0:02}:00 WARN", "[2024/03/01 10:{0:02}:00]", "Mar  1 10:{0:02}:00 host", "ERROR [{0}]",
     "[  {0}.123]", "1.2.3.4 - - [01/Mar/2024:10:{0:02}:00 +0000]", "01.03.2024 10:{0:02}", "10:{0:02}:00"],
)  # fmt: skip
def test_logs_are_cut_between_entries(begin: str) -> None:
    entry = begin + " Pump no. {0} failed. Retry! Ok? See v1.{0}. Done\n    at step 1. Then at step 2."
    text = "\n".join(entry.format(i) for i in range(30))
    pieces = texts_of(text, chunked(text, size=120))
    assert len(pieces) > 4
    assert all(piece.startswith(begin.format(0)[:2]) or piece[0] == begin[0] for piece in pieces)
    assert all(piece.endswith("Then at step 2.") for piece in pieces)


def test_sentences_end_by_the_rules_of_their_language() -> None:
    german = "Der Wärter kam am 3. Oktober an und blieb bis z. B. zum 5. Mai auf der Insel im Meer. " * 6
    assert all(piece.startswith("Der Wärter") for piece in texts_of(german, chunked(german, size=64)))
    assert [language_of(text) for text in ("The top of the hill and the sea.", german, "守灯人每天记录两次潮汐。")] == [
        "en",
        "de",
        "zh",
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["👩‍👩‍👧‍👦", "e\u0301\u0323", "🇩🇪", "क्षि", "각", "x ", "漢", "👍🏽"]),
        min_size=30,
        max_size=120,
    )
)
def test_no_character_as_readers_see_it_is_cut(parts: list[str]) -> None:
    text = "".join(parts).strip()
    begins = {match.start() for match in regex.finditer(r"\X", text)}
    assert all(chunk.start in begins for chunk in chunked(text))


BLOCK = st.one_of(
    SENTENCE, SENTENCE.map(lambda s: f"- {s}\n- {s}"), SENTENCE.map(lambda s: f"```\n{s}\n\n{s}\n```"),
    SENTENCE.map(lambda s: f"{s[:20]}\n: {s}"), st.just("| a | b |\n|---|---|\n| c | d |"),
    st.sampled_from(["# One", "## Two", "### Three", "Four\n====", "#"]),
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(BLOCK, min_size=1, max_size=20).map("\n\n".join))
def test_no_piece_ends_with_a_heading_or_term_before_its_text(text: str) -> None:
    chunks = chunked(text, "markdown", size=48)
    headings = {"# One", "## Two", "### Three", "===="}
    for piece, after in pairwise(texts_of(text, chunks)):
        assert piece.split("\n")[-1] not in headings or after.split("\n")[0] in {*headings, "Four", "#"}
        assert not after.startswith(": ")


INDENTED = "\n\n".join(
    [
        "Options",
        *(
            f"--level{i} N\n    Sets the level of it. It is {i} by default.\n\n    Since version {i}."
            for i in range(12)
        ),
        "Text after it.",
    ]
)


def test_plain_text_is_cut_by_its_indentation() -> None:
    pieces = texts_of(INDENTED, chunked(INDENTED, size=48))
    assert len(pieces) > 4
    assert all(piece.count("--level") == piece.count("Since version") for piece in pieces)
    novel = "   It rained on the hills. ".join(["Chapter one was long.\nIt went on.\nAnd on.\n"] * 30)
    assert all(len(piece.split("\n")) > 1 for piece in texts_of(novel, chunked(novel, size=48)))


@pytest.mark.parametrize("mark", ["----", "------", "```"])
def test_listings_in_plain_text_stay_whole_where_they_fit(mark: str) -> None:
    listing = f"{mark}\n$ make one\n\n$ make two. Then more\n\n$ make three\n{mark}"
    text = f"Title\n=====\n\n{LONG}\n\nSo it is:\n\n{listing}\n\n{LONG}\n\nMore\n====\n\nEnd.\n"
    assert any(listing in piece for piece in texts_of(text, chunked(text, size=40)))
    assert paths_of(text, "text") == [("Title",), ("More",)]


def test_a_listing_ends_with_as_many_marks_as_it_begins_with() -> None:
    assert [match[0] for match in plain._LISTING.finditer("\n\n------\nx\n----\n")] == []
    rules = "\n\n" + "-" * 20_000 + "\n" + "x\n" * 300  # minutes, if fewer dashes were tried
    assert plain._LISTING.search(rules) is None


def test_plain_text_with_directives_is_restructured() -> None:
    text = "Store\n*****\n\n.. function:: put(x)\n\n   Puts it.\n\n.. function:: get(x)\n\n   Gets it.\n"
    assert plain.outline(text) == restructured.outline(text)
    assert plain.outline("One line.\n\nAnother .. it says.\n") is None


@pytest.mark.parametrize(
    "program",
    [
        "x = 1\n" + "=" * 400_000,
        "x = 1\n" + "(" * 200_000,
        "def f():\n" + "    # words of what is no more\n" * 15_000 + "    return 1\n",
    ],
)
def test_programs_that_are_none_are_read_in_time_by_their_length(program: str) -> None:
    parser = parser_for("python")
    assert parser
    clock = time.process_time()
    cuts = outline(program, parser, lambda start, end: end - start > 100).cuts
    assert time.process_time() - clock < 4
    assert cuts[0][0] == 0


def test_the_first_of_many_comments_offers_the_cut_of_them_all() -> None:
    parser = parser_for("python")
    assert parser
    before, after = "def f():\n    return 1\n\n\n", "def g():\n    return 2\n"
    many, few = (
        outline(f"{before}# a line of words\n{comments}{after}", parser, lambda start, end: True)
        for comments in ("# a line of words\n" * 2_000, "")
    )
    assert many.cuts[0] == few.cuts[0]
    assert [definition.name for definition in many.definitions] == ["f", "g"]
