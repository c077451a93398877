"""Titles and headings: bounded, the far ones first to go, and nothing said twice."""

from hypothesis import given
from hypothesis import strategies as st

from tasks.text.headings import MOST, bounded, joined, unsaid

WORDS = st.text(st.sampled_from("ab é漢\n "), max_size=400)


def test_what_is_short_stays_in_order() -> None:
    assert bounded("A manual", ["Part", "Chapter"]) == ("A manual", ("Part", "Chapter"))
    assert bounded(None, []) == ("", ())
    assert joined(None, ["Part", "Chapter"]) == "Part\nChapter"


def test_a_first_heading_that_is_the_title_is_said_once() -> None:
    assert bounded("A Manual", ["A manual", "Chapter"]) == ("A Manual", ("Chapter",))


def test_the_outermost_go_first_the_title_before_all() -> None:
    path = [letter * 100 for letter in "abcd"]
    assert bounded("title", path) == ("", (path[2], path[3]))


def test_one_that_is_long_alone_is_cut_between_words_and_leaves_room() -> None:
    title, path = bounded("A manual", ["word " * 100])
    assert title == "A manual"
    assert path == (("word " * 25).strip(),)


def test_what_a_text_begins_with_is_not_said_again() -> None:
    path = ["Part", "A chapter"]
    assert unsaid("Manual", path, "## A *chapter*\n\nWords.") == ("Manual", ["Part"])
    assert unsaid("Manual", path, "# Part\n\n## A chapter\n\nWords.") == ("Manual", [])
    assert unsaid("Manual", path, "Manual\n======\n\nPart\n----\n\nA chapter: words.") == (None, ())
    assert unsaid("Manual", path, "Words of the manual.") == ("Manual", path)
    assert unsaid("A title", [], "A title.\nThe abstract.") == (None, ())
    assert unsaid(None, [], "Words.") == (None, [])


@given(st.none() | WORDS, st.lists(WORDS, max_size=6))
def test_all_together_have_so_many_bytes_at_most(title: str | None, headings: list[str]) -> None:
    named, path = bounded(title, headings)
    assert sum(len(part.encode()) for part in (named, *path)) <= MOST
    assert all(part and part == " ".join(part.split()) for part in path)
    told = [" ".join(heading.split()) for heading in headings]
    assert all(any(whole.startswith(part) for whole in told) for part in path)
