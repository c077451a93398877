"""What Office files draw: charts, diagrams and text boxes."""

import io
import struct
import zipfile

import pytest

from tasks.errors import BrokenDocument
from tasks.extract.legacy import _is_locked
from tasks.extract.office import read_office
from tasks.extract.old_sheets import read_old_workbook
from tasks.extract.sheets import shown_number
from tests.extract.files import paragraph, relationships, word, workbook

CHART = (
    '<c:chartSpace xmlns:c="c" xmlns:a="a"><c:chart><c:title><a:p><a:r><a:t>Sacks a day</a:t></a:r></a:p></c:title>'
    '<c:ser><c:tx><c:strCache><c:pt idx="0"><c:v>Upper mill</c:v></c:pt></c:strCache></c:tx>'
    '<c:cat><c:strCache><c:pt idx="0"><c:v>007</c:v></c:pt></c:strCache></c:cat>'
    '<c:val><c:numCache><c:pt idx="0"><c:v>4.4000000000000004</c:v></c:pt></c:numCache></c:val></c:ser>'
    "</c:chart></c:chartSpace>"
)
DIAGRAM = (
    '<d:dataModel xmlns:d="d" xmlns:a="a"><d:pt><d:t><a:p><a:r><a:t>Grind</a:t></a:r></a:p></d:t></d:pt></d:dataModel>'
)


def with_parts(data: bytes, parts: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, content in parts.items():
            new.writestr(name, content)
    return out.getvalue()


def test_word_s_charts_and_diagrams_are_read() -> None:
    drawn = '<w:p><w:r><w:drawing><c:chart r:id="c1" xmlns:c="c" xmlns:r="r"/></w:drawing></w:r></w:p>'
    shown = '<w:p><w:r><w:drawing><d:relIds r:dm="d1" xmlns:d="d" xmlns:r="r"/></w:drawing></w:r></w:p>'
    data = with_parts(
        word(paragraph("Before.") + drawn + shown),
        {
            "word/_rels/document.xml.rels": relationships({"chart:c1": "chart.xml", "diagramData:d1": "data.xml"}),
            "word/chart.xml": CHART, "word/data.xml": DIAGRAM,
        },
    )  # fmt: skip
    assert read_office(data, ".docx", 2**20).text == (
        "Before.\n\nSacks a day\n\n|  | Upper mill |\n| --- | --- |\n| 007 | 4.4 |\n\n- Grind"
    )


def test_excel_s_text_boxes_and_chart_titles_are_read() -> None:
    box = '<x:wsDr xmlns:x="x" xmlns:a="a"><x:sp><x:txBody><a:p><a:r><a:t>A note on mills.</a:t></a:r></a:p></x:txBody></x:sp></x:wsDr>'
    data = with_parts(
        workbook({"Mills": '<row><c t="inlineStr"><is><t>Old mill</t></is></c></row>'}),
        {
            "xl/worksheets/_rels/s0.xml.rels": relationships({"drawing": "../drawings/d.xml"}),
            "xl/drawings/d.xml": box, "xl/drawings/_rels/d.xml.rels": relationships({"chart": "../chart.xml"}),
            "xl/chart.xml": CHART,
        },
    )  # fmt: skip
    assert read_office(data, ".xlsx", 2**20).text == "# Mills\n\nOld mill\n\nA note on mills.\n\nSacks a day"


def test_every_body_of_a_word_file_is_read() -> None:
    two = paragraph("One.") + "</w:body><w:body>" + paragraph("Two.")
    assert read_office(word(two), ".docx", 2**20).text == "One.\n\nTwo."


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_what_is_no_number_is_empty(value: str) -> None:
    assert shown_number(value, "") == ""


def test_a_locked_old_workbook_is_told() -> None:
    begin = struct.pack("<HH4s", 0x809, 4, b"\0" * 4)
    assert _is_locked(begin + struct.pack("<HH2s", 0x2F, 2, b"\0\0"))
    assert not _is_locked(begin + struct.pack("<HH", 0x0A, 0) + struct.pack("<HH2s", 0x2F, 2, b"\0\0"))
    assert not _is_locked(b"\x09")


def test_a_panic_of_the_parser_is_a_broken_document(monkeypatch: pytest.MonkeyPatch) -> None:
    import python_calamine

    class PanicException(BaseException):
        pass

    def panic(file: object) -> None:
        raise PanicException("no entry found")

    class Workbook:
        from_filelike = staticmethod(panic)

    monkeypatch.setattr(python_calamine, "CalamineWorkbook", Workbook)
    with pytest.raises(BrokenDocument, match="no entry found"):
        read_old_workbook(b"x")
