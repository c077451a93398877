"""Groups of vectors that are alike, named by the words that stand in their texts and not in the others'."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from tasks.models.interface import Vectors

_NAMED_BY = 3  # words
_LONGEST = 25  # characters of a word; longer ones are numbers, addresses or what has no spaces
_COMMONEST = 2  # texts of a group that have a word, at least, for it to name the group
_RUNS = re.compile(r"[^\W\d_]{2,}")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff]")  # kana and Han: words are not told by spaces


class Groups:
    """Groups of normalised vectors by k-means (mini-batches: Sculley, 2010).

    Args:
        vectors: to group, float32 of shape (n, dimension); at least one.
        count: most groups.
        texts: of the vectors, to name the groups by.

    Attributes:
        names: of the groups; each has another one.
    """

    def __init__(self, vectors: Vectors, count: int, texts: Sequence[str]) -> None:
        from sklearn.cluster import MiniBatchKMeans
        from threadpoolctl import threadpool_limits

        count = min(count, len(np.unique(vectors, axis=0)))
        with threadpool_limits(1):  # sums of several threads' parts depend on which one is first
            means = MiniBatchKMeans(count, batch_size=4096, n_init=3, random_state=0).fit(vectors)
        self._centres = np.asarray(means.cluster_centers_, np.float32)
        self.names = named(texts, self.of(vectors), count)

    def of(self, vectors: Vectors) -> np.ndarray:
        """The groups of some vectors, int16 of shape (n,)."""
        centres = self._centres
        farness = (centres**2).sum(axis=1) - 2 * (vectors @ centres.T)
        return np.asarray(farness.argmin(axis=1), np.int16)


def named(texts: Sequence[str], groups: np.ndarray, count: int) -> list[str]:
    """Names for groups of texts: the words that tell most of a text being in its group, `p log(p / q)` for a word that
    the share p of the group's texts has and q of all, which is a word's part of the Kullback-Leibler divergence.
    What stands in every text names none, in whichever language.

    Args:
        texts: some.
        groups: that each is in, integers of shape (n_texts,).
        count: of groups.
    """
    found = [set(words(text)) for text in texts]
    everywhere = Counter(word for one in found for word in one)
    names: list[str] = []
    for group in range(count):
        members = [found[at] for at in np.flatnonzero(groups == group)]
        here = Counter(word for one in members for word in one)

        def telling(word: str, here: Counter[str] = here, size: int = len(members)) -> float:
            share = here[word] / size
            return share * float(np.log(share / (everywhere[word] / len(texts))))

        common = [word for word, often in here.items() if often >= min(_COMMONEST, len(members))]
        best = sorted(common, key=lambda word: (-telling(word), word))[:_NAMED_BY]
        name = ", ".join(best) or "without words"
        names.append(f"{name} ({group + 1})" if name in names or not best else name)
    return names


def words(text: str) -> list[str]:
    """The words of a text as they may name a group: in small letters, of three or more; pairs of letters where spaces
    tell no words."""
    found: list[str] = []
    for run in _RUNS.findall(text.lower()):
        if _UNSPACED.search(run):
            found += [run[at : at + 2] for at in range(len(run) - 1)]
        elif 3 <= len(run) <= _LONGEST:
            found.append(run)
    return found
