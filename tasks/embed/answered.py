"""The answers of a batch as an encoder: what has one is landed in the way of all vectors."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from tasks.embed.draft import PROBE
from tasks.embed.pools import LocalPool
from tasks.errors import RefusedChunk, ServiceError
from tasks.hashing import hash_text
from tasks.models.api.answers import Vector
from tasks.models.api.batch_client import Outcome
from tasks.models.api.batch_wires import NotDone
from tasks.models.api.bill import Bill
from tasks.models.api.encoder import ApiEncoder
from tasks.models.api.faults import TooLong
from tasks.models.api.fingerprint import PROBES
from tasks.models.interface import TEXT, Encoded, Item, Vectors, texts_of
from tasks.services import malformed

_AT_ONCE = 1_000_000  # tokens in a call: nothing is computed


@dataclass(slots=True)
class Answers:
    """What the requests of a job came to.

    Attributes:
        vectors: by content, with the tokens that the provider billed, where it says so.
        refused: contents that cannot be embedded, and why.
        unusable: contents of which an answer came that cannot be used.
        wrong: what is wrong with the service as a whole, where an answer says so.
        probes: vectors of the probes, by their numbers.
        billed: tokens.
        unknown: answers to what was not asked.
    """

    vectors: dict[str, tuple[Vector, int | None]] = field(default_factory=dict)
    refused: dict[str, RefusedChunk] = field(default_factory=dict)
    unusable: set[str] = field(default_factory=set)
    wrong: ServiceError | None = None
    probes: dict[int, Vector] = field(default_factory=dict)
    billed: int = 0
    unknown: int = 0


def read_answers(
    outcomes: Iterable[tuple[str, Outcome]], asked: Iterable[str], dimension: int, service: str
) -> Answers:
    """Sort what came back: by the names of requests, in whatever order. What was answered twice, and not the same, is
    not to be used; what was not answered is as if it had not been asked.

    Args:
        outcomes: of requests, by their names.
        asked: the contents that a job has.
        dimension: that vectors must have.
        service: its name.

    Raises:
        ServiceError: all vectors have another length.
    """
    found, wanted, lengths = Answers(), {*asked}, set()
    for name, outcome in outcomes:
        found.billed += outcome.tokens or 0
        if outcome.vector is not None:
            lengths.add(len(outcome.vector))
        if name.startswith(PROBE) and name.removeprefix(PROBE).isdecimal():
            if outcome.vector is not None:
                found.probes[int(name.removeprefix(PROBE))] = outcome.vector
        elif name not in wanted:
            found.unknown += 1
        else:
            _sort(found, name, outcome, dimension)
    if lengths and dimension not in lengths:
        raise malformed(service, f"its vectors have {min(lengths)} numbers, not {dimension}")
    return found


def _sort(found: Answers, name: str, outcome: Outcome, dimension: int) -> None:
    fault, vector = outcome.fault, outcome.vector
    if isinstance(fault, RefusedChunk):
        found.refused[name] = fault
    elif isinstance(fault, NotDone) or (isinstance(fault, ServiceError) and fault.transient):
        return
    elif isinstance(fault, ServiceError):
        found.wrong = found.wrong or fault
    elif vector is None or len(vector) != dimension or name in found.unusable:
        found.unusable.add(name)
        found.vectors.pop(name, None)
    elif name in found.vectors and not np.array_equal(found.vectors[name][0], vector):
        found.unusable.add(name)
        del found.vectors[name]
    else:
        found.vectors[name] = (vector, outcome.tokens)


def paid_in_all(bill: Bill, encoder: ApiEncoder) -> tuple[int, float | None]:
    """Tokens and USD, None where nobody knows, that batches and requests cost."""
    cost = None if bill.cost is None or encoder.cost is None else bill.cost + encoder.cost
    return bill.tokens + encoder.billed, cost


class Answered:
    """An encoder that gives what a batch answered. What the provider found too long is asked for at once, shorter.

    Args:
        encoder: of the model: says what was sent, and finishes vectors.
        answers: of a job.
    """

    modalities = TEXT
    concurrency = 1

    def __init__(self, encoder: ApiEncoder, answers: Answers) -> None:
        self._encoder, self._answers = encoder, answers
        self.dimension, self.max_cost = encoder.dimension, encoder.max_cost
        self.batch_cost = _AT_ONCE
        self.backend = f"{encoder.backend}, in batches"

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        """Vectors and costs.

        Raises:
            RefusedChunk: the provider refused one.
        """
        texts = texts_of(items)
        contents = [hash_text(text) for text in texts]
        for refused in filter(None, map(self._answers.refused.get, contents)):
            if isinstance(refused, TooLong) and len(items) == 1:
                return self._encoder.encode_documents(items)
            raise refused
        found = [self._answers.vectors[content] for content in contents]
        counts = [count for _, count in self._encoder.as_sent(texts)]
        costs = [self._encoder.cost_of(count, billed) for count, (_, billed) in zip(counts, found, strict=True)]
        return Encoded(self._encoder.finished([vector for vector, _ in found]), costs)

    def encode_queries(self, items: Sequence[Item]) -> Encoded:
        """As the model does, at once."""
        return self._encoder.encode_queries(items)

    def probes(self) -> Vectors:
        """The vectors of the texts by which the model is known again: of the batch itself, where it has all."""
        found = self._answers.probes
        if len(found) < len(PROBES):
            return self._encoder.probe()
        return self._encoder.finished([found[number] for number in range(len(PROBES))])


class AnsweredPool(LocalPool):
    """A pool of answers.

    Args:
        answered: the answers.
        encoder: whose requests are paid too.
        bill: what batches cost.
    """

    def __init__(self, answered: Answered, encoder: ApiEncoder, bill: Bill) -> None:
        super().__init__(lambda: answered)
        self._api, self._bill = encoder, bill

    @property
    def billed(self) -> int:
        """Tokens that were paid for."""
        return paid_in_all(self._bill, self._api)[0]

    @property
    def cost(self) -> float | None:
        """USD that were paid; None where the price is not known."""
        return paid_in_all(self._bill, self._api)[1]

    def landed(self, contents: pa.ChunkedArray) -> None:
        """What is in the table, or failed, need not be kept."""
        self._api.paid.settle(contents.to_pylist())
