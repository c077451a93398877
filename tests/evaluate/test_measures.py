"""Measures are those of the literature; agreement is between nothing and everything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluate.agreement import overlap, rank_biased_overlap, repeating
from tasks.evaluate.measures import MEASURES, measured
from tasks.search.learn import ndcg

NAMES = st.lists(st.sampled_from("abcdefghijklmnopqrst"), unique=True, max_size=15)


def test_measures_of_lists() -> None:
    grades = {"1": {"a": 2, "b": 1}, "2": {"c": 1}, "3": {"d": 1}}
    found = measured(grades, {"1": ["x", "a"], "2": ["c"], "unasked": ["c"]})
    assert list(found) == list(MEASURES)
    assert found["recall@10"].tolist() == [0.5, 1.0, 0.0]
    assert found["MRR@10"].tolist() == [0.5, 1.0, 0.0]
    assert found["nDCG@10"][0] == pytest.approx(ndcg(["x", "a"], grades["1"]))


def test_no_results_at_all_are_nothing() -> None:
    assert measured({"1": {"a": 1}}, {})["nDCG@10"].tolist() == [0.0]


@given(NAMES, st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 3), min_size=1))
def test_the_order_of_a_list_is_kept_and_ndcg_is_that_of_the_search(ranked: list[str], grades: dict[str, int]) -> None:
    expected = ndcg(ranked, grades)
    assert measured({"1": grades}, {"1": ranked})["nDCG@10"][0] == pytest.approx(expected)


@given(NAMES, NAMES)
def test_agreement_is_symmetric_and_whole_with_itself(these: list[str], those: list[str]) -> None:
    for measure in (overlap, rank_biased_overlap):
        assert 0 <= measure(these, those) <= 1
        assert measure(these, those) == pytest.approx(measure(those, these))
        assert measure(these, these) == pytest.approx(1)
        assert measure(these, [name.upper() for name in those]) == 0 or not (these or those)


def test_the_first_places_count_most() -> None:
    assert rank_biased_overlap("abcdef", "abxyzw") > rank_biased_overlap("abcdef", "xyzwab")


def test_texts_that_nearly_repeat_one_above_them_are_counted() -> None:
    text = "The heron stands in the water and waits for a fish that does not come today or tomorrow"
    assert repeating([text, text + ".", "Something else entirely is said here.", text.replace("today", "now")]) == 1
    assert repeating(["", ""]) == 0
    assert repeating(["one two", "one two"]) == 1
