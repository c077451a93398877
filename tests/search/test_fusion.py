"""Two lists made one: what counts how much, and that the order depends on nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from tasks.search.fusion import DEPTH, fuse, most_words

SCORES = st.dictionaries(st.integers(0, 400).map(str), st.floats(0, 1), max_size=250)


def _best_first(scores: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(scores.items(), key=lambda item: -item[1])


def test_a_passage_that_both_lists_have_is_above_those_of_one() -> None:
    near = [("a", 0.9), ("b", 0.88), ("c", 0.1)]
    matching = [("b", 9.0), ("d", 8.0)]
    assert [one.key for one in fuse(near, matching, 0.5, 0.1, 20.0)] == ["b", "a", "d", "c"]


def test_few_of_the_words_of_a_query_count_little() -> None:
    near, matching = [("a", 0.8), ("b", 0.7), ("c", 0.2)], [("b", 9.0)]
    some, all_but_none = most_words(4, 10_000), most_words(40, 10_000)
    assert fuse(near, matching, 0.5, 0.1, some)[0].key == "b"
    assert fuse(near, matching, 0.5, 0.1, all_but_none)[0].key == "a"


@given(SCORES, SCORES, st.floats(0, 1))
def test_every_passage_is_there_once_and_scores_explain_themselves(
    near: dict[str, float], matching: dict[str, float], weight: float
) -> None:
    found = fuse(_best_first(near), _best_first(matching), weight, 0.1, 5.0)
    assert sorted(one.key for one in found) == sorted({**near, **matching})
    for one in found:
        parts = ((weight, one.vector), (1 - weight, one.text))
        assert one.score == sum(share * standing.share for share, standing in parts if standing)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


@given(SCORES, SCORES)
def test_longer_lists_change_nothing_above(near: dict[str, float], matching: dict[str, float]) -> None:
    whole_near, whole_matching = _best_first(near), _best_first(matching)
    long = fuse(whole_near, whole_matching, 0.5, 0.1, 5.0)
    short = fuse(whole_near[:DEPTH], whole_matching[:DEPTH], 0.5, 0.1, 5.0)
    scores = {one.key: one.score for one in long}
    above = [one.key for one in short if one.score > 0]
    assert [one.key for one in long if one.score > 0 and one.key in above] == above
    assert all(one.score == scores[one.key] for one in short)


def test_the_weight_says_which_list_counts() -> None:
    near, matching = [("a", 0.9), ("b", 0.2)], [("b", 9.0), ("a", 1.0)]
    assert [fuse(near, matching, weight, 0.1, 9.0)[0].key for weight in (0.0, 1.0)] == ["b", "a"]
