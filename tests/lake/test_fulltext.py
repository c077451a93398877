"""The text index is brought up to date in small segments, which become one when they are many; what is found and its
scores are those of one that was built at once."""

from pathlib import Path

from tasks.hashing import hash_text
from tasks.lake.fulltext import _SEGMENTS, build_text_index, text_indexes
from tasks.lake.nearest import View
from tasks.lake.schemas import embeddings_schema
from tasks.lake.tables import Lake
from tests.lakes import new_lake, vectors_table

TABLE = "notes.tiny.0"
WORDS = ["heron", "river", "stone", "meadow", "rain", "harbour", "lantern"]


def _texts(first: int, count: int) -> list[str]:
    return [
        " ".join(WORDS[(i * k) % 7] for k in range(1, 2 + i % 5)) + f" number {i}" for i in range(first, first + count)
    ]


def _write(lake: Lake, first: int, count: int) -> None:
    rows = vectors_table(lake, TABLE, count, first)
    for name, values in (("text", texts := _texts(first, count)), ("text_hash", list(map(hash_text, texts)))):
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, rows.schema.field(place), [values])
    lake.merge(TABLE, rows)


def _scores(lake: Lake) -> list[list[tuple[str, float]]]:
    view = View(lake, TABLE)
    return [
        sorted((one.text_hash, round(one.score, 4)) for one in view.matching(query, 2_000))
        for query in ("heron", "river stone", "lantern number 7")
    ]


def test_segments_are_few_and_found_as_one(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    lake.create("tiny.0", embeddings_schema(lake.corpus, 16, {}))
    _write(lake, 0, 1_200)
    build_text_index(lake, TABLE)
    counts, rows = [], 1_200
    for _ in range(_SEGMENTS + 2):
        _write(lake, rows, 101)
        rows += 101
        build_text_index(lake, TABLE)
        index = text_indexes(lake.dataset(TABLE))["text"]
        assert index.num_rows_indexed == rows
        counts.append(len(index.segments))
    assert counts == [*range(2, _SEGMENTS + 1), 1, 2, 3]
    in_segments = _scores(lake)
    for column in ("text", "title", "heading_path"):
        lake.dataset(TABLE).drop_index(f"{column}_idx")
    build_text_index(lake, TABLE)
    assert len(text_indexes(lake.dataset(TABLE))["text"].segments) == 1
    assert _scores(lake) == in_segments


def test_a_few_rows_are_found_without_the_index(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    lake.create("tiny.0", embeddings_schema(lake.corpus, 16, {}))
    _write(lake, 0, 1_200)
    build_text_index(lake, TABLE)
    _write(lake, 1_200, 50)
    build_text_index(lake, TABLE)
    assert text_indexes(lake.dataset(TABLE))["text"].num_rows_indexed == 1_200
    assert len(View(lake, TABLE).matching("number", 2_000)) == 1_250
