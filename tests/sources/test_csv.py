"""CSV and TSV: every row a record or a failure with its number, however the file is written."""

import csv
import io
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tasks.config.sources import Source
from tasks.errors import BrokenDocument, DocumentError
from tasks.ingest.prepare import _records
from tasks.sources import csv_tables
from tasks.sources.csv_tables import read_tables
from tasks.sources.listing import list_files
from tasks.sources.work import read_blocks

PLAIN = [{"id": str(i), "body": f"book {i} is on the shelf"} for i in range(1, 5)]


def read(data: bytes | str, tabs: bool = False, wanted: Any = ("id", "body"), **source: Any) -> list[Any]:
    """Each row of some content, a record or an error, checked for numbers without gaps."""
    source = {"name": "s", "uri": "x", "fields": {"id": "id", "text": "body"}} | source
    stream = io.BytesIO(data if isinstance(data, bytes) else data.encode())
    found: list[Any] = []
    for table, broken in read_tables(stream, Source.model_validate(source), list(wanted), 3, tabs):
        found += [broken.get(place, record) for place, record in enumerate(table.to_pylist())]
    return found


def problems(found: list[Any]) -> dict[int, str]:
    return {number: row.message for number, row in enumerate(found, 1) if isinstance(row, DocumentError)}


def written(delimiter: str = ",", end: str = "\n", rows: Any = PLAIN, **more: Any) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, ["id", "body"], delimiter=delimiter, lineterminator=end, **more)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_delimiter_and_line_ends_are_found(delimiter: str, end: str, quoting: int) -> None:
    assert read(written(delimiter, end, quoting=quoting)) == PLAIN


@pytest.mark.parametrize(
    "before", ["\n\n", " \n", "# exported yesterday, by hand\n", "Report; of May\n\n", "sep=,\n", "\ufeff"]
)
def test_lines_before_the_header_are_no_rows(before: str) -> None:
    assert read(before + written()) == PLAIN


def test_a_line_may_say_the_delimiter() -> None:
    assert read("sep=^\n" + written("^")) == PLAIN
    assert read("sep=;\r\n" + written(";", "\r\n"), fields={"text": "x"}, wanted=[]) == PLAIN


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "utf-8-sig", "utf-32"])
def test_the_encoding_is_found(encoding: str) -> None:
    rows = [{"id": "1", "body": "Größe der Bücher"}, {"id": "2", "body": "Café am Fluß"}, {"id": "3", "body": "plain"}]
    assert read(written(rows=rows).encode(encoding)) == rows
    assert read(written(rows=rows).encode(encoding), encoding=encoding) == rows


def test_a_ragged_row_is_set_aside_by_its_number_and_all_others_land() -> None:
    found = read("id,body\n1,one\n2,two,too many\n\n3\n4,four,,\n")
    assert [found[0], found[3]] == [{"id": "1", "body": "one"}, {"id": "4", "body": "four"}]
    assert problems(found) == {
        2: "row 2 (line 3) is broken: it has 3 fields; the header has 2",
        3: "row 3 (line 5) is broken: it has 1 fields; the header has 2",
    }


def test_a_stray_quotation_mark_swallows_nothing() -> None:
    rows = ['"Tide" is a word', '"never closed', "plain", 'one "more', '5"']
    tabs = "id\tbody\n" + "".join(f"{i}\t{row}\n" for i, row in enumerate(rows))
    assert [row["body"] for row in read(tabs, tabs=True)] == rows
    assert [row["body"] for row in read(tabs.replace("\t", ","))] == rows
    quoted = 'id,body\n1,"Tide" is a word\n2,"never closed\n3,"plain, and quoted"\n4,"again, so"\n5,"and ""so"""\n'
    found = read(quoted)
    assert [row["body"] for row in found if isinstance(row, dict)] == [
        '"Tide" is a word', "plain, and quoted", "again, so", 'and "so"',
    ]  # fmt: skip
    assert problems(found) == {2: "row 2 (line 3) is broken: a quotation mark in it is not closed"}


def test_marks_that_are_not_closed_swallow_no_rows_between_tabs() -> None:
    rows = ['1\t"one ""mark"""', '2\t"open', "3\tplain", "4\tplain", '5\t"open, too', "6\tplain"]
    found = read("id\tbody\n" + "\n".join(rows), tabs=True, csv={"quote": '"'})
    assert [row["id"] for row in found if isinstance(row, dict)] == ["1", "3", "4", "6"]
    assert [*problems(found)] == [2, 5]
    assert len(read("id\tbody\n" + "\n".join(rows), tabs=True)) == 6
    two = '1\t"two\nlines"\t"and\ntwo"\n2\t"so ""it"" is"\tx\n'
    assert len(read(f"id\tbody\tnote\n{two}", tabs=True)) == 2


def test_a_mark_that_is_not_closed_in_a_long_file_costs_one_row_and_little_time() -> None:
    clock = time.monotonic()
    found = read('id,body\n1,"so, and so"\n2,"open\n' + "3,plain\n" * 20_000)
    assert [*problems(found)] == [2]
    assert len(found) == 20_002
    assert time.monotonic() - clock < 5


@pytest.mark.parametrize("escape", ['""', '\\"'])
def test_marks_in_fields_are_doubled_or_escaped(escape: str) -> None:
    text = f'id,body\n1,"He said {escape}high, tide{escape} loudly"\n2,C:\\new\n3,"a\nb"\n'
    assert [row["body"] for row in read(text)] == ['He said "high, tide" loudly', "C:\\new", "a\nb"]


def test_names_in_the_header_are_cleaned_and_told_apart() -> None:
    assert read('id,body,"long\nname",body,,body\n1,first,x,y,z,w\n') == [
        {"id": "1", "body": "first", "long name": "x", "body_2": "y", "column_5": "z", "body_3": "w"}
    ]
    assert read('id, body\n1, first\n2, "second, so"\n') == [
        {"id": "1", "body": "first"},
        {"id": "2", "body": "second, so"},
    ]
    assert read('id,"my\ntext"\n1,x\n', fields={"text": "my\ntext"}, wanted=["my\ntext"]) == [
        {"id": "1", "my\ntext": "x"}
    ]


def test_wrong_columns_are_one_failure_that_names_those_there_are() -> None:
    for text in (written(), "1,one\n2,two\n3,three\n"):
        with pytest.raises(BrokenDocument, match=r"no column 'bdoy'; there are (id|1), (body|one)"):
            read(text, fields={"text": "bdoy"}, wanted=["bdoy"])
    with pytest.raises(BrokenDocument, match="no column 'bdoy' or 'key'; there are id, body") as caught:
        read(written(), fields={"id": "key", "text": "bdoy"}, wanted=["key", "bdoy"])
    assert "name its columns with `csv: columns`" in caught.value.hint
    with pytest.raises(BrokenDocument, match="no column 'key'"):
        read(written(), fields={"id": "key", "text": "body"}, wanted=["key", "body"])


def test_a_file_without_header_is_read_where_its_columns_are_named() -> None:
    assert read(written().split("\n", 1)[1], csv={"columns": ["id", "body"]}) == PLAIN


def test_what_is_said_of_a_file_is_not_guessed() -> None:
    text = "id:body\n// note: no row\n1:'it''s: so'\n2:\"x\"\n"
    assert read(text, csv={"delimiter": ":", "quote": "'", "comment": "//"}) == [
        {"id": "1", "body": "it's: so"}, {"id": "2", "body": '"x"'},
    ]  # fmt: skip
    assert read('id,body\n1,"x"\n', csv={"quote": "none"}) == [{"id": "1", "body": '"x"'}]
    for wrong in ({"delimiter": "::"}, {"quote": ""}, {"columns": []}):
        with pytest.raises(ValueError, match="csv"):
            Source.model_validate({"name": "s", "uri": "x", "csv": wrong})


def test_a_file_beside_notes_needs_no_column_for_its_text() -> None:
    found = read("station,height,remark\nNorth,3,\nSouth,5,dry\n", fields={}, wanted=["text"])
    assert found[0] == {"station": "North", "height": "3", "remark": ""}
    with pytest.raises(BrokenDocument, match="no column 'text'"):
        read("station,height\nNorth,3\n", fields={"text": "text"}, wanted=["text"])


def test_texts_in_a_single_column_may_hold_any_delimiter() -> None:
    rows = ["one, with a comma", "two; three", "four | five\tsix", "plain"]
    assert [row["body"] for row in read("body\n" + "\n".join(rows), fields={"text": "body"}, wanted=["body"])] == rows


def test_row_names_of_r_have_a_column() -> None:
    assert read('"id","body"\n"1",7,"x"\n"2",8,"y"\n')[1] == {"row": "2", "id": "8", "body": "y"}
    unknown = read('"a","b"\n"1",7,"x"\n"2",8,"y"\n', fields={}, wanted=["text"])
    assert unknown == [{"row": "1", "a": "7", "b": "x"}, {"row": "2", "a": "8", "b": "y"}]


@pytest.mark.parametrize("content", ["", "\n\n", "id,body\n", "# nothing\n"])
def test_a_file_without_rows_has_none(content: str) -> None:
    assert read(content, wanted=[]) == []


def test_a_line_without_end_is_one_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_tables, "LONGEST_ROW", 2**20)
    found = read(f"id,body\n{written()[8:] * 9000}5,{'x' * 3 * 2**20}\n6,last\n")
    assert len(found) == 4 * 9000 + 2
    assert [*problems(found)] == [4 * 9000 + 1]
    assert found[-1] == {"id": "6", "body": "last"}


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_nul_in_a_small_file_costs_its_row(end: str, encoding: str) -> None:
    rows = ["id,body", '1,"le café"', "2,be\0fore", '3,"after"', '4,"torn', "5,so\0", "6,été", "7,b\0d\x01"]
    found = read(end.join(rows).encode(encoding), csv={"quote": '"'})
    assert [row["body"] for row in found if isinstance(row, dict)] == ["le café", "after", "so", "été"]
    assert list(problems(found)) == [2, 4, 7]
    assert problems(found)[2] == "row 2 (line 3) is broken: it is not text: it holds NUL bytes"


@pytest.mark.parametrize("content", [b"id,bo\0dy\n1,one\n2,two\n", bytes(5000), b"\x01\x02\0\x03\n" * 9])
def test_a_header_that_is_no_text_is_no_table(content: bytes) -> None:
    with pytest.raises(BrokenDocument, match="a line in its beginning is not text"):
        read(content)


@pytest.mark.parametrize("wanted", [["id", "body"], []])
def test_a_header_that_is_cut_in_a_mark_is_one_failure(wanted: list[str]) -> None:
    with pytest.raises(BrokenDocument, match="its header cannot be read"):
        read('"text   ', wanted=wanted, fields={"text": "body"}, csv={"quote": '"'})


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ue000\ufeff"), max_size=8)
MARKED = st.one_of(CELLS, st.sampled_from(['"', 'a "b" c', "x,y", "p;q", "two\nlines", "\ttab", "", "'", "|"]))
TABLES = st.lists(st.lists(MARKED, min_size=3, max_size=3).filter(any), min_size=1, max_size=8)
DIALECTS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from([",", ";", "\t", "|"]), "lineterminator": st.sampled_from(["\n", "\r\n", "\r"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    }
)  # fmt: skip


def lines_of(table: list[list[str]], dialect: dict[str, Any]) -> list[str]:
    """Each row as it is written."""
    result = []
    for row in table:
        out = io.StringIO()
        csv.writer(out, **dialect).writerow(row)
        result.append(out.getvalue())
    return result


@settings(max_examples=60, deadline=None)
@given(TABLES, DIALECTS)
def test_rows_are_what_python_wrote(table: list[list[str]], dialect: dict[str, Any]) -> None:
    assume("\n" in dialect["lineterminator"] or not any("\n" in cell for row in table for cell in row))
    names = ["key", "name", "body"]
    text = "".join(lines_of([names, *table], dialect))
    found = read(text, csv={"delimiter": dialect["delimiter"], "quote": '"'}, fields={"text": "body"}, wanted=["body"])
    assert found == [dict(zip(names, row, strict=True)) for row in table]


@settings(max_examples=60, deadline=None)
@given(TABLES, DIALECTS, st.sampled_from([["id", "name", "text"], ["term", "definition", "note"]]), st.data())
def test_no_row_vanishes_where_a_cell_is_named_as_a_wanted_column(
    table: list[list[str]], dialect: dict[str, Any], names: list[str], data: st.DataObject
) -> None:
    assume("\n" in dialect["lineterminator"] or not any("\n" in cell for row in table for cell in row))
    row, place, cell = data.draw(
        st.tuples(st.integers(0, len(table) - 1), st.integers(0, 2), st.sampled_from(["text", "id"]))
    )
    table[row][place] = cell
    said = {"delimiter": dialect["delimiter"], "quote": '"'}
    found = read("".join(lines_of([names, *table], dialect)), csv=said, fields={}, wanted=["id", "text"])
    assert found == [dict(zip(names, row, strict=True)) for row in table]


@pytest.mark.parametrize(
    "title", ["Stations,,\n", "Log,,\nof May,,\n", "Report,,May\n", "Harbour log,by hand,2024\n", ",,\n"]
)
def test_titles_as_wide_as_the_table_are_no_header(title: str) -> None:
    rows = [{"id": str(i), "body": f"note {i}", "place": "north"} for i in range(5)]
    text = title + "id,body,place\n" + "".join(",".join(row.values()) + "\n" for row in rows)
    assert read(text) == rows
    if title.endswith(",,\n"):
        assert read(text, fields={}, wanted=["text"]) == rows


def test_a_first_row_is_a_header_where_no_other_is() -> None:
    assert read("name,,\nAnn,1,2\nBob,3,4\n", fields={}, wanted=["text"])[0]["name"] == "Ann"
    assert len(read("term,said\nid,a name\nbody,words\nid,body\n", fields={}, wanted=["text"])) == 3
    assert len(read("a,b,c\n1,2,3\nx,y,z\n", fields={}, wanted=["text"])) == 2


@pytest.mark.parametrize("before", ["", "Glossary\n\n", "# words, by hand\n", "Glossary of May\n\n# so, too, it is\n"])
def test_a_row_with_a_wanted_name_in_it_is_no_header_after_others(before: str) -> None:
    rows = [["apple", "a fruit"], ["book", "pages"], ["text", "written words"], ["zoo", "animals"]]
    content = f"{before}term,definition\n" + "".join(f"{term},{meaning}\n" for term, meaning in rows)
    assert read(content, fields={}, wanted=["text"]) == [{"term": term, "definition": said} for term, said in rows]
    found = read(content + "text\n" + "a,b,text\n", fields={}, wanted=["text"])
    assert len(found) == 6
    assert list(problems(found)) == [5, 6]


PROSE = st.lists(
    st.sampled_from(["the", "tide,", "twice;", "|", '"up"', '5"', "café", "it's", "3,5", "—"]), min_size=1, max_size=7
).map(" ".join)
DAMAGE = ["a field too many", "a field too few", "a stray mark", "a mark not closed"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(PROSE, PROSE), min_size=10, max_size=20),
    DIALECTS,
    st.booleans(),
    st.one_of(st.none(), st.tuples(st.sampled_from(DAMAGE), st.integers(0, 1000))),
)
def test_in_a_dialect_that_is_found_only_a_damaged_row_is_lost_and_told(
    texts: list[tuple[str, str]], dialect: dict[str, Any], escaped: bool, damage: tuple[str, int] | None
) -> None:
    delimiter = dialect["delimiter"]
    table = [[str(i), *pair] for i, pair in enumerate(texts)]
    lines = lines_of([["id", "body", "note"], *table], dialect)
    if escaped:
        cells = [[cell.replace('"', '\\"') for cell in row] for row in [["id", "body", "note"], *table]]
        lines = [delimiter.join(f'"{cell}"' for cell in row) + dialect["lineterminator"] for row in cells]
    kept = table
    if damage:
        kind, place = damage
        at = place % len(table)
        kept = table[:at] + table[at + 1 :]
        line = lines[at + 1].rstrip("\r\n")
        lines[at + 1] = {
            "a field too many": line + delimiter + "x",
            "a field too few": line[: line.rfind(delimiter)],
            "a stray mark": f'{line[: place % len(line)]}"{line[place % len(line) :]}',
            "a mark not closed": line.replace(delimiter, delimiter + '"', 1),
        }[kind] + dialect["lineterminator"]
    found = read("".join(lines), tabs=delimiter == "\t")
    landed = [list(row.values()) for row in found if isinstance(row, dict)]
    assert [row for row in landed if row in kept] == kept
    assert len(found) >= len(table) if damage else landed == table


@pytest.mark.parametrize("name", ["A.TSV", "a.csv", "a.tsv.gz"])
def test_blocks_number_rows_throughout(tmp_path: Path, name: str) -> None:
    import gzip

    text = written("\t", rows=[{"id": str(i), "body": "x" if i % 1000 else "x\ty"} for i in range(1, 5001)])
    text = text.replace('"x\ty"', "x\ty")
    data = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    source = Source.model_validate({"name": "s", "uri": str(tmp_path), "fields": {"text": "body"}})
    [file] = list_files([source]).files
    found = [pair for block in read_blocks(file, source, [], 2**20) for pair in _records(block)]
    assert [number for number, _ in found] == list(range(1, 5001))
    assert [number for number, row in found if isinstance(row, DocumentError)] == [1000, 2000, 3000, 4000, 5000]
