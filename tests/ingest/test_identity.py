"""Hashes of settings: an option that is new changes none, and an extractor that is repaired only its own documents'."""

from copy import deepcopy
from typing import Any

import pytest
from pydantic import Field

from tasks.config.part import Settings
from tasks.config.settings import Corpus
from tasks.config.sources import Fields
from tasks.ingest.identity import VERSIONS, RowSettings, row_settings


def corpus(**changes: Any) -> Corpus:
    source = {"name": "docs", "uri": "/docs", **changes.pop("source", {})}
    return Corpus.model_validate({"name": "notes", "sources": [source], "models": ["some/model"], **changes})


def settings(versions: Any = VERSIONS, **changes: Any) -> RowSettings:
    asked = corpus(**changes)
    return row_settings(asked, asked.sources[0], "tokenizer", versions)


def test_todays_hashes_stay() -> None:
    """Lakes have them: with others every document of every lake would be read again."""
    first = settings({stage: dict.fromkeys(names, 1) for stage, names in VERSIONS.items()})
    assert first.read("text", "text/plain") == first.read("pdf", "application/pdf") == "c6b053c0ffd3"
    assert first.failed == "6f7ecde9cc23"


def test_an_option_with_its_default_changes_no_hash() -> None:
    class Layout(Settings):
        delimiter: str = ","

    class Later(Fields):
        joined_by: str = "\n"
        layout: Layout = Field(default_factory=lambda: Layout.model_validate({}))

    today = Fields.model_validate({}).identity()
    assert Later.model_validate({"joined_by": "\n", "layout": {"delimiter": ","}}).identity() == today
    assert Later.model_validate({"joined_by": " "}).identity() == {**today, "joined_by": " "}
    assert Later.model_validate({"layout": {"delimiter": ";"}}).identity() == {**today, "layout": {"delimiter": ";"}}


def test_every_field_of_today_is_hashed_or_left_out_on_purpose() -> None:
    def parts(kind: type[Settings]) -> set[type[Settings]]:
        return {kind}.union(*(parts(each) for each in kind.__subclasses__()))

    for kind in parts(Settings):
        assert kind.hashed_always | kind.hashed_never <= set(kind.model_fields), kind


@pytest.mark.parametrize(
    "changes",
    [
        {"chunking": {"size": 100}},
        {"source": {"format": "markdown"}},
        {"source": {"fields": {"text": "body"}}},
        {"source": {"encoding": "cp1252"}},
        {"source": {"csv": {"delimiter": ";"}}},
        {"metadata": {"year": "integer"}},
        {"extraction": {"max_bytes": 1000}},
    ],
)
def test_what_decides_rows_changes_both_hashes(changes: dict[str, Any]) -> None:
    assert settings(**changes).read("text") != settings().read("text")
    assert settings(**changes).failed != settings().failed


def test_what_may_decide_failures_changes_only_theirs() -> None:
    assert settings(extraction={"timeout": 7}).read("text") == settings().read("text")
    assert settings(extraction={"timeout": 7}).failed != settings().failed


def test_ocr_has_only_documents_with_pages_read_again() -> None:
    today, by_ocr = settings(), settings(extraction={"ocr": True})
    assert by_ocr.read("pdf", "application/pdf") != today.read("pdf", "application/pdf")
    assert by_ocr.read("text", "message/rfc822") != today.read("text", "message/rfc822")
    for format in ("zip", "tar", "mbox"):
        assert by_ocr.read(format) != today.read(format)
    assert by_ocr.read("text", "text/plain") == today.read("text", "text/plain")
    assert by_ocr.failed != today.failed


def test_captions_beside_images_have_no_texts_read_again() -> None:
    asked: dict[str, Any] = {"extraction": {"images": "files"}}
    without, beside = settings(**asked), settings(source={"sidecar": "{stem}.txt"}, **asked)
    assert beside.read("image", "image/jpeg") != without.read("image", "image/jpeg")
    assert beside.read("zip") != without.read("zip")
    assert beside.read("markdown", "text/markdown") == without.read("markdown", "text/markdown")
    metadata = settings(source={"sidecar": "{stem}.json"}, **asked)
    assert metadata.read("markdown", "text/markdown") != without.read("markdown", "text/markdown")


def test_images_within_have_only_documents_read_again_that_may_hold_some() -> None:
    files, every = settings(extraction={"images": "files"}), settings(extraction={"images": "all"})
    for media_type in ("application/pdf", "text/html", "application/epub+zip", "message/rfc822"):
        assert every.read("text", media_type) != files.read("text", media_type)
    for format in ("zip", "tar", "mbox"):
        assert every.read(format) != files.read(format)
    for format, media_type in (("text", "text/plain"), ("code", "text/x-python"), ("image", "image/png")):
        assert every.read(format, media_type) == files.read(format, media_type)
    assert every.failed != files.failed


@pytest.mark.parametrize(
    ("stage", "name", "read_again"),
    [
        ("read", "pdf", {"application/pdf"}),
        ("read", "html", {"text/html"}),
        ("read", "text", {"text/plain", "text/markdown", "text/x-python"}),
        ("chunk", "markdown", {"text/html", "text/markdown", "application/epub+zip", "application/pdf"}),
        ("chunk", "code", {"text/x-python"}),
        ("read", "jsonl", set()),
    ],
)
def test_a_new_version_has_its_own_documents_read_again(stage: str, name: str, read_again: set[str]) -> None:
    newer = deepcopy(VERSIONS)
    newer[stage][name] += 1
    types = ("application/pdf", "text/html", "text/plain", "text/markdown", "text/x-python", "application/epub+zip")
    formats = dict(zip(types, ("pdf", "html", "text", "markdown", "code", "epub"), strict=True))
    before, after = settings(), settings(newer)
    changed = {t for t, form in formats.items() if after.read(form, t) != before.read(form, t)}
    assert changed == read_again
    assert after.failed != before.failed


def test_a_new_version_of_a_record_format_has_its_files_read_again() -> None:
    newer = {**VERSIONS, "read": VERSIONS["read"] | {"csv": VERSIONS["read"]["csv"] + 1}}
    assert settings(newer).read("csv") != settings().read("csv")
    assert settings(newer).read("jsonl") == settings().read("jsonl")


@pytest.mark.parametrize(("stage", "name"), [("read", "pdf"), ("chunk", "markdown")])
def test_a_new_version_has_what_may_hold_its_documents_opened_again(stage: str, name: str) -> None:
    newer = deepcopy(VERSIONS)
    newer[stage][name] += 1
    for held in (("zip",), ("tar",), ("mbox",), ("mail", "message/rfc822")):
        assert settings(newer).read(*held) != settings().read(*held)


def test_a_format_that_is_new_takes_over_the_documents_of_its_name() -> None:
    newer = {**VERSIONS, "read": VERSIONS["read"] | {"diary": 2}}
    assert settings(newer).read("diary", "text/plain") != settings().read("diary", "text/plain")
