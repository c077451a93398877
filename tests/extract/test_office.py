from datetime import datetime

import pytest

from tasks.errors import BrokenDocument, EmptyDocument, EncryptedDocument, UnsupportedDocument
from tasks.extract.blocks import Converted
from tasks.extract.office import read_office
from tasks.extract.sheets import kind_of_format, shown_number
from tests.extract.files import open_document, paragraph, relationships, shape, slides, word, workbook, zipped

STYLE = '<w:style w:styleId="{}"><w:name w:val="{}"/>{}</w:style>'


def read(data: bytes, extension: str = ".docx") -> Converted:
    return read_office(data, extension, 2**24)


def test_word_shows_what_was_inserted_and_not_what_was_deleted_or_moved_away() -> None:
    body = (
        "<w:p><w:r><w:t>Rent </w:t></w:r><w:del><w:r><w:delText>8</w:delText></w:r></w:del><w:ins><w:r><w:t>9</w:t></w:r>"
        "</w:ins></w:p><w:p><w:moveFrom><w:r><w:t>Moved.</w:t></w:r></w:moveFrom></w:p>"
        "<w:p><w:moveTo><w:r><w:t>Moved.</w:t></w:r></w:moveTo></w:p>"
        + paragraph("First half", marks="<w:rPr><w:del/></w:rPr>")
        + paragraph(" and second.")
    )
    assert read(word(body)).text == "Rent 9\n\nMoved.\n\nFirst half and second."


def test_text_stands_as_it_is() -> None:
    rows = ["snake_case 5*3 &lt; 20 # no | table", "1986. A year.", "# no heading", "- no item", "[x](y) `z`"]
    found = read(word("".join(map(paragraph, rows))))
    assert found.kind == "text"
    assert found.text.split("\n\n") == [row.replace("&lt;", "<") for row in rows]


def test_a_sign_of_structure_makes_none_beside_headings() -> None:
    styles = STYLE.format("Heading1", "heading 1", "")
    found = read(word(paragraph("Mill", "Heading1") + paragraph("# no heading") + paragraph("``` no fence"), styles))
    assert found.text == "# Mill\n\n    # no heading\n\n    ``` no fence"


def test_headings_by_name_level_base_and_language() -> None:
    styles = "".join(
        (
            STYLE.format("berschrift2", "heading 2", ""),
            STYLE.format("Mine", "My style", '<w:basedOn w:val="berschrift2"/>'),
            STYLE.format("Level", "Level", '<w:pPr><w:outlineLvl w:val="2"/></w:pPr>'),
            STYLE.format("Title", "Title", ""),
        )
    )
    body = "".join(
        (
            paragraph("The mill", "Title"),
            paragraph("Sails", "berschrift2"),
            paragraph("Canvas", "Mine"),
            paragraph("Rope", "Level"),
            paragraph("Stones", marks='<w:outlineLvl w:val="0"/>'),
            paragraph("Corn", "Titre3"),
        )
    )
    found = read(word(body, styles))
    assert found.title == "The mill"
    assert found.text.split("\n\n") == ["# The mill", "## Sails", "## Canvas", "### Rope", "# Stones", "### Corn"]


def test_properties_give_the_title_and_metadata() -> None:
    core = "<dc:title>On mills</dc:title><dc:creator>Ann</dc:creator><c:keywords>corn, wind</c:keywords>"
    found = read(word(paragraph("Words."), core=core))
    assert (found.title, found.metadata) == ("On mills", {"author": "Ann", "keywords": "corn, wind"})


def test_the_main_part_is_where_the_package_says() -> None:
    assert read(word(paragraph("Words."), main="word/document2.xml")).text == "Words."


def test_lists_notes_tables_and_boxes_of_word() -> None:
    numbered = '<w:numPr><w:ilvl w:val="{}"/><w:numId w:val="1"/></w:numPr>'
    levels = (
        '<w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>'
        '<w:lvl w:ilvl="1"><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%2)"/></w:lvl>'
    )
    numbering = (
        f'<w:abstractNum w:abstractNumId="7">{levels}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>'
    )
    items = [("Wash", 0), ("Cold", 1), ("Warm", 1), ("Dry", 0)]
    cell = "<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>"
    table = "".join(f"<w:tr>{''.join(map(cell.format, row))}</w:tr>" for row in (("Name", "Age"), ("Ann", "7")))
    box = "<w:p><w:r><w:pict><w:txbxContent>" + paragraph("In a box.") + "</w:txbxContent></w:pict></w:r></w:p>"
    reference = '<w:p><w:r><w:t>Noted</w:t><w:footnoteReference w:id="2"/></w:r></w:p>'
    body = "".join(paragraph(text, marks=numbered.format(depth)) for text, depth in items)
    found = read(
        word(
            f"{body}<w:tbl>{table}</w:tbl>{box}{reference}",
            numbering=numbering,
            footnotes=f'<w:footnote w:id="2">{paragraph("A note.")}</w:footnote>',
        )
    )
    assert found.text.split("\n\n") == [
        "1. Wash\n  a) Cold\n  b) Warm\n2. Dry", "| Name | Age |\n| --- | --- |\n| Ann | 7 |", "In a box.", "Noted[1]",
        "[1] A note.",
    ]  # fmt: skip


def test_a_broken_part_does_not_lose_the_others() -> None:
    data = word(paragraph("Words."), styles="<w:style", core="<dc:title>T</dc:title")
    assert read(data).text == "Words."
    data = workbook({"One": '<row><c t="inlineStr"><is><t>kept</t></is></c></row>', "Two": "<row><c><v>1</v"})
    assert "kept" in read(data, ".xlsx").text


def test_pictures_leave_their_description_and_no_data() -> None:
    drawing = '<w:p><w:r><w:drawing><docPr descr="plan of the mill"/></w:drawing></w:r></w:p>'
    assert read(word(paragraph("Before.") + drawing)).text == "Before.\n\n[plan of the mill]"


def test_cells_stay_what_they_are() -> None:
    rows = (
        '<row><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="D1" t="inlineStr"><is><t>When</t></is></c></row>'
        '<row><c r="A2" t="inlineStr"><is><t>007</t></is></c><c r="B2"><v>12</v></c><c r="C2"/><c r="D2" s="1"><v>45352</v></c>'
        '</row><row/><row><c r="A4" t="inlineStr"><is><t>NA</t></is></c><c r="B4" t="b"><v>1</v></c><c r="D4" s="2"><v>0.5</v>'
        '</c></row><row><c r="A5" s="3"><v>7</v></c><c r="B5" t="e"><v>#N/A</v></c></row>'
    )
    found = read(workbook({"Mills": rows}, ["Id", "Count"], ["yyyy-mm-dd", "hh:mm", "000"]), ".xlsx")
    assert found.text.split("\n") == [
        "# Mills", "", "| Id | Count | When |", "| --- | --- | --- |", "| 007 | 12 | 2024-03-01 |", "| NA | TRUE | 12:00:00 |",
        "| 007 | #N/A | |".replace("| |", "|  |"),
    ]  # fmt: skip


def test_what_stands_above_a_table_is_no_header() -> None:
    cell = '<c t="inlineStr"><is><t>{}</t></is></c>'
    rows = "".join(
        f"<row>{''.join(map(cell.format, row))}</row>" for row in (["Report"], ["a", "b", "c"], ["1", "2", "3"])
    )
    assert read(workbook({"S": rows}), ".xlsx").text.startswith(
        "# S\n\nReport\n\n| a | b | c |\n| --- | --- | --- |\n| 1"
    )


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        ("12.0", "General", "12"), ("0.30000000000000004", "General", "0.3"), ("1e21", "General", "1e+21"),
        ("45352.25", "d/m/yyyy h:mm", "2024-03-01 06:00:00"), ("45352", "[$-409]d\\-mmm\\-yy;@", "2024-03-01"),
        ("1", "yyyy-mm-dd", "1900-01-01"), ("1.5", "[h]:mm:ss", "36:00:00"), ("0.25", "0.0%", "25.0%"),
        ("7", "00000", "00007"), ("1234.5", "#,##0.00", "1234.5"), ("text", "General", "text"),
        ("3", '"Day "0', "3"), ("99999999999", "yyyy-mm-dd", "99999999999"),
    ],
)  # fmt: skip
def test_numbers_are_shown_as_their_cells_show_them(value: str, code: str, shown: str) -> None:
    assert shown_number(value, kind_of_format(code)) == shown


def test_dates_since_1904() -> None:
    assert shown_number("0", "d", datetime(1904, 1, 1)) == "1904-01-01"


def test_slides_in_their_order_with_titles_and_notes() -> None:
    first = shape("The sails", "title") + shape("turn\nslowly", "body") + f"<p:grpSp>{shape('In a group')}</p:grpSp>"
    second = shape("No title here") + shape("7", "sldNum")
    found = read(slides([first, second], notes="Say that they turn."), ".pptx")
    assert found.text.split("\n\n") == [
        "# Slide 1", "No title here", "# The sails", "- turn\n- slowly", "In a group", "Notes: Say that they turn.",
    ]  # fmt: skip


def test_slides_of_pictures_have_no_text() -> None:
    with pytest.raises(EmptyDocument, match="2 slides"):
        read(slides(["<p:pic/>", "<p:pic/>"]), ".pptx")


def test_open_documents() -> None:
    body = (
        '<text:h text:outline-level="2">Log</text:h><text:tracked-changes><text:p>gone</text:p></text:tracked-changes>'
        "<text:p>The keeper<text:s/>logs<text:note><text:note-body><text:p>A note.</text:p></text:note-body></text:note></text:p>"
        "<text:list><text:list-item><text:p>one</text:p></text:list-item></text:list>"
        "<office:annotation><text:p>a remark</text:p></office:annotation>"
    )
    found = read(open_document(body, meta="<dc:title>On logs</dc:title><dc:creator>Ann</dc:creator>"), ".odt")
    assert (found.title, found.metadata) == ("On logs", {"author": "Ann"})
    assert found.text.split("\n\n") == ["## Log", "The keeper logs[1]", "- one", "[1] A note."]


def test_sheets_and_slides_of_open_documents() -> None:
    cell = "<table:table-cell{}><text:p>{}</text:p></table:table-cell>"
    rows = "".join(
        f"<table:table-row>{''.join(cell.format('', text) for text in row)}</table:table-row>"
        for row in (("Id", "N"), ("007", "2"))
    )
    endless = '<table:table-row table:number-rows-repeated="1048000"><table:table-cell/></table:table-row>'
    sheet = open_document(f'<table:table table:name="S">{rows}{endless}</table:table>', "spreadsheet")
    assert read(sheet, ".ods").text == "# S\n\n| Id | N |\n| --- | --- |\n| 007 | 2 |"
    title = ' presentation:class="title"'
    frame = "<draw:frame{}><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>"
    page = f"<draw:page>{frame.format(title, 'Sails')}{frame.format('', 'They turn.')}</draw:page>"
    assert read(open_document(page, "presentation"), ".odp").text == "# Sails\n\nThey turn."


def test_a_book_s_chapters_come_in_reading_order() -> None:
    chapter = '<?xml version="1.0" encoding="UTF-8"?><html><body>{}</body></html>'
    items = "".join(
        f'<item id="{i}" href="{i}.xhtml" media-type="application/xhtml+xml"/>' for i in ("b", "a", "cover")
    )
    spine = "".join(f'<itemref idref="{i}"/>' for i in ("cover", "a", "b"))
    book = zipped(
        {
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="in/x.opf"/></rootfiles></container>',
            "in/x.opf": f'<package xmlns:dc="d"><metadata><dc:title>The Mill</dc:title><dc:creator>Ann</dc:creator></metadata>'
            f"<manifest>{items}</manifest><spine>{spine}</spine></package>",
            "in/a.xhtml": chapter.format("<h1>One</h1><p>The sea was calm that day.</p>"),
            "in/b.xhtml": chapter.format("<h1>Two</h1><p>Then the storm came over it.</p>"),
            "in/cover.xhtml": chapter.format('<img src="c.png"/>'),
        }
    )
    found = read(book, ".epub")
    assert (found.title, found.metadata) == ("The Mill", {"author": "Ann"})
    assert found.text.index("calm") < found.text.index("storm")


def test_other_archives_are_told() -> None:
    with pytest.raises(UnsupportedDocument, match="zip archive"):
        read(zipped({"a.txt": "x"}), ".zip")
    with pytest.raises(UnsupportedDocument, match="Pages"):
        read(zipped({"Index/Document.iwa": "x"}), ".pages")
    with pytest.raises(BrokenDocument, match="named"):
        read(zipped({"a.txt": "x"}))


def test_a_locked_open_document_is_told() -> None:
    data = zipped({"META-INF/manifest.xml": "<m><encryption-data/></m>", "content.xml": "???"})
    with pytest.raises(EncryptedDocument):
        read(data, ".odt")


def test_relationships_outside_of_the_package_lead_nowhere() -> None:
    data = zipped(
        {
            "_rels/.rels": relationships({"officeDocument": "../../etc/passwd"}),
            "word/document.xml": "<document><body><p><r><t>kept</t></r></p></body></document>",
        }
    )
    assert read(data).text == "kept"
