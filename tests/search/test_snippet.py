"""The words of a query in a passage, and the part of it that is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.lake.analysis import Analysis, analysis_of
from tasks.search.snippet import excerpt, matches

ENGLISH, CHINESE = analysis_of("en"), analysis_of("zh")


@pytest.mark.parametrize(
    ("text", "query", "analysis", "found"),
    [
        ("Bridges and a bridge", "the bridge", ENGLISH, ["Bridges", "bridge"]),
        ("def parse_http_date(x)", "http date", ENGLISH, ["parse_http_date"]),
        ("Le café est là", "CAFE", ENGLISH, ["café"]),
        ("我爱北京天安门", "北京", CHINESE, ["北京"]),
        ("Bridges, a bridge", "Bridge", None, ["bridge"]),
        ("nothing of it", "the", ENGLISH, []),
        ("", "bridge", ENGLISH, []),
    ],
)
def test_words_are_found_as_the_index_takes_them(
    text: str, query: str, analysis: Analysis | None, found: list[str]
) -> None:
    assert [text[start:end] for start, end in matches(text, query, analysis)] == found


def test_the_part_begins_with_the_sentence_that_has_most_words() -> None:
    text = "A river. " * 5 + "A heron stood at the river. " + "Nothing more. " * 20
    first, last = excerpt(text, matches(text, "heron river", ENGLISH), 60)
    assert text[first:last].startswith("A heron stood at the river.")
    assert excerpt(text, [], 60)[0] == 0
    assert excerpt("short", [(0, 2)], 60) == (0, 5)
    long = "x " * 100 + "heron " + "y " * 100
    assert "heron" in long[slice(*excerpt(long, matches(long, "heron", ENGLISH), 40))]


@given(st.text("ab. \n", max_size=300), st.integers(1, 50))
def test_the_part_is_no_longer_than_asked(text: str, length: int) -> None:
    first, last = excerpt(text, matches(text, "ab", ENGLISH), length)
    assert 0 <= first <= last <= len(text)
    assert last - first <= length
    assert bool(text) == (last > first)
