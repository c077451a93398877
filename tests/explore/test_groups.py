import numpy as np

from tasks.explore.groups import Groups, named, words
from tasks.models.interface import unit

TEXTS = ["the cat sat on the mat", "the cat ate the fish", "the stock fell on the market", "the market and the stock"]


def test_groups_are_named_by_words_that_others_lack() -> None:
    names = named(TEXTS, np.array([0, 0, 1, 1]), 2)
    assert names[0].startswith("cat")
    assert set(names[1].split(", ")[:2]) == {"market", "stock"}


def test_names_are_distinct_and_groups_without_words_have_one() -> None:
    names = named(["same words", "same words", "1 2 3", ""], np.array([0, 1, 2, 3]), 4)
    assert len(set(names)) == 4
    assert "without words" in names[2]


def test_words_of_scripts_without_spaces_are_pairs() -> None:
    assert words("Über 12 Häuser, a_b") == ["über", "häuser"]
    assert words("東京都に") == ["東京", "京都", "都に"]
    assert words("x" * 26) == []


def test_groups_find_what_lies_together_and_do_so_again() -> None:
    generator = np.random.default_rng(1)
    centres = generator.normal(0, 1, (3, 8))
    truth = np.arange(90) % 3
    vectors = unit(centres[truth] + generator.normal(0, 0.05, (90, 8)))
    texts = [["red apple", "blue sky", "green grass"][one] for one in truth]
    groups = Groups(vectors, 3, texts)
    found = groups.of(vectors)
    assert len({(int(a), int(b)) for a, b in zip(found, truth, strict=True)}) == 3
    assert {groups.names[group] for group in found} == {"apple, red", "blue, sky", "grass, green"}
    assert np.array_equal(found, Groups(vectors, 3, texts).of(vectors))


def test_fewer_distinct_vectors_than_groups() -> None:
    vectors = unit(np.ones((20, 4)))
    assert Groups(vectors, 5, ["a word here"] * 20).of(vectors).tolist() == [0] * 20
