"""Known items: a heading is to find its passage, and nothing gives the answer away."""

from typing import Any

from tasks.evaluate.known import named_items
from tasks.lake.analysis import analysis_of, words_of

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
