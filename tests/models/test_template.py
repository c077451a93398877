"""What is embedded of a chunk, by its model's template."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config.models import TEMPLATES, Model, kept_model
from tasks.hashing import hash_text
from tasks.models.template import CONTENT, COST, HASH, Template

WORDS = st.text(max_size=40)


def model(template: str) -> Model:
    return Model.model_validate({"model": "some/model", "template": template})


def rendered(template: str, title: str | None, headings: list[str], text: str) -> str:
    return Template(model(template)).render(title, headings, text)


@pytest.mark.parametrize(
    ("template", "title", "headings", "right"),
    [
        ("text", "Manual", ["Part"], "Words."),
        ("headings", "Manual", ["Part", "Chapter"], "Manual\nPart\nChapter\n\nWords."),
        ("headings", "Manual", ["Manual"], "Manual\n\nWords."),
        ("headings", None, ["Part"], "Part\n\nWords."),
        ("headings", None, [], "Words."),
        ("headings", "Words", ["Part"], "Words\nPart\n\nWords."),
        ("headings", "Manual", ["Words"], "Manual\n\nWords."),
        ("title: {title} | text: {text}", None, [], "title:  | text: Words."),
        ("About {title}\n{text}", None, ["Part"], "Words."),
        ("{{{headings}}} {text}", None, ["Part"], "{Part} Words."),
    ],
)
def test_a_template_puts_title_and_headings_around_a_text(
    template: str, title: str | None, headings: list[str], right: str
) -> None:
    assert rendered(template, title, headings, "Words.") == right


@given(WORDS, st.lists(WORDS, max_size=3), WORDS)
def test_no_text_is_taken_for_a_template_or_changed(title: str, headings: list[str], text: str) -> None:
    assert rendered("text", title, headings, text) == text
    assert rendered("headings", title, headings, text).endswith(text)
    assert rendered("{text}", title, headings, text) == text


@pytest.mark.parametrize(
    "wrong",
    ["", "{title}", "{text} {text}", "{text} {author}", "{text!r}", "{text:>9}", "{} {text}", "{text} }", "titles"],
)
def test_what_is_no_template_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"expected text, headings, or a format|not a format"):
        model(wrong)


def test_a_table_of_texts_alone_has_the_identity_that_it_had_before_templates() -> None:
    before = {"dimension": None, "normalize": True, "document_prompt": None, "max_tokens": None, "int8": False}
    assert model("text").identity() == before
    assert model(TEMPLATES["text"]).identity() == model("text").identity()
    assert model(TEMPLATES["headings"]).identity() == model("headings").identity() != model("text").identity()
    old = Model.model_validate({"model": "some/model"}).model_dump_json(exclude={"template"})
    assert kept_model(old) == model("text")


def test_equal_texts_are_equal_only_where_what_is_embedded_is() -> None:
    rows = pa.table({
        "text": ["Words."] * 3, "text_hash": [hash_text("Words.")] * 3, "token_count": [4] * 3,
        "title": ["A", "A", "B"], "heading_path": pa.array([["C"], ["C"], None], pa.list_(pa.string())),
    })  # fmt: skip
    filled = Template(model("headings")).fill(rows)
    first, second, third = filled[HASH].to_pylist()
    assert first == second == hash_text("A\nC\n\nWords.")
    assert third == hash_text("B\n\nWords.")
    assert min(filled[COST].to_pylist()) > 3
    plain = Template(model("text")).fill(rows)
    assert plain[HASH].to_pylist() == rows["text_hash"].to_pylist()
    assert plain[CONTENT].to_pylist() == rows["text"].to_pylist()


@pytest.mark.parametrize(("template", "alone"), [("headings", True), ("text: {text}", False)])
def test_where_nothing_stands_above_the_text_alone_is_embedded_unless_the_template_adds_to_it(
    template: str, alone: bool
) -> None:
    rows = pa.table({
        "text": ["Words."] * 2, "text_hash": [hash_text("Words.")] * 2, "token_count": [4] * 2,
        "title": pa.array([None, ""], pa.string()), "heading_path": pa.array([[], None], pa.list_(pa.string())),
    })  # fmt: skip
    filled = Template(model(template)).fill(rows)
    assert (filled[CONTENT].to_pylist() == ["Words."] * 2) == alone
    assert filled[HASH].to_pylist() == [hash_text(content) for content in filled[CONTENT].to_pylist()]
