from collections import Counter

import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.chunk.markdown import outline
from tasks.extract.pdf import read_pdf
from tasks.extract.pdf_letters import is_language, with_tex_letters, without_ligatures
from tests.extract.files import line, lines, pdf

MILLS = [["Mill", "Sails", "Sacks a day"], ["Upper mill", "4", "70"], ["Lower mill", "6", "95"], ["Old mill", "5", ""]]


def rule(x: float, y: float, to_x: float, to_y: float) -> str:
    """The operators that draw a straight line, outside a text object."""
    return f"ET {x} {y} m {to_x} {to_y} l S BT"


def cells(
    rows: list[list[str]], y: float = 700, step: float = 16, columns: tuple[float, ...] = (72, 200, 300)
) -> list[str]:
    return [
        line(cell, x, y - step * i) for i, row in enumerate(rows) for cell, x in zip(row, columns, strict=False) if cell
    ]


def test_rules_tell_a_table_and_its_header() -> None:
    rules = [rule(70, y, 400, y) for y in (714, 695, 645)]
    text = read_pdf(pdf([[*rules, *cells(MILLS), *lines(["The mills stand on a hill."], y=600)]])).text
    assert text == (
        "| Mill | Sails | Sacks a day |\n| --- | --- | --- |\n| Upper mill | 4 | 70 |\n| Lower mill | 6 | 95 |\n"
        "| Old mill | 5 | |\n\nThe mills stand on a hill."
    )


def test_cells_between_rules_keep_their_lines_together() -> None:
    flat = [rule(70, y, 400, y) for y in (714, 696, 666, 636)]
    steep = [rule(x, 714, x, 636) for x in (70, 190, 400)]
    drawn = [
        line("Mill", 72, 700), line("What it does", 195, 700), line("Upper mill", 72, 684), line("Grinds the corn of", 195, 684),
        line("three villages", 195, 670), line("Saw mill", 72, 654), line("Saws oak and", 195, 654), line("beech", 195, 640),
    ]  # fmt: skip
    text = read_pdf(pdf([[*flat, *steep, *drawn]])).text
    assert "| Upper mill | Grinds the corn of three villages |\n| Saw mill | Saws oak and beech |" in text


def test_columns_apart_are_a_table_without_rules() -> None:
    assert "| Upper mill | 4 | 70 |" in read_pdf(pdf([cells([*MILLS[:3], ["Old mill", "5", "60"]])])).text


@pytest.mark.parametrize(
    "rows",
    [
        [["1.1", "Sails", "3"], ["1.2", "Stones", "5"], ["1.3", "Sacks", "9"], ["2.1", "Wind", "12"]],
        [["a", "=", "b + c"], ["d", "=", "e"], ["f", "=", "g + h"]],
        [["1.", "first"], ["2.", "second"], ["3.", "third"]],
        [["4", "70", "12"], ["6", "95", "11"], ["5", "60", "13"]],
    ],
    ids=["contents", "formulas", "list", "numbers without names"],
)
def test_what_only_looks_like_a_table_stays_lines(rows: list[list[str]]) -> None:
    text = read_pdf(pdf([cells(rows)])).text
    assert "|" not in text
    assert " ".join(rows[0]) in text


def test_prose_between_rules_is_no_table() -> None:
    drawn = [
        rule(70, 714, 520, 714),
        *lines(["A note on mills, which", "stands between two rules."]),
        rule(70, 680, 520, 680),
    ]
    assert "|" not in read_pdf(pdf([drawn])).text


def test_a_table_goes_on_over_pages_under_one_header() -> None:
    def page(rows: list[list[str]]) -> list[str]:
        return [*(rule(70, y, 400, y) for y in (714, 695, 645)), *cells([MILLS[0], *rows])]

    found = read_pdf(
        pdf([page(MILLS[1:]), page([["New mill", "4", "80"], ["Far mill", "2", "8"], ["Saw mill", "4", "1"]])])
    )
    assert found.text.count("Sails") == 1
    assert found.text[found.pages[1] :].startswith("| New mill | 4 | 80 |")


def test_the_chunker_knows_the_names_of_a_table_s_columns() -> None:
    rows = [MILLS[0], *([f"Mill number {i}", str(i), str(7 * i)] for i in range(30))]
    rules = [rule(70, y, 400, y) for y in (714, 695, 700 - 16 * 31)]
    found = read_pdf(pdf([[*rules, *cells(rows)]]))
    tables = outline(found.text).tables
    assert [rows.name for rows in tables] == ["columns: Mill | Sails | Sacks a day"]
    assert found.text[tables[0].start :].startswith("| Mill number 0 |")


@given(st.lists(st.lists(st.text("abcde", min_size=2, max_size=8), min_size=2, max_size=3), min_size=1, max_size=6))
def test_no_word_of_a_table_is_lost(rows: list[list[str]]) -> None:
    data = pdf([[*(rule(70, y, 400, y) for y in (714, 695, 694 - 16 * len(rows))), *cells(rows)]])
    words = Counter(pypdfium2.PdfDocument(data)[0].get_textpage().get_text_range().split())
    assert words == Counter(word for word in read_pdf(data).text.split() if word not in ("|", "---"))


def test_codes_of_tex_s_fonts_are_letters_within_words() -> None:
    assert (
        without_ligatures(with_tex_letters("con\x1cdence and e\x0bect, a \x0cnd; x\x0c2"))
        == "confidence and effect, a find; x\x0c2"
    )


def test_letters_without_a_unicode_table_are_taken_if_they_are_language() -> None:
    text = "The miller grinds the corn of three villages in one long day, and rests when the wind does not blow. "
    assert is_language(text)
    assert not is_language("".join(chr(ord(c) + 3) if c.isalpha() else c for c in text))
    assert not is_language("")
