"""What is new, changed and gone, by what the sources list and the lake knows; nothing is read."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.errors import ShrunkSource
from tasks.ingest.compare import FILE_COLUMNS, MANY, Changes, compare, known_files, matching, refuse_shrinking
from tasks.ingest.identity import VERSIONS, RowSettings
from tasks.sources.listing import File

SETTINGS = {"docs": RowSettings({}, "failed", VERSIONS, least_confidence=0.5)}
READ = SETTINGS["docs"].read("text")
COLUMNS = [*FILE_COLUMNS, "container"]
NAMES = st.sets(st.sampled_from("abcdefgh"))


def file(name: str, tag: str = "1", source: str = "docs") -> File:
    return File(f"{source}:{name}", source, f"/docs/{name}", f"/docs/{name}", tag, 1, "text")


def row(name: str, **more: Any) -> dict[str, Any]:
    """A file's row, as a run wrote it."""
    return {
        "document_id": f"docs:{name}", "uri": f"/docs/{name}", "tag": "1", "settings": READ, "state": "active",
        "container": None,
    } | more  # fmt: skip


def record(container: str, name: str, **more: Any) -> dict[str, Any]:
    """A record's row."""
    return row(f"{container}#{name}", uri=f"/docs/{container}", tag=None, container=f"docs:{container}", **more)


def changes(
    files: list[File],
    rows: list[dict[str, Any]],
    failures: list[tuple[str, str]] | None = None,
    again: tuple[str, ...] = (),
) -> Changes:
    types = dict.fromkeys(COLUMNS, pa.string()) | {"encoding_confidence": pa.float64()}
    documents = pa.Table.from_pylist(rows, schema=pa.schema(types))
    failed = [{"document_id": f"docs:{name}", "uri": f"/docs/{path}"} for name, path in failures or []]
    table = pa.Table.from_pylist(failed, schema=pa.schema([("document_id", pa.string()), ("uri", pa.string())]))
    return compare(files, known_files(documents, table), SETTINGS, matching(again))


def names(files: list[File]) -> list[str]:
    return [each.document_id.removeprefix("docs:") for each in files]


@given(NAMES, NAMES, NAMES, NAMES)
def test_every_file_is_of_one_kind(listed: set[str], known: set[str], edited: set[str], old: set[str]) -> None:
    files = [file(name, "2" if name in edited else "1") for name in sorted(listed)]
    rows = [row(name, settings="before" if name in old else READ) for name in sorted(known)]
    found = changes(files, rows)
    assert set(names(found.new)) == listed - known
    assert set(names(found.changed)) == listed & known & edited
    assert set(names(found.settings_changed)) == (listed & known & old) - edited
    assert found.reread == []
    assert found.unchanged == len((listed & known) - edited - old)
    assert found.gone == sorted(f"docs:{name}" for name in known - listed)
    assert names(found.to_read) == sorted(listed - ((known - edited) - old))
    assert found.work == bool(found.to_read or found.gone)


@pytest.mark.parametrize(
    ("confidence", "state", "read"),
    [(0.4, "active", True), (0.5, "active", False), (0.4, "stale", False), (None, "active", False)],
)
def test_a_file_whose_encoding_is_too_unsure_by_now_is_read_again(
    confidence: float | None, state: str, read: bool
) -> None:
    settings = "failed" if state == "stale" else READ
    found = changes([file("a")], [row("a", encoding_confidence=confidence, state=state, settings=settings)])
    assert bool(found.settings_changed) is read


def test_a_file_at_another_address_changed() -> None:
    found = changes([replace(file("a"), uri="/moved/a")], [row("a")])
    assert names(found.changed) == ["a"]


@pytest.mark.parametrize(
    ("state", "settings", "settled"),
    [
        ("active", READ, True), ("active", "failed", False), ("container", READ, True),
        ("quarantined", "failed", True), ("quarantined", READ, False),
        ("stale", "failed", True), ("stale", READ, False),
    ],
)  # fmt: skip
def test_what_failed_is_read_again_under_other_settings_than_what_did_not(
    state: str, settings: str, settled: bool
) -> None:
    found = changes([file("a")], [row("a", state=state, settings=settings)])
    assert names(found.settings_changed) == ([] if settled else ["a"])


@pytest.mark.parametrize(("settings", "settled"), [("failed", True), ("before", False)])
def test_a_file_is_read_again_for_a_record_that_failed_under_other_settings(settings: str, settled: bool) -> None:
    rows = [
        row("a.jsonl", state="container"), record("a.jsonl", "1"),
        record("a.jsonl", "2", state="quarantined", settings=settings),
    ]  # fmt: skip
    assert names(changes([file("a.jsonl")], rows).settings_changed) == ([] if settled else ["a.jsonl"])


def test_records_whose_file_has_no_row_go_with_it() -> None:
    rows = [record("a.jsonl", "1"), record("b.jsonl", "1")]
    found = changes([file("b.jsonl")], rows)
    assert names(found.new) == ["b.jsonl"]
    assert found.gone == ["docs:a.jsonl"]


def test_a_failure_without_a_row_has_its_file_read_again_or_goes_with_it() -> None:
    rows = [row("a"), row("b")]
    found = changes([file("a"), file("b")], rows, [("a#1", "a"), ("b", "b"), ("c", "c")])
    assert names(found.settings_changed) == ["a"]  # what failed of b has a row
    assert found.gone == ["docs:a#1", "docs:c"]


def test_files_of_a_pattern_are_read_although_nothing_changed() -> None:
    found = changes([file("a.md"), file("deep/b.md"), file("c.txt")], [row("a.md"), row("deep/b.md"), row("c.txt")])
    assert (found.unchanged, found.work) == (3, False)
    rows = [row("a.md"), row("deep/b.md"), row("c.txt")]
    again = changes([file("a.md"), file("deep/b.md"), file("c.txt")], rows, again=("/deep/", "c.*"))
    assert (names(again.reread), again.unchanged) == (["deep/b.md", "c.txt"], 1)


def refused(now: int, then: int, sources: tuple[str, ...] = ("docs",)) -> bool:
    try:
        refuse_shrinking(sources, [file(str(i)) for i in range(now)], [f"docs:{i}" for i in range(then)])
    except ShrunkSource:
        return True
    return False


@given(st.integers(0, 40), st.integers(0, 40))
@example(MANY // 2, MANY)
@example(MANY // 2 - 1, MANY)
@example(1, MANY - 1)
def test_a_source_shrinks_by_half_at_most_unless_it_is_small(now: int, then: int) -> None:
    suspicious = then > 0 and (now == 0 or (then >= MANY and now < then / 2))
    assert refused(now, then) == suspicious


def test_a_source_that_is_not_declared_any_more_is_asked_about() -> None:
    assert refused(5, 5, ())
    with pytest.raises(ShrunkSource, match=r"'docs' is not in the corpus file any more; the lake has 2 files"):
        refuse_shrinking(["books"], [], ["docs:a", "docs:b:c"])
