"""Known items: a heading is to find its passage, and nothing gives the answer away."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from tasks.config.models import Model
from tasks.evaluate.known import named_items, pool_of, ranked_items
from tasks.lake.analysis import analysis_of, words_of
from tasks.lake.nearest import View
from tasks.lake.schemas import embeddings_schema
from tasks.models.template import Template
from tasks.search.retrieve import Scales
from tests.encoders import Seen
from tests.lakes import new_lake, vectors_table

ENGLISH = analysis_of("en")


def row(text: str, title: str | None = None, *headings: str) -> dict[str, Any]:
    return {"title": title, "heading_path": list(headings), "text": text}


def test_a_name_is_taken_out_of_its_passage() -> None:
    rows = [row("Grey herons. The grey herons stand in water, waiting for fish.", "Birds", "Grey herons")]
    [(place, query, rest)] = named_items(rows, ENGLISH)
    assert (place, query) == (0, "Grey herons")
    assert "heron" not in rest.lower()
    assert {"water", "fish"} <= set(words_of(rest, ENGLISH))


def test_a_name_that_several_have_is_asked_with_the_title_or_not_at_all() -> None:
    rows = [
        row("How herons are told from storks and cranes.", "Grey herons", "Introduction to birds"),
        row("How violins are told from violas and cellos.", "Old violins", "Introduction to birds"),
        row("Of rivers, stones, bridges and fords.", "Same title", "Introduction to birds"),
        row("Of kettles, mountains, harvests and ships.", "Same title", "Introduction to birds"),
    ]
    assert [(place, query) for place, query, _ in named_items(rows, ENGLISH)] == [
        (0, "Grey herons Introduction to birds"),
        (1, "Old violins Introduction to birds"),
    ]


def test_names_and_rests_of_too_few_words_ask_nothing() -> None:
    rows = [row("Much is said of herons, storks and cranes here.", "Herons"), row("Grey herons.", "Grey herons")]
    assert named_items([*rows, row("No name has this text of rivers and stones.")], ENGLISH) == []


def test_a_pool_is_searched_in_the_versions_that_it_was_taken_from(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    tables = ["notes.one.0", "notes.two.0"]
    for number, table in enumerate(tables):
        lake.create(table.removeprefix("notes."), embeddings_schema(lake.corpus, 4, {}))
        rows = vectors_table(lake, table, 60 - 20 * number)
        names = [f"Heron {'abcdefghijklmnopqrstuvwxyz'[i % 26] * (2 + i // 26)}" for i in range(len(rows))]
        rows = rows.set_column(rows.column_names.index("title"), "title", pa.array(names))
        lake.merge(table, rows)
    views = [View(lake, table) for table in tables]
    pool = pool_of(views, 100)
    assert sorted(pool.chunk_ids) == sorted(str(i) for i in range(40)), "that both have"
    lake.delete_in(tables[1], "chunk_id", pool.chunk_ids[:30])
    seen = Seen()
    template = Template(Model.model_validate({"model": "some/model", "template": "Note: {text}"}))
    found = ranked_items(views[1], pool, seen, template, Scales(0.5, 0.0), ["vector", "text"])
    assert set(found["vector"]) == set(pool.queries)
    assert len(seen.documents) == len(pool.items)
    assert all(text.startswith("Note: ") for text in seen.documents)
    assert not any(text.startswith("Note: ") for text in seen.queries)
