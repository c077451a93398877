"""The weight of hybrid searches: what known items are, and that a corpus must say clearly that it needs another."""

from typing import Any

import numpy as np
import pytest

from tasks.lake.analysis import analysis_of
from tasks.models.interface import Encoded, Item
from tasks.search.fusion import WEIGHT
from tasks.search.learn import Trial, known_items, learn_from_items, ndcg, weigh

ENGLISH = analysis_of("en")
NOUNS = ("heron", "river", "stone", "water", "bridge", "kettle", "violin", "mountain", "harvest", "lantern", "castle")


def _passages(count: int) -> list[str]:
    chance = np.random.default_rng(0)
    return [
        " ".join(f"The {a} of number {i} stands near the {b} and the {c}." for a, b, c in chance.choice(NOUNS, (3, 3)))
        for i in range(count)
    ]


class Words:
    """An encoder whose vectors are bags of hashed words, or noise."""

    dimension, batch_cost = 64, 10**6

    def __init__(self, noise: bool) -> None:
        self.noise = noise

    def encode_documents(self, items: list[Item]) -> Encoded:
        vectors = np.zeros((len(items), self.dimension), np.float32)
        for vector, item in zip(vectors, items, strict=True):
            words = str(item.content).lower().split()
            for word in words:
                vector[sum(map(ord, word)) % self.dimension] += 1
            if self.noise:
                vector[:] = np.random.default_rng(len(str(item.content))).normal(size=self.dimension)
        return Encoded(vectors, [1] * len(items))

    encode_queries = encode_documents


def test_a_known_item_is_a_sentence_and_what_is_left_of_its_passage() -> None:
    texts = _passages(80)
    items = known_items(texts, ENGLISH)
    assert len(items) == 80
    for place, query, rest in items:
        assert query.endswith(".")
        assert query in texts[place]
        assert query not in rest
    assert items == known_items(texts, ENGLISH)


@pytest.mark.parametrize(
    "text",
    ["def f(x):\n    return x + g(x)\n    # no\nlow = min(a, b)", "One sentence only about herons.", "", "of the."],
)
def test_code_and_single_sentences_are_no_known_items(text: str) -> None:
    assert known_items([text] * 9, ENGLISH) == []


def test_a_model_that_knows_nothing_counts_less() -> None:
    texts = _passages(300)
    noise: Any = Words(noise=True)
    vectors = noise.encode_documents([Item("text", text, 1) for text in texts]).vectors
    learnt = learn_from_items(texts, vectors, ENGLISH, noise, 300)
    assert learnt.weight < WEIGHT
    assert learnt.how == "known items"
    assert learnt.queries == 150
    assert learnt.ndcg["0"] > learnt.ndcg["1"]


def test_with_few_items_the_default_stands() -> None:
    texts = _passages(20)
    words: Any = Words(noise=False)
    vectors = words.encode_documents([Item("text", text, 1) for text in texts]).vectors
    learnt = learn_from_items(texts, vectors, ENGLISH, words, 20)
    assert (learnt.weight, learnt.queries) == (WEIGHT, 20)
    assert "too few" in learnt.how


def test_a_weight_that_is_only_a_little_better_is_not_taken() -> None:
    near = [("a", 0.9), ("b", 0.5)]
    trial = Trial(near, [("a", 5.0), ("b", 1.0)], 10.0, {"a": 1})
    assert weigh([trial] * 60, 0.1, 100, "judgments").weight == WEIGHT
    other = Trial([("b", 0.9), ("a", 0.2)], [("a", 5.0), ("b", 1.0)], 10.0, {"a": 1})
    assert weigh([other] * 60, 0.1, 100, "judgments").weight < WEIGHT


def test_gains_are_those_of_beir() -> None:
    assert ndcg(["a", "b"], {"a": 1}) == 1
    assert ndcg(["b", "a"], {"a": 1}) == pytest.approx(1 / np.log2(3))
    assert ndcg(["b"], {}) == 0
