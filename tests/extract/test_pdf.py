import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BrokenDocument, EmptyDocument
from tasks.extract.blocks import clean_title
from tasks.extract.pdf import read_pdf
from tasks.extract.read import extract
from tasks.text.normalise import normalise
from tests.extract.files import line, lines, pdf

PROSE = ["The miller grinds the corn of three villages in one", "long day, and rests when the wind does not blow."]


def text_of(*pages: list[str]) -> str:
    return read_pdf(pdf(pages)).text


def test_words_cut_by_hyphens_are_whole_and_others_keep_theirs() -> None:
    text = text_of(
        lines(["A wind-", "mill and a self-made sail turn in the even-", "ing; it is self-", "made indeed."])
    )
    assert "windmill" in text
    assert "evening" in text
    assert "it is self-made indeed" in text.replace("\n", " ")
    assert "\x02" not in text


def test_words_that_a_gap_alone_parts_are_apart() -> None:
    """As groff sets them: no space is written, the last letter only moves on further; pdfium joins such words."""
    drawn = "/F1 10 Tf 1 0 0 1 72 700 Tm (Of an) Tj {gap} Tc (y) Tj 0 Tc (othercommand) Tj"
    assert text_of([drawn.format(gap=2)]) == "Of any othercommand"
    assert text_of([drawn.format(gap=0.5)]) == "Of anyothercommand"


def test_words_that_are_spaced_out_are_whole() -> None:
    assert text_of(["/F1 10 Tf 2 Tc 1 0 0 1 72 700 Tm (Grindstones turning) Tj"]) == "Grindstones turning"


def test_paragraphs_are_apart_and_their_lines_together() -> None:
    text = text_of(lines(PROSE, y=700) + lines(PROSE, y=650))
    assert text == "\n\n".join([" ".join(PROSE)] * 2)


def test_lines_that_end_early_stay_lines() -> None:
    address = ["Ann Miller", "Mill Lane 3", "Windham", "in the long valley behind the hill"]
    assert text_of(lines(address)) == "\n".join(address)


@pytest.mark.parametrize("heading", [True, False])
def test_columns_drawn_line_by_line_are_read_one_after_the_other(heading: bool) -> None:
    drawn = [line("A heading that stands above both of the columns here", y=730)] if heading else []
    for i in range(6):
        drawn += [
            line(f"Left line {i} of the text", 60, 700 - 14 * i),
            line(f"Right line {i} of the text", 330, 700 - 14 * i),
        ]
    text = text_of(drawn)
    assert text.index("Left line 5") < text.index("Right line 0")
    assert text.startswith("A heading") == heading


def test_a_table_s_rows_stay_rows() -> None:
    drawn = [
        line(word, 60 + 150 * j, 700 - 14 * i)
        for i in range(6)
        for j, word in enumerate((f"Mill {i}", f"{i} sails", f"{i * 10} sacks"))
    ]
    assert "Mill 0 0 sails 0 sacks" in text_of(drawn)


def test_running_heads_and_page_numbers_are_left_out() -> None:
    pages = [
        [line("THE MILLER'S HANDBOOK", y=765), *lines([f"Words of page number {i}, of which there", "are more."], y=690),
         line(f"Page {i} of 4", 280, 30)]
        for i in range(1, 5)
    ]  # fmt: skip
    text = text_of(*pages)
    assert "HANDBOOK" not in text
    assert "of 4" not in text
    assert [f"page number {i}" in text for i in range(1, 5)] == [True] * 4


def test_a_page_keeps_its_only_line() -> None:
    assert (
        text_of([line("Same words", y=760)], [line("Same words", y=760)], [line("Same words", y=760)]).count("Same")
        == 3
    )


def test_a_paragraph_goes_on_over_the_end_of_a_page() -> None:
    found = read_pdf(pdf([lines(["The miller waits for the"], y=100), lines(["wind to come."], y=700)]))
    assert found.text == "The miller waits for the wind to come."
    assert found.text[found.pages[1] :] == "wind to come."


def test_values_of_form_fields_stand_beside_their_labels() -> None:
    field = "<< /Type /Annot /Subtype /Widget /FT /Tx /T (n) /V (Ann Miller) /Rect [200 695 300 715] /F 4 >>"
    data = pdf([[line("Name:"), *lines(["Signed at the mill."], y=600)]], fields=field)
    assert read_pdf(data).text == "Name: Ann Miller\n\nSigned at the mill."


def test_bookmarks_tell_headings() -> None:
    pages = [lines(["1. Sails", *PROSE]), lines(["2. Stones", *PROSE])]
    found = read_pdf(pdf(pages, outline=[("Sails", 0), ("2. Stones", 1)]))
    assert found.kind == "markdown"
    assert [row for row in found.text.split("\n") if row.startswith("#")] == ["# 1. Sails", "# 2. Stones"]


def test_larger_letters_tell_headings_and_the_title() -> None:
    page = [line("The Mill", y=740, size=24), line("Its sails", y=710, size=16), *lines(PROSE * 3, y=690)]
    found = read_pdf(pdf([page]))
    assert found.text.startswith("# The Mill\n\n## Its sails\n\nThe miller")
    assert found.title == "The Mill"


def test_code_is_fenced_and_keeps_its_indents() -> None:
    code = [line("def grind(corn):", 72, 640, font="F2"), line("return flour", 72 + 4 * 6.6, 626, font="F2")]
    found = read_pdf(pdf([[line("Grinding", y=740, size=20), *lines(PROSE * 2), *code]]))
    assert "```\ndef grind(corn):\n    return flour\n```" in found.text


@pytest.mark.parametrize(
    "name", ["Microsoft Word - draft7.doc", "untitled", "report_final.pdf", "C:\\x\\y.docx", "", "12"]
)
def test_names_of_files_are_no_titles(name: str) -> None:
    assert clean_title(name) is None


@pytest.mark.parametrize(("name", "title"), [("Microsoft Word - On mills", "On mills"), ("On  mills\0", "On mills")])
def test_titles_lose_what_programs_add(name: str, title: str) -> None:
    assert clean_title(name) == title


def test_properties_are_metadata_and_dates_iso() -> None:
    found = read_pdf(
        pdf([lines(PROSE)], info="/Title (On mills) /Author (Ann) /CreationDate (D:20240301120000+01'00')")
    )
    assert found.title == "On mills"
    assert found.metadata == {"pages": 1, "author": "Ann", "created": "2024-03-01T12:00:00+01:00"}


def test_bytes_before_a_pdf_and_a_name_without_extension_do_not_matter() -> None:
    found = extract(b"\r\njunk\n" + pdf([lines(PROSE)]), "download", "auto", 2**20)
    assert found.media_type == "application/pdf"
    assert found.text == " ".join(PROSE)
    assert extract(b"A note on %PDF-1.4 files.", "note.txt", "auto", 2**20).media_type == "text/plain"


def test_pages_without_text_are_counted() -> None:
    found = read_pdf(pdf([[], lines(PROSE), []]))
    assert found.metadata == {"pages": 3, "pages_without_text": 2}
    assert found.pages == (0, 0, len(found.text))
    with pytest.raises(EmptyDocument, match="no text on 2 pages"):
        read_pdf(pdf([[], []]))


def test_letters_that_fonts_do_not_name_are_refused() -> None:
    unmapped = b"".join(b"%02x" % (i % 20 + 1) for i in range(200)).decode()
    data = (
        pdf([[f"/F9 11 Tf 1 0 0 1 72 700 Tm <{unmapped}> Tj"]])
        .replace(b"/F2 4 0 R", b"/F9 4 0 R")
        .replace(
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Odd /Encoding << /Differences [1 /g1 /g2 /g3] >> >>",
        )
    )
    with pytest.raises(BrokenDocument):
        read_pdf(data)


@given(st.lists(st.lists(st.text("abc de.-XY1", min_size=1, max_size=30), max_size=5), min_size=1, max_size=4))
def test_pages_begin_in_order_in_a_text_that_is_normal(pages: list[list[str]]) -> None:
    try:
        found = read_pdf(pdf([lines(texts) for texts in pages]))
    except EmptyDocument:
        return
    assert len(found.pages) == len(pages)
    assert list(found.pages) == sorted(found.pages)
    assert 0 <= found.pages[0] <= found.pages[-1] <= len(found.text)
    assert normalise(found.text) == found.text


def test_a_watermark_is_left_out() -> None:
    text = text_of(*([line("DRAFT", 200, 400, size=60), *lines([f"Page {word} of a long text."])] for word in "abcd"))
    assert "DRAFT" not in text
    assert text.count("long text") == 4


def test_bold_lines_with_a_number_are_headings() -> None:
    data = pdf([[line("1", font="F3"), line("Sails", 100, font="F3"), *lines(PROSE * 2, y=680)]])
    bold = b"/F3 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >> /F2 4 0 R"
    assert read_pdf(data.replace(b"/F2 4 0 R", bold)).text.startswith("# 1 Sails\n\nThe miller")


def test_bitmap_fonts_tell_their_size_by_their_letters() -> None:
    """A Type 3 font has a unit of its own: its size is 1, whatever is seen."""
    drawn = (
        dict.fromkeys("aceimnorsuvwxz", (0, 44)) | dict.fromkeys("bdfhklt", (0, 69)) | dict.fromkeys("gpqy", (-19, 44))
    )
    drawn |= dict.fromkeys("TL", (0, 68))

    def row(text: str, y: float, size: float) -> str:
        words = (f"({word}) Tj {60 * (len(word) + 1)} 0 Td" for word in text.split())
        return f"/F2 1 Tf {size / 100} 0 0 {size / 100} 72 {y} Tm {' '.join(words)}"

    body = ["The miller grinds the corn of three villages in", "one long day and rests when the wind does not blow"]
    rows = [row("Lamps", 700, 14), *(row(text, 670 - 12 * i, 10) for i, text in enumerate(body))]
    rows += [row("Tides", 600, 14), *(row(text, 570 - 12 * i, 10) for i, text in enumerate(body))]
    text = read_pdf(pdf([rows], drawn=drawn), False).text
    assert [line for line in text.split("\n") if line.startswith("#")] == ["# Lamps", "# Tides"]
    assert text.count(" ".join(body)) == 2
