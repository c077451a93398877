"""Whose fault it is that a batch was not embedded: a text's, or the encoder's.

A batch that fails is halved until a single text is left. That text fails for good only when it failed alone several
times while a text that is known to be good went through in between. If that one fails too, the encoder is broken, and
nothing is said of any text.
"""

from collections import Counter, deque

import pyarrow as pa

from tasks.embed.batches import Batch, halve
from tasks.errors import ModelError
from tasks.models.interface import Item, text_items

_TRIES = 3  # of a text alone
_DOUBTFUL = 32  # texts that fail alone before any was embedded, after which the encoder is asked by another text
_OTHER_TEXT = text_items(["The keeper of the lighthouse writes down the tide twice a day."])[0]


class Trials:
    """Batches to do again, and the verdict on texts.

    Args:
        model: its name, for messages.
        good: an item that the model has embedded, if any is known.
    """

    def __init__(self, model: str, good: Item | None) -> None:
        self._model = model
        self._good = good
        self._waiting: deque[Batch] = deque()
        self._doubtful: list[tuple[Batch, Exception]] = []
        self._checks: dict[Batch, list[tuple[Batch, Exception]]] = {}  # batches of a good text: which wait for it
        self._tries: Counter[Batch] = Counter()

    def __bool__(self) -> bool:
        return bool(self._waiting or self._doubtful)

    def next(self, idle: bool) -> Batch | None:
        """A batch to do again, if there is one.

        Args:
            idle: whether nothing else is under way: then texts that no good one speaks for yet are judged.
        """
        if not self._waiting and self._doubtful and (idle or self._good):
            self._check(self._good or _OTHER_TEXT, self._doubtful)
            self._doubtful = []
        return self._waiting.popleft() if self._waiting else None

    def passed(self, batch: Batch) -> list[tuple[Batch, Exception]] | None:
        """A batch was embedded. None if it is to be landed; if it was a good text's, the batches of a single text that
        are found to be at fault, with their errors."""
        self._good = self._good or batch.items[0]
        if batch not in self._checks:
            return None
        at_fault = []
        for suspect, error in self._checks.pop(batch):
            if self._tries[suspect] == _TRIES:
                del self._tries[suspect]
                at_fault.append((suspect, error))
            else:
                self._again(suspect)
        return at_fault

    def failed(self, batch: Batch, error: Exception) -> None:
        """A batch was not embedded.

        Raises:
            ModelError: the encoder is at fault.
        """
        if batch in self._checks:
            raise ModelError(
                f"model {self._model!r} embeds nothing any more, not even a text that was good before:"
                f" {type(error).__name__}: {str(error)[-500:]}",
                "What was embedded is landed and no text was set aside for it. See to the device, the memory and the"
                " model, then run again.",
            ) from None
        if len(batch.items) == 1:
            self._tries[batch] += 1
        if self._good is None and len(batch.items) > 1:
            self._again(batch)
        elif self._good is None:
            self._doubtful.append((batch, error))
            if len(self._doubtful) >= _DOUBTFUL:
                self._check(_OTHER_TEXT, self._doubtful)
                self._doubtful = []
        else:
            self._check(self._good, [(batch, error)])

    def _check(self, item: Item, suspects: list[tuple[Batch, Exception]]) -> None:
        check = Batch(pa.table({}), [item], [])
        self._checks[check] = suspects
        self._waiting.append(check)

    def _again(self, batch: Batch) -> None:
        middle = len(batch.items) // 2
        if middle:
            self._waiting += [halve(batch, 0, middle), halve(batch, middle, len(batch.items))]
        else:
            self._waiting.append(batch)
