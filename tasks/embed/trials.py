"""What a failure to embed means: for an item, a batch, or the encoder as a whole; the one place that decides it.

| raised by the encoder | means |
|---|---|
| `RefusedChunk` | of a batch, one of its items; of a single item, that this one fails |
| `OversizedBatch` | the batch is cut in halves; a single item fails |
| `ServiceError`, transient | nothing is asked for a while, then the batch is done again; after long, the run ends |
| any other `ModelError` | the run ends at once, and nothing is said of any item |
| anything else | see below |

A batch that fails for an unknown reason is halved until a single item is left. That item fails for good only when it
failed alone several times while an item that is known to be good went through in between. If that one fails too, the
encoder is broken, and nothing is said of any item.
"""

import time
from collections import Counter, deque
from collections.abc import Callable

import pyarrow as pa

from tasks.embed.batches import Batch, halve
from tasks.errors import DocumentError, ModelError, OversizedBatch, RefusedChunk, ServiceError, UnusableVector
from tasks.models.interface import Item, Samples
from tasks.models.probes import probe

_TRIES = 3  # of an item alone
_DOUBTFUL = 32  # items that fail alone before any was embedded, after which the encoder is asked by another one
_PATIENCE = 900.0  # seconds without a success, after which a service that fails in passing is given up
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds

AtFault = list[tuple[Batch, DocumentError]]
"""Batches of a single item that cannot be embedded, and why."""


class Trials:
    """Batches to do again, and the verdict on items.

    Args:
        model: its name, for messages.
        good: an item that the model has embedded, if any is known.
        clock: seconds, going on.
    """

    def __init__(self, model: str, good: Item | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._model = model
        self._good = {good.modality: good} if good else {}  # by modality: of one, nothing tells of another
        self._clock = clock
        self._waiting: deque[Batch] = deque()
        self._doubtful: list[tuple[Batch, Exception]] = []
        self._checks: dict[Batch, list[tuple[Batch, Exception]]] = {}  # batches of a good item: which wait for it
        self._tries: Counter[Batch] = Counter()
        self._pauses = 0  # one after the other
        self._paused_until = 0.0
        self._failing_since: float | None = None

    def __bool__(self) -> bool:
        return bool(self._waiting or self._doubtful)

    def pause(self) -> float:
        """Seconds for which nothing is to be asked; 0 where it may be."""
        return max(self._paused_until - self._clock(), 0.0) if self._failing_since is not None else 0.0

    def next(self, idle: bool) -> Batch | None:
        """A batch to do again, if there is one.

        Args:
            idle: whether nothing else is under way: then items that no good one speaks for yet are judged.
        """
        if not self._waiting and (ready := [one for one in self._doubtful if idle or _modality(one[0]) in self._good]):
            self._judge(ready)
        return self._waiting.popleft() if self._waiting else None

    def passed(self, batch: Batch) -> AtFault | None:
        """A batch was embedded. None if it is to be landed; if it was a good item's, the batches of a single item that
        are found to be at fault, with their errors."""
        self._good.setdefault(_modality(batch), batch.items[0])
        self._failing_since, self._pauses = None, 0
        if batch not in self._checks:
            return None
        at_fault: AtFault = []
        for suspect, error in self._checks.pop(batch):
            if self._tries[suspect] == _TRIES:
                del self._tries[suspect]
                at_fault.append((suspect, _cause(error)))
            else:
                self._again(suspect)
        return at_fault

    def failed(self, batch: Batch, error: Exception) -> AtFault:
        """A batch was not embedded; the batches of a single item that are found to be at fault.

        Raises:
            ModelError: the encoder is at fault.
        """
        if isinstance(error, ServiceError) and error.transient:
            self._pause(error)
            self._waiting.append(batch)
        elif isinstance(error, ModelError):
            raise error
        elif isinstance(error, RefusedChunk | OversizedBatch) and batch not in self._checks:
            if len(batch.items) == 1:
                return [(batch, _cause(error))]
            self._again(batch)
        else:
            self._suspect(batch, error)
        return []

    def _suspect(self, batch: Batch, error: Exception) -> None:
        """A batch was not embedded, and the reason does not tell whose fault it is."""
        if batch in self._checks:
            raise ModelError(
                f"model {self._model!r} embeds nothing any more, not even what is surely good:"
                f" {type(error).__name__}: {str(error)[-500:]}",
                "What was embedded is landed and no text was marked as failed. See to the device, the memory and the"
                " model, then run again.",
            ) from None
        if len(batch.items) == 1:
            self._tries[batch] += 1
        good = self._good.get(_modality(batch))
        if good is None and len(batch.items) > 1:
            self._again(batch)
        elif good is None:
            self._doubtful.append((batch, error))
            if len(self._doubtful) >= _DOUBTFUL:
                self._judge(self._doubtful)
        else:
            self._check(good, [(batch, error)])

    def _pause(self, error: ServiceError) -> None:
        now = self._clock()
        self._failing_since = now if self._failing_since is None else self._failing_since
        if now - self._failing_since > _PATIENCE:
            raise ModelError(
                f"model {self._model!r} was not to be had for {_PATIENCE:.0f} seconds: {error.message}",
                "What was embedded is landed. Run again when it answers: it goes on from here.",
            ) from None
        if now >= self._paused_until:  # several batches may fail at once
            seconds = min(_FIRST_PAUSE * 2**self._pauses, _LONGEST_PAUSE)
            self._pauses += 1
            self._paused_until = now + max(seconds, error.retry_after)

    def _judge(self, doubtful: list[tuple[Batch, Exception]]) -> None:
        """Have the encoder asked by a good item of each modality that items failed of."""
        for modality in dict.fromkeys(_modality(batch) for batch, _ in doubtful):
            those = [one for one in doubtful if _modality(one[0]) == modality]
            self._check(self._good.get(modality) or _probe(those[0][0].items[0]), those)
        judged = {batch for batch, _ in doubtful}
        self._doubtful = [one for one in self._doubtful if one[0] not in judged]

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


def _probe(like: Item) -> Item:
    return probe(like.modality, like.content.rate) if isinstance(like.content, Samples) else probe(like.modality)


def _modality(batch: Batch) -> str:
    return batch.items[0].modality


def _cause(error: Exception) -> DocumentError:
    """What is to be said of an item."""
    if isinstance(error, DocumentError):
        return error
    if isinstance(error, OversizedBatch):
        return RefusedChunk(error.message, error.hint)
    return UnusableVector(f"{type(error).__name__}: {str(error)[-500:]}")
