"""What a person is asked to judge: the passages that several searches find for a query, pooled and in no order.

Whoever judges sees neither which search found a passage nor at which rank (pooling: Spärck Jones and van Rijsbergen,
1975). The order is random and the same each time, so that a session goes on where it was.
"""

from collections.abc import Sequence
from random import Random

from tasks.evaluate.arms import Shown


def pooled(query: str, lists: Sequence[Sequence[Shown]], depth: int) -> list[Shown]:
    """The first passages of some lists, one of each document, in an order that depends on the query alone.

    Args:
        query: its id.
        lists: best first.
        depth: of each list.
    """
    found: dict[str, Shown] = {}
    for one in lists:
        for shown in one[:depth]:
            found.setdefault(shown.document_id, shown)
    order = sorted(found)
    Random(query).shuffle(order)
    return [found[document] for document in order]
