"""How much meaning counts against words in a corpus, found by searches whose answer is known.

Without judgments, by known items: a sentence of a passage is the query, and the rest of the passage, without it, is to
be found among others (the inverse cloze task: Lee, Chang and Toutanova, 2019). Only whole sentences of prose are asked:
a line of code shares its names with the lines around it, as no question does. With judgments, by these. Of the weights
that are not worse than the best by more than two standard errors that one is taken which is nearest to the default
(after the rule of Breiman et al., 1984): a corpus must say clearly that it needs another.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import log, log2
from random import Random
from typing import Any

import numpy as np

from tasks.lake.analysis import Analysis, words_of
from tasks.models.interface import Encoder, Vectors, encode_in_parts, text_items, unit
from tasks.search.fusion import DEPTH, WEIGHT, Scored, fuse, most_words
from tasks.search.scales import background_of

WEIGHTS = (0.3, 0.4, 0.5, 0.6, 0.7)
ITEMS = 150  # queries
JUDGMENTS = "judgments"
_LEAST_ITEMS = 50  # with fewer, the default stands
_WORDS = 3, 40  # distinct ones of a query; at least as many in the rest of its passage
_K1, _B = 1.2, 0.75  # of BM25, as the text index has them
_DEPTH = 10  # of the list that is judged
_ERRORS = 2  # standard errors by which a weight may seem worse than the best
_MARKS = re.compile(r"[{}\[\]()=<>_;#*/\\|&%+^~@$]")
_SHARE_OF_MARKS = 0.04  # of a sentence's characters; code has more
_ENDS = (".", "!", "?", "。", "！", "？")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")


@dataclass(frozen=True, slots=True)
class Learnt:
    """What is known of a table for hybrid searches.

    Attributes:
        weight: of meaning against words, from 0 to 1.
        how: `known items`, JUDGMENTS, or why it is the default.
        background: cosine similarity of two passages taken at random.
        rows: of the table, when it was found.
        queries: how many it was found with.
        ndcg: nDCG@10 of these by weight; 1 and 0 are vectors and words alone.
    """

    weight: float
    how: str
    background: float
    rows: int
    queries: int
    ndcg: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Trial:
    """A query whose answer is known.

    Attributes:
        near, matching: what each list gives, as `fuse` takes it.
        most: see `fuse`.
        relevant: grades of what is to be found, by key.
    """

    near: Scored
    matching: Scored
    most: float
    relevant: Mapping[str, int]


def learn_from_items(
    texts: Sequence[str],
    vectors: Vectors,
    analysis: Analysis,
    encoder: Encoder,
    rows: int,
    embedded: Callable[[int, str], str] = lambda _, text: text,
) -> Learnt:
    """The weight by known items.

    Args:
        texts: passages, each once.
        vectors: theirs, of shape (n_texts, dimension).
        analysis: of the text index.
        encoder: of the table's model.
        rows: of the table.
        embedded: what would be embedded of the passage at a place if its text were another.
    """
    background = background_of(vectors)
    items = known_items(texts, analysis)
    if len(items) < _LEAST_ITEMS:
        return Learnt(WEIGHT, f"default: {len(items)} known items are too few", background, rows, len(items), {})
    queries = encoder.encode_queries(text_items(query for _, query, _ in items)).vectors
    rests = encode_in_parts(encoder, text_items(embedded(place, rest) for place, _, rest in items)).vectors
    return weigh(trials_of(items, texts, vectors, queries, rests, analysis), background, rows, "known items")


def known_items(texts: Sequence[str], analysis: Analysis) -> list[tuple[int, str, str]]:
    """Passages spread over some texts: the place of each, one of its sentences, and the rest without it."""
    chance = Random(0)
    order = chance.sample(range(len(texts)), len(texts))
    found: list[tuple[int, str, str]] = []
    least, most = _WORDS
    for place in order:
        sentences = [part.strip() for part in _SENTENCE.split(texts[place])]
        prose = [part for part in sentences if _is_prose(part)]
        fitting = [part for part in prose if least <= len(set(words_of(part, analysis))) <= most]
        if not fitting:
            continue
        query = chance.choice(fitting)
        rest = texts[place].replace(query, " ")
        if len(set(words_of(rest, analysis))) >= least:
            found.append((place, query, rest))
        if len(found) == ITEMS:
            break
    return found


def _is_prose(sentence: str) -> bool:
    return sentence.endswith(_ENDS) and len(_MARKS.findall(sentence)) <= _SHARE_OF_MARKS * len(sentence)


def trials_of(
    items: Sequence[tuple[int, str, str]],
    texts: Sequence[str],
    vectors: Vectors,
    queries: Vectors,
    rests: Vectors,
    analysis: Analysis,
) -> list[Trial]:
    """What both lists give for each item, whose passage is there without its sentence."""
    counts = [Counter(words_of(text, analysis)) for text in texts]
    lengths = np.array([max(count.total(), 1) for count in counts])
    holders: dict[str, list[int]] = {}
    for place, count in enumerate(counts):
        for word in count:
            holders.setdefault(word, []).append(place)
    nearness = unit(queries) @ unit(vectors).T
    own = np.einsum("ij,ij->i", unit(queries), unit(rests))
    trials = []
    for number, (place, query, rest) in enumerate(items):
        words = set(words_of(query, analysis))
        scores = np.zeros(len(texts))
        remaining, left = Counter(words_of(rest, analysis)), dict[str, float]()
        for word in words:
            held = np.array(holders.get(word, ()), np.intp)
            times = np.array([counts[holder][word] for holder in held], np.float64)
            rarity = log(1 + (len(texts) - len(held) + 0.5) / (len(held) + 0.5))
            scores[held] += rarity * _saturated(times, lengths[held] / lengths.mean())
            left[word] = rarity
        scores[place] = sum(
            rarity * float(_saturated(np.array(remaining[word]), np.array(remaining.total() / lengths.mean())))
            for word, rarity in left.items()
        )
        cosines = nearness[number].copy()
        cosines[place] = own[number]
        trials.append(
            Trial(_best(cosines), _best(scores, above=0), most_words(len(words), len(texts)), {str(place): 1})
        )
    return trials


def weigh(trials: Sequence[Trial], background: float, rows: int, how: str) -> Learnt:
    """The weight with which some queries are answered best, as far as they tell."""
    judged = {
        weight: np.array([ndcg(_fused(trial, weight, background), trial.relevant) for trial in trials])
        for weight in (0.0, *WEIGHTS, 1.0)
    }
    best = max(WEIGHTS, key=lambda weight: (judged[weight].mean(), -abs(weight - WEIGHT)))

    def as_good(weight: float) -> bool:
        behind = judged[best] - judged[weight]
        return bool(behind.mean() <= _ERRORS * behind.std(ddof=1) / len(trials) ** 0.5)

    weight = min((w for w in WEIGHTS if as_good(w)), key=lambda w: abs(w - WEIGHT))
    means = {f"{w:g}": round(float(found.mean()), 4) for w, found in judged.items()}
    return Learnt(weight, how, background, rows, len(trials), means)


def ndcg(ranked: Sequence[str], relevant: Mapping[str, int], depth: int = _DEPTH) -> float:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen, 2002); 0 where nothing is relevant."""
    gains = sum(relevant.get(key, 0) / log2(place + 2) for place, key in enumerate(ranked[:depth]))
    ideal = sum(g / log2(place + 2) for place, g in enumerate(sorted(relevant.values(), reverse=True)[:depth]))
    return gains / ideal if ideal else 0.0


def _fused(trial: Trial, weight: float, background: float) -> list[str]:
    return [one.key for one in fuse(trial.near, trial.matching, weight, background, trial.most)[:_DEPTH]]


def _saturated(times: np.ndarray, length: np.ndarray) -> np.ndarray:
    """BM25's share of a word that stands so many times in a passage of so many times the mean length."""
    return times * (_K1 + 1) / (times + _K1 * (1 - _B + _B * length))


def _best(scores: np.ndarray, above: float | None = None) -> list[tuple[str, float]]:
    order = np.argsort(-scores, kind="stable")[:DEPTH]
    return [(str(place), float(scores[place])) for place in order if above is None or scores[place] > above]
