"""What a record says in the columns that a source names, and what is said where it says nothing there."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BrokenDocument
from tasks.sources.fields import all_text, as_text, has_column, text_of, unusable, value_at

CHAT = {
    "messages": [
        {"role": "user", "content": "When is the tide?"},
        {"role": "assistant", "content": "At ten.", "meta": {"model": "x"}},
    ],
    "payload": {"body": "inner", "tags": ["a", "b"]},
    "with.dot": "own",
    "empty": [],
    "nothing": None,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("payload.body", "inner"), ("messages.content", ["When is the tide?", "At ten."]),
        ("messages.meta.model", ["x"]), ("payload.tags", ["a", "b"]), ("with.dot", "own"), ("payload.none", None),
        ("none", None), ("payload.body.deeper", None), ("empty.content", None), ("nothing.content", None),
    ],
)  # fmt: skip
def test_dotted_names_reach_into_objects_and_lists(name: str, value: Any) -> None:
    assert value_at(CHAT, name) == value


def test_texts_are_joined_by_line_feeds_and_never_in_python_s_spelling() -> None:
    assert text_of(CHAT, ["messages.content", "none", "payload.tags"]) == "When is the tide?\nAt ten.\na\nb"
    assert as_text(["First.", None, ["Second.", "  "], 3, True]) == "First.\nSecond.\n3\ntrue"
    assert as_text("Größe".encode()) == "Größe"
    assert as_text(Decimal("1.50")) == "1.50"
    assert as_text(date(2024, 3, 1)) == "2024-03-01"
    assert as_text(float("nan")) == as_text(None) == as_text([]) == ""


@pytest.mark.parametrize(
    ("column", "names"), [("payload", "payload.body, payload.tags"), ("messages", "messages.role, messages.content")]
)
def test_an_object_is_refused_by_the_names_that_one_may_use(column: str, names: str) -> None:
    with pytest.raises(BrokenDocument, match="holds an object") as caught:
        text_of(CHAT, [column])
    assert names in caught.value.message
    assert names.split(", ")[0] in caught.value.hint


def test_a_record_of_which_nobody_said_what_its_text_is_gives_its_words_and_numbers() -> None:
    record = {
        "name": "Tide",
        "height": 2.5,
        "tags": ["a"],
        "vector": [0.1, 0.2],
        "raw": b"\0",
        "of": {"a": 1},
        "no": "",
    }
    assert all_text(record) == "name: Tide\nheight: 2.5\ntags: a"


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("payload", True), ("payload.body", True), ("payload.bod", False), ("empty.content", None), ("with.dot", True),
        ("nothing", True), ("nothing.content", None), ("messages.meta.model", True), ("messages.meta.x", False),
    ],
)  # fmt: skip
def test_a_column_without_a_value_is_there(name: str, there: bool | None) -> None:
    assert has_column(CHAT, name) is there


@given(st.lists(st.sampled_from([{"id": 1, "text": "a"}, {"text": None}, {"body": {"en": "a"}}, None]), max_size=6))
def test_a_file_is_given_up_only_where_no_record_has_the_columns(records: list[Any]) -> None:
    found = [record for record in records if record]
    for identity, text in ((None, "text"), ("id", "text"), (None, "body"), (None, "txet")):
        values = [record[text] for record in found if text in record]
        nameless = identity and found and not any(identity in record for record in found)
        wrong = not any(isinstance(value, str) for value in values) and (any(values) or not values)
        assert bool(unusable(records, identity, [text])) == bool(found and (nameless or wrong))


def test_a_wrong_name_is_one_message_with_the_names_that_there_are() -> None:
    records = [{"id": i, "text": "a", "payload": {"body": "b"}} for i in range(50)]
    wrong = unusable(records, None, ["txet", "boddy"])
    assert wrong is not None
    assert wrong.message == "no column 'txet' or 'boddy'; there are id, text, payload, payload.body"
    assert "fields: text" in wrong.hint
    wrong = unusable(records, "key", ["text"])
    assert wrong is not None
    assert wrong.message.startswith("no column 'key'")
    many = unusable([{f"c{i}": 1 for i in range(100)}], None, ["text"])
    assert many is not None
    assert many.message.endswith("c19 and 80 more")


def test_lines_of_which_none_is_an_object_are_one_failure() -> None:
    bad = BrokenDocument("expected a JSON object; came list", "Correct that line.")
    wrong = unusable([bad, None, bad], None, ["text"])
    assert wrong is not None
    assert wrong.message == "it holds no record: expected a JSON object; came list"
    assert unusable([bad], None, ["text"]) is None  # which is one failure already
    assert unusable([bad, bad, {"text": "a"}], None, ["text"]) is None
