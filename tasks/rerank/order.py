"""The order that a reranker gives some texts, or the one that they had where it fails or is late."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tasks.errors import EmbedlakeError
from tasks.patience import WaitedInVain, each_within
from tasks.rerank.interface import Reranker


@dataclass(frozen=True, slots=True)
class Reranked:
    """Texts as a reranker orders them.

    Attributes:
        order: positions of the texts, best first.
        scores: of each text, in the order that the texts were given; None where they were not scored.
        note: why the texts keep the order that they were given in; empty where they were scored.
    """

    order: list[int]
    scores: list[float] | None
    note: str = ""


def rerank(load: Callable[[], Reranker], query: str, texts: Sequence[str], seconds: float) -> Reranked:
    """Order texts by a reranker's scores. Of equal scores the order stays.

    Args:
        load: gives the reranker; what it takes does not count.
        query: that the texts were found for.
        texts: best first.
        seconds: the longest wait for scores. A reranker that is late goes on in a thread of its own until it ends.
    """
    standing = list(range(len(texts)))
    if not texts:
        return Reranked(standing, [])
    try:
        reranker = load()
        scores = next(each_within((reranker.scores(query, texts) for _ in range(1)), seconds))
        if len(scores) != len(texts) or not all(math.isfinite(score) for score in scores):
            note = f"expected {len(texts)} finite scores, came {len(scores)} scores"
        else:
            return Reranked(sorted(standing, key=lambda i: -scores[i]), [float(score) for score in scores])
    except (WaitedInVain, TimeoutError):
        note = f"its scores did not come within {seconds:g} s"
    except EmbedlakeError as error:
        note = error.message
    except Exception as error:  # a reranker may be anyone's
        note = f"{type(error).__name__}: {str(error)[:300]}"
    return Reranked(standing, None, f"not reranked: {note}")
