"""What the terminal gets to see of documents that other people wrote."""

import json
import re

import pytest

from flows.cli.passages import print_passages
from flows.cli.shows import print_failures, print_findings, print_status
from flows.cli.terminal import print_error, print_json, print_rows, shown
from tasks.errors import BrokenDocument
from tasks.operate.verify import Finding
from tasks.search.passage import Passage

EVIL = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xDC80]))
EVIL = f"a{EVIL}\x1b]0;title\x07\x1b[31m[bold]red[/bold] :warning: [/] \\"
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def test_control_characters_are_seen_and_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    passage = Passage(0.5, EVIL, EVIL, EVIL, [EVIL], 0, 9, 3, EVIL, {}, "c")
    failure = {
        "failure_id": EVIL, "document_id": EVIL, "stage": "read", "error": "BrokenDocument", "attempts": 1,
        "message": EVIL, "hint": EVIL,
    }  # fmt: skip
    status = {
        "corpus": "c", "lake": EVIL, "documents": {EVIL: 3}, "duplicates": 1, "encodings": [], "chunks": 1,
        "modalities": {}, "models": [], "runs": [], "writers": [],
        "others": [{"name": EVIL, "tables": [EVIL], "documents": None, "bytes": 1}],
        "failures": {"total": 1, "last": [failure]}, "notes": [EVIL],
        "switches": [
            {
                "time": "2026-01-01T00:00:00", "from_table": EVIL, "to_table": EVIL, "kind": "promote", "who": EVIL,
                "why": EVIL, "forced": EVIL,
            }
        ],
    }  # fmt: skip
    print_passages([passage])
    print_failures([failure])
    print_status(status)
    print_rows([(EVIL, EVIL)])
    print_findings([Finding("t", EVIL, 1, [EVIL])], f"embedlake run {EVIL}")
    print_error(BrokenDocument(EVIL, EVIL), as_json=False)
    captured = capsys.readouterr()
    for text in (captured.out, captured.err):
        assert not RAW.search(text)
        assert "[bold]red[/bold]" in text
        assert ":warning:" in text
        assert "␛" in text
    assert shown("kept\tas\nit is") == "kept\tas\nit is"


def test_a_name_with_a_line_feed_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_passages([Passage(0.5, "s:a\n2. s:other", None, "", [], 0, 9, None, "text", {}, "c")])
    assert capsys.readouterr().out.startswith("1. s:a␊2. s:other")


def test_json_holds_the_true_values_and_no_raw_control_character(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"text": EVIL, "more": ["Größe 漢字 😀"]}
    print_json(value)
    printed = capsys.readouterr().out
    assert not RAW.search(printed)
    assert json.loads(printed) == value
    assert "Größe 漢字 😀" in printed
