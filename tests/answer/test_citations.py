"""Citations are found and checked, in whatever pieces an answer comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.answer.citations import CitationCheck


def checked(pieces: list[str], count: int = 3) -> tuple[str, list[int], list[str]]:
    check = CitationCheck(count)
    text = "".join(map(check.feed, pieces)) + check.finish()
    return text, check.cited, check.unknown


@pytest.mark.parametrize(
    ("text", "marked", "cited", "unknown"),
    [
        ("a [1].", "a [1].", [1], []),
        ("a[2][1] [2]", "a[2][1] [2]", [2, 1], []),
        ("[1, 3]", "[1, 3]", [1, 3], []),
        ("[1;2]", "[1;2]", [1, 2], []),
        ("[1-3]", "[1-3]", [1, 2, 3], []),
        ("[1–4]", "[1–4?]", [1, 2, 3], ["1–4"]),
        ("[4]", "[4?]", [], ["4"]),
        ("[0] [4] [4]", "[0?] [4?] [4?]", [], ["0", "4", "4"]),
        ("[2, 9]", "[2, 9?]", [2], ["9"]),
        ("【1】 【2†source】 [^3]", "【1】 【2†source】 [^3]", [1, 2, 3], []),
        ("【5†source】", "【5†source?】", [], ["5"]),
        ("[1-999999999]", "[1-999999999?]", [1, 2, 3], ["1-999999999"]),
        ("[999999999999]", "[999999999999]", [], []),
        ("`a[7]` and ``b[8]`` [1]", "`a[7]` and ``b[8]`` [1]", [1], []),
        ("```\na[7]\n```\n[1]", "```\na[7]\n```\n[1]", [1], []),
        ("one ` alone\n[4]", "one ` alone\n[4?]", [], ["4"]),
        ("[] [a] [1a] [ ]", "[] [a] [1a] [ ]", [], []),
        ("[1](http://x)", "[1](http://x)", [1], []),
        ("[1", "[1", [], []),
    ],
)  # fmt: skip
def test_what_is_cited(text: str, marked: str, cited: list[int], unknown: list[str]) -> None:
    assert checked([text]) == (marked, cited, unknown)


PARTS = ["[", "]", "1", "2", "7", ", ", "-", "`", "```", "\n", " ", "word", "【", "】", "†s", "^", ";"]


@given(st.lists(st.sampled_from(PARTS), max_size=40), st.data())
def test_the_pieces_make_no_difference(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=10)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert checked(pieces) == checked([text]) == checked(list(text))


@given(st.text(max_size=200))
def test_without_its_marks_a_text_is_what_it_was(text: str) -> None:
    assert checked(list(text), 0)[0].replace("?", "") == text.replace("?", "")


def test_what_may_still_become_a_citation_waits_and_nothing_else() -> None:
    check = CitationCheck(1)
    assert check.feed("words [") == "words "
    assert check.feed("1") == ""
    assert check.feed("] more") == "[1] more"
    assert check.feed("[not one") == "[not one"
