"""Inputs that went wrong elsewhere, each through a real run, and what is right about it.

The inputs are kept beside the repository, or in the folder that TRIALS names; cases.md there says what each one is.
"""

import os
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flows.ingest import ingest
from tests.lakes import lake_of, rows

TRIALS = Path(os.environ.get("TRIALS", Path(__file__).parents[3] / "shared" / "trials")) / "inputs"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("prefect_server"),
    pytest.mark.skipif(not TRIALS.is_dir(), reason=f"the inputs are kept beside the repository, in {TRIALS}"),
]


@dataclass(frozen=True)
class Right:
    """What is right of a case.

    Attributes:
        documents: how many land.
        says: what their text holds.
        never: what it does not hold.
        title: of the first document, where it has one.
        headings: that some chunk stands under, the innermost last.
        facts: what the documents' metadata hold, by the ends of their ids.
        fails: what the messages of failures hold, one for each.
    """

    documents: int = 1
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    title: str | None = None
    headings: tuple[str, ...] = ()
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    fails: tuple[str, ...] = ()


NOTES = tuple(f"note {i} about the harbour" for i in range(3))
BRIEF = ("note 0", "note 1")
JAPANESE = "灯台守は一日に二回、潮の高さを記録します"

CASES = {
    "chr-line-separator": Right(says=("First paragraph of the log.\n\nSecond paragraph of the log.\n\nThird line.",)),
    "chr-tabs-in-text": Right(says=("station\theight\tnote\nNorth\t\tdry\nSouth\t3",)),
    "csv-backslash-escape": Right(3, ('He said "high, tide" loudly', "plain", "third")),
    "csv-comment-lines": Right(3, NOTES),
    "csv-cp1252": Right(3, ("Größe der Flut", "café", "plain")),
    "csv-cr-only": Right(3, NOTES),
    "csv-header-spaces": Right(2, ("first", "second")),
    "csv-no-header": Right(0, fails=("no column 'body' or 'id'; there are 0, note 0 about the harbour",)),
    "csv-plain-folder": Right(
        201, ("The keeper logs the tide.", "station: North 7\nheight: 7\nremark: remark number 7")
    ),
    "csv-ragged-middle": Right(39, (*NOTES, "note 39 about the harbour"), fails=("it has 3 fields",)),
    "csv-semicolon": Right(3, NOTES),
    "csv-sep-line": Right(3, NOTES),
    "csv-tsv-stray-quote": Right(4, ('"Tide" is a word', '"unclosed mark at the start', "plain row", 'another "row')),
    "csv-upper-tsv": Right(3, NOTES),
    "cut-log-line": Right(never=("\nRetrying!",)),
    "docx-core-title": Right(title="Annual report", says=("Plain words of the keeper.",)),
    "docx-escaping": Right(
        says=("snake_case_name costs 5*3 < 20 # not | a table\n\n1986. A great year.\n\n# no heading",), never=("\\",)
    ),
    "docx-headings": Right(title="The tower", headings=("History", "Lamp")),
    "docx-image": Right(says=("Before.", "plan of the tower", "After."), never=("base64",)),
    "docx-part-name": Right(says=("Words of the main part.",)),
    "docx-tracked": Right(says=("The rent is 950 a month.", "Whole new paragraph.", "Moved words.")),
    "enc-iso-2022-jp": Right(says=(JAPANESE,)),
    "enc-jsonl-one-bad-byte": Right(40, ("Zoë – «Ärger» im Hafen, Nr. 1.", "Zoë – «Ärger» im Hafen, Nr. 39.")),
    "enc-legacy-short-text": Right(
        14,
        (
            JAPANESE, "Le gardien du phare relève la marée deux fois par jour", "à côté du poêle", "燈塔看守人每天兩次",
            "灯塔看守人每天两次", "Смотритель маяка записывает высоту прилива", "Der Leuchtturmwärter prüft täglich",
            "Latarnik zapisuje wysokość pływu", "등대지기는 하루에 두 번", "שומר המגדלור", "Ο φαροφύλακας καταγράφει",
        ),
        ("�",),
    ),
    "enc-nul-in-log": Right(says=("08:00 pump started\n09:00 pump stopped",), never=("\0",)),
    "enc-one-bad-byte": Right(says=("Entry 1: the tide stood at 1 m, wind from the north – café «Môle» closed.",)),
    "enc-utf16-no-bom": Right(says=("The keeper logs the tide twice a day.\nThe log lies on the shelf.",)),
    "epub-order": Right(
        title="The Tide Book", headings=("Chapter two",), never=("Title:",),
        says=("# Chapter one\n\nThe sea was calm.\n\n# Chapter two\n\nThen the storm came.",),
    ),
    "fmt-eml": Right(
        title="Sturmwarnung für Samstag", never=("=C3=BC", "DKIM", "base64"),
        says=("From: Harbour <harbour@example.org>", "Date: Fri, 01 Mar 2024", "Bitte die Türen schließen"),
        fails=("not a readable PDF",),  # the map that is attached
    ),
    "fmt-empty-files": Right(3, ('"""Tides."""\nHEIGHT = 3',)),
    "fmt-ipynb": Right(
        title="The tide model", says=("def tide(hours):\n    return hours % 12",), never=("cell_type", "iVBORw0KGgo")
    ),
    "fmt-json-records": Right(3, ('Record 2: the tide is "high" today.\nSecond line.',)),
    "fmt-xml": Right(says=("Tom & the tide < 3 m",), never=("&amp;", "<note>")),
    "html-fragment": Right(2, ("Annual accounts for the business year 2020", "Just a short line.")),
    "html-headings": Right(headings=("Log", "Evening", "Lamp"), never=("¶",), title="Lamp log"),
    "html-headings-lost": Right(headings=("Release notes", "Part 9 of the notes")),
    "html-named-pdf": Right(says=("The keeper walks up the stairs each evening",), title="Lamp log"),
    "html-nested-inline": Right(says=("The lamphouse has two big lenses, H2O in tank_1; see below.",)),
    "html-title-markup": Right(title="The lamp log"),
    "html-title-spaces": Right(title="Lamp & log — Station"),
    "jl-cr-only": Right(3, BRIEF),
    "jl-dotted-field": Right(2, BRIEF),
    "jl-formatting-kept": Right(title="Title", headings=("Title",), says=("x  = 1\nyy = 2",)),
    "jl-metadata-loses-text": Right(
        2, ("The keeper logs the tide.", "The pump is old."), facts={":f": {"year": None}, ":g": {"year": 1987}}
    ),
    "jl-metadata-numbers": Right(
        7,
        facts={
            f":{key}": {"year": year}
            for key, year in zip("abcdefg", (None, 2020, None, 7, 1000, None, None), strict=True)
        },
    ),
    "jl-nested-text": Right(
        1, ("First paragraph.\nSecond paragraph.",), ("['First", "{'en'"),
        fails=("name what is meant: body.en, body.de",),
    ),
    "jl-one-line-array": Right(3, BRIEF),
    "jl-pretty-array": Right(20, (*BRIEF, "note 19")),
    "jl-record-separator": Right(3, BRIEF),
    "jl-wrong-text-column": Right(0, fails=("no column 'txet'; there are id, text",)),
    "md-front-matter": Right(title="Tide tables for beginners", headings=("Reading a table",), never=("tags:",)),
    "md-heading-markup": Right(title="The log", headings=("The log", "Using tide and links", "Two line heading")),
    "md-long-table": Right(headings=("Stations", "columns: Station | Height of the tide | Wind direction")),
    "md-toml-front-matter": Right(title="Tide tables", says=("Tides follow the moon.",), never=("draft",)),
    "odt": Right(title="Log", says=("The keeper logs the tide.",)),
    "pdf-form": Right(says=("Name of the keeper", "Ann Example")),
    "pdf-headers-footers": Right(
        says=tuple(f"Part {i} of one long sentence" for i in range(1, 6)), never=("Page", "page")
    ),
    "pdf-hyphens": Right(says=("The old lighthouse stands on a well-known rock in the harbour of the town.",)),
    "pdf-junk-before-no-name": Right(says=("The keeper walks up the stairs",), never=("endobj", "/Type")),
    "pdf-lines-joined": Right(
        says=(
            "The keeper walks up the stairs each evening and lights the lamp.\n\nA new paragraph begins after a gap."
            " It goes on here.",
        )
    ),
    "pdf-title-garbage": Right(says=("The keeper walks up the stairs",), title=""),
    "pdf-two-columns": Right(
        says=("Left line 0 of the column Left line 1", "Left line 7 of the column\n\nRight line 0")
    ),
    "pptx-all": Right(
        title="The lamp", headings=("Numbers",), never=("<!--",),
        says=("Burns oil\nand gas", "Say that the lamp is old.", "| Mon | 3 m |", "| west | 7 |", "Grouped words"),
    ),
    "pptx-no-text": Right(0, fails=("there is no text on 2 slides",)),
    "pq-spark-folder": Right(2, ("tide one", "tide two"), facts={":1": {"year": 2024}, ":2": {"year": 2024}}),
    "pq-upper-extension": Right(6, ("tide 0 one", "tide 1 two", "tide 2 one")),
    "xlsx-long-sheet": Right(headings=("Stations", "columns: Station | Height | Remark")),
    "xlsx-nan": Right(says=("| Oil | 12 | 2026-01-05 | TRUE |", "| Wick |"), never=("NaN", "NaT", "Unnamed")),
}  # fmt: skip

RECORDS = {"id": "id", "text": "body"}
FIELDS: dict[str, dict[str, str] | None] = {
    "csv-plain-folder": None, "enc-jsonl-one-bad-byte": {"id": "id"}, "fmt-json-records": RECORDS,
    "jl-dotted-field": {"id": "id", "text": "payload.body"}, "jl-nested-text": {"text": "body"},
    "jl-formatting-kept": {"text": "body", "format": "markdown"}, "jl-wrong-text-column": {"id": "id", "text": "txet"},
}  # fmt: skip


def test_every_input_is_right_or_told(make_corpus: Callable[..., Path]) -> None:
    assert {path.name for path in TRIALS.iterdir()} == {*CASES}
    sources = []
    for case in CASES:
        fields = FIELDS.get(case, RECORDS if re.match("csv|jl|pq", case) else None)
        sources.append({"name": case, "uri": str(TRIALS / case)} | ({"fields": fields} if fields else {}))
    kinds = {"year": "integer", "lang": "string", "price": "number", "when": "string"}
    corpus_file = make_corpus(sources=sources, metadata=kinds, deduplication="none")
    report = ingest(str(corpus_file))
    assert report.documents.skipped == {"marks of Spark and Hive": 2}
    lake = lake_of(corpus_file)
    documents: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows(lake, "documents", "document_id", "source", "state", "title", *kinds):
        documents[row["source"]].append(row)
    chunks: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows(lake, "chunks", "source", "document_id", "ordinal", "text", "heading_path"):
        chunks[row["source"]].append(row)
    failures: dict[str, list[str]] = defaultdict(list)
    for row in rows(lake, "failures", "document_id", "message"):
        failures[row["document_id"].split(":")[0]].append(row["message"])
    wrong = [
        f"{case}: {problem}"
        for case, right in CASES.items()
        for problem in _problems(right, documents[case], chunks[case], failures[case])
    ]
    assert wrong == []
    assert ingest(str(corpus_file)).idle


def _problems(
    right: Right, documents: list[dict[str, Any]], chunks: list[dict[str, Any]], failures: list[str]
) -> list[str]:
    """What is not as it should be."""
    active = sorted((row for row in documents if row["state"] == "active"), key=lambda row: str(row["document_id"]))
    parts = sorted(chunks, key=lambda row: (row["document_id"], row["ordinal"]))
    text = "\n\n".join(row["text"] for row in parts)
    under = {heading for row in parts for heading in row["heading_path"]}
    found = [f"{len(active)} documents"] if len(active) != right.documents else []
    found += [f"missing: {part!r}" for part in right.says if part not in text]
    found += [f"should not be there: {part!r}" for part in right.never if part in text]
    found += [f"no chunk under {heading!r}" for heading in right.headings if heading not in under]
    if right.title is not None and (not active or (active[0]["title"] or "") != right.title):
        found.append(f"title {[row['title'] for row in active]}")
    for end, facts in right.facts.items():
        [document] = [row for row in active if row["document_id"].endswith(end)]
        found += [f"{end} has {name} {document[name]}" for name, value in facts.items() if document[name] != value]
    if len(failures) != len(right.fails) or not all(any(part in said for said in failures) for part in right.fails):
        found.append(f"failures {failures}")
    return found
