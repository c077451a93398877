"""A model behind an API as an encoder: a call of it is one request."""

import math
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from threading import Lock

import numpy as np

from tasks.config.models import Model
from tasks.errors import OversizedBatch, RefusedChunk, ServiceError, UnusableVector
from tasks.hashing import hash_text
from tasks.models.api import loop
from tasks.models.api.answers import Vector
from tasks.models.api.client import TRIES, Client, Got
from tasks.models.api.faults import RejectedRequest, TooLong
from tasks.models.api.fingerprint import PROBES
from tasks.models.api.gallery import Gallery, content_of
from tasks.models.api.paid import Paid
from tasks.models.api.tokens import Counter
from tasks.models.api.wire import Kind, Limits, Wire
from tasks.models.interface import TEXT, Encoded, Item, Vectors, by_modality, finish, texts_of

_MOST_TOKENS = 300_000  # of a request, where the provider has no limit
_CAREFUL = 1.5  # tokens of a provider to one that was estimated, at most, until answers tell
_TELLING = 500  # tokens of a request that tells: of a few words, marks around texts are the most
_SPARE = 1.1  # of what answers told
_QUERY_TRIES = 3
_QUERY_SECONDS = 15.0  # for all of them: somebody waits
_QUERIES = 1024  # whose vectors are remembered
_CUTS, _SHORTER = 6, 0.8  # of a text that the service finds too long: how often, and to which share of it


class ApiEncoder:
    """Embeds by a service.

    Args:
        settings: of the model.
        model: as the provider calls it.
        wire: its protocol.
        limits: of a request.
        client: asks.
        counter: of tokens.
        concurrency: requests at once, at most.
        batch_cost: tokens that suit a request; None for as many as it takes.
        gallery: has images embedded, where the model takes them.

    Attributes:
        paid: answers that were paid for and are not landed yet; where they are in memory alone, until they are given.
        batch_items: most texts in a call.
        content_cost: as `batch_cost`, of images.
    """

    def __init__(
        self,
        settings: Model,
        model: str,
        wire: Wire,
        limits: Limits,
        client: Client,
        counter: Counter,
        concurrency: int,
        batch_cost: int | None = None,
        gallery: Gallery | None = None,
    ) -> None:
        self._settings, self._name = settings, wire.name
        self._client, self._counter = client, counter
        self._gallery = gallery
        self.modalities = TEXT | {"image"} if gallery else TEXT
        self.content_cost = gallery.batch_cost if gallery else 0
        self.paid = Paid()
        self.concurrency = concurrency
        self.batch_items = limits.inputs
        self.max_cost = settings.max_tokens or limits.text_tokens
        self._most = limits.tokens or _MOST_TOKENS
        self.batch_cost = min(batch_cost or self._most, self._most if counter.exact else int(self._most / _CAREFUL))
        self.backend = f"{wire.name} API"
        told: dict[Kind, str | None] = {"document": settings.document_prompt, "query": settings.query_prompt}
        self._prompts = {kind: wire.prompt(model, kind) if said is None else said for kind, said in told.items()}
        self._seen = 0.0  # most tokens of the provider to one that was estimated
        self._queries: OrderedDict[str, tuple[Vector, int]] = OrderedDict()
        self._lock = Lock()
        client.scale = self._ratio
        self.dimension = client.dimension or self.probe().shape[1]  # asked once, where nobody knows

    @property
    def cost(self) -> float | None:
        """USD that were paid so far; None where the price is not known."""
        return self._client.bill.cost

    @property
    def billed(self) -> int:
        """Tokens that were paid so far."""
        return self._client.bill.tokens + (self._gallery.client.bill.tokens if self._gallery else 0)

    def spend_at_most(self, budget: float | None) -> None:
        """Pay no more than so many USD from now on; None for any sum.

        Raises:
            ConfigurationError: nobody knows what the model costs.
        """
        self._client.bill.limit(budget)

    def stop(self) -> None:
        """Send nothing any more; what is under way may end."""
        loop.start(self._client.stop())

    def probe(self) -> Vectors:
        """The vectors of the texts by which a model is known again.

        Raises:
            ServiceError: the service fails, or takes no request at all.
        """
        texts = texts_of(PROBES)
        try:
            found = {
                start + i: one
                for start in range(0, len(texts), self.batch_items)
                for i, one in self._vectors(texts[start : start + self.batch_items], "document", TRIES).items()
            }
        except (RejectedRequest, RefusedChunk, OversizedBatch) as error:
            raise ServiceError(
                f"{self._name} takes no request for {self._settings.model}: {error}",
                "Does the model have what the corpus file asks for, such as its `dimension`?",
            ) from None
        if len(found) < len(texts):
            why = f": its answer cannot be used, {self._client.unusable}" if self._client.unusable else ""
            raise ServiceError(
                f"{self._name} gives no usable vectors of {self._settings.model}{why}",
                "Is its address right, and does it speak this protocol?",
                True,
            )
        return self.finished([found[i][0] for i in range(len(texts))])

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        """Vectors and costs of documents; those that were paid for before are not asked for."""
        if self._gallery and any(item.modality == "image" for item in items):
            return by_modality(items, {"image": partial(self._pictures, self._gallery), "text": self._texts})
        return self._texts(items)

    def _texts(self, items: Sequence[Item]) -> Encoded:
        texts = texts_of(items)
        contents = [hash_text(text) for text in texts]
        left = [i for i, content in enumerate(contents) if self.paid.find(content) is None]
        if left:
            self._pay_for([texts[i] for i in left], [contents[i] for i in left])
        found = [paid for content in contents if (paid := self.paid.find(content)) is not None]
        if len(found) < len(texts):
            raise UnusableVector(f"{self._name} gave no usable vector in {TRIES} answers")
        if not self.paid.lasting:
            self.paid.settle(contents)
        return Encoded(self.finished([vector for vector, _ in found]), [cost for _, cost in found])

    def encode_queries(self, items: Sequence[Item]) -> Encoded:
        """Vectors and costs of queries; the last ones that are texts are remembered."""
        if self._gallery and any(item.modality == "image" for item in items):
            return by_modality(items, {"image": partial(self._shown, self._gallery), "text": self._asked})
        return self._asked(items)

    def _shown(self, gallery: Gallery, items: Sequence[Item]) -> Encoded:
        return Encoded(self.finished(gallery.queries(items)), [item.cost for item in items])

    def _asked(self, items: Sequence[Item]) -> Encoded:
        queries = texts_of(items)
        with self._lock:
            known = {query: self._queries[query] for query in queries if query in self._queries}
        new = list(dict.fromkeys(query for query in queries if query not in known))
        for start in range(0, len(new), self.batch_items):
            known |= self._of_queries(new[start : start + self.batch_items])
        with self._lock:
            for query in dict.fromkeys(queries):
                self._queries[query] = known[query]
                self._queries.move_to_end(query)
            while len(self._queries) > _QUERIES:
                self._queries.popitem(last=False)
        return Encoded(self.finished([known[query][0] for query in queries]), [known[query][1] for query in queries])

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each document, uncut."""
        return self._counter.counts([self._prompts["document"] + text for text in texts])

    def _pictures(self, gallery: Gallery, items: Sequence[Item]) -> Encoded:
        """Vectors of images, and their costs in pixels."""
        contents = [content_of(item) for item in items]
        left = [i for i, content in enumerate(contents) if self.paid.find(content) is None]
        gallery.pay_for([items[i] for i in left], [contents[i] for i in left], self.paid)
        found = [paid for content in contents if (paid := self.paid.find(content)) is not None]
        if len(found) < len(items):
            raise UnusableVector(f"{self._name} gave no usable vector in {TRIES} answers")
        if not self.paid.lasting:
            self.paid.settle(contents)
        return Encoded(self.finished([vector for vector, _ in found]), [item.cost for item in items])

    def as_sent(self, texts: Sequence[str]) -> list[tuple[str, int]]:
        """Documents as a request has them, cut to what the model reads; and the tokens of each, uncut."""
        prompted = [self._prompts["document"] + text for text in texts]
        counts = self._counter.counts(prompted)
        return list(zip(self._cut(prompted, counts, self.max_cost), counts, strict=True))

    def most_billed(self, count: int) -> int:
        """The tokens that a document of so many is billed with, at most."""
        return math.ceil(min(count, self.max_cost) * self._ratio)

    def cost_of(self, count: int, billed: int | None) -> int:
        """The tokens of a document of so many as the provider counted them, where it says so."""
        return self._cost(count, None if billed is None else billed / count)

    def _of_queries(self, queries: list[str]) -> dict[str, tuple[Vector, int]]:
        """Vectors and costs of no more queries than a request takes; in halves, where they have too many tokens."""
        try:
            found = self._vectors(queries, "query", _QUERY_TRIES, _QUERY_SECONDS)
        except OversizedBatch:
            middle = len(queries) // 2
            return self._of_queries(queries[:middle]) | self._of_queries(queries[middle:])
        except RejectedRequest as error:
            raise ServiceError(str(error), "Does the service take what the corpus file asks for?") from None
        except RefusedChunk as error:
            raise ServiceError(error.message, "Ask in other words, or in fewer.") from None
        if len(found) < len(queries):
            raise ServiceError(f"{self._name} gave no usable vector of a query", "Try again later.", True)
        return {query: found[i] for i, query in enumerate(queries)}

    def _pay_for(self, texts: list[str], contents: list[str]) -> None:
        """Have documents embedded and kept. One that is longer than the model reads is cut here, and costs all that it
        has; it is never cut by the service in silence.

        Raises:
            RefusedChunk: one is empty, or the service refuses it.
            OversizedBatch: they are more than a request takes.
        """
        if len(texts) > self.batch_items:
            raise OversizedBatch(f"more than the {self.batch_items} texts that {self._name} takes at once")
        if any(not text.strip() for text in texts):
            raise RefusedChunk("there is nothing in it to embed")
        texts = [self._prompts["document"] + text for text in texts]
        counts = self._counter.counts(texts)
        limit = self.max_cost
        for _ in range(_CUTS):
            expected = [min(count, limit) for count in counts]
            if len(texts) > 1 and sum(expected) * self._ratio > self._most:
                raise OversizedBatch(f"more than the {self._most} tokens that {self._name} takes at once")

            try:
                keep = partial(self._keep, contents, counts)
                return self._ask(self._cut(texts, counts, limit), expected, "document", TRIES, keep)
            except TooLong:  # which only a single text is
                limit = int(min(counts[0], limit) * _SHORTER)
                counts = [max(counts[0], self.max_cost + 1)]
        raise RefusedChunk(f"{self._name} finds it too long, and its beginning too", "Lower the model's `max_tokens`.")

    def _keep(
        self, contents: list[str], counts: list[int], at: list[int], vectors: list[Vector], ratio: float | None
    ) -> None:
        """Keep what an answer has of some documents, and learn how the provider counts."""
        if sum(counts) >= _TELLING:
            self._seen = max(self._seen, ratio or 0.0)
        self._client.scale = self._ratio
        if at:
            costs = [self._cost(counts[i], ratio) for i in at]
            self.paid.keep([contents[i] for i in at], np.stack(vectors), costs)

    def _vectors(
        self, texts: list[str], kind: Kind, tries: int, seconds: float | None = None
    ) -> dict[int, tuple[Vector, int]]:
        """Vectors and costs of a few texts, by their positions; those are missing that none came for."""
        texts = [self._prompts[kind] + text for text in texts]
        counts = self._counter.counts(texts)
        found: dict[int, tuple[Vector, int]] = {}

        def keep(at: list[int], vectors: list[Vector], ratio: float | None) -> None:
            found.update({i: (vector, self._cost(counts[i], ratio)) for i, vector in zip(at, vectors, strict=True)})

        expected = [min(count, self.max_cost) for count in counts]
        self._ask(self._cut(texts, counts, self.max_cost), expected, kind, tries, keep, seconds)
        return found

    def _ask(
        self, texts: list[str], expected: list[int], kind: Kind, tries: int, keep: Got, seconds: float | None = None
    ) -> None:
        loop.within(seconds, self._name, self._client.ask(texts, expected, kind, tries, keep))

    def _cut(self, texts: list[str], counts: list[int], limit: int) -> list[str]:
        return [
            self._counter.cut(text, limit) if count > limit else text for text, count in zip(texts, counts, strict=True)
        ]

    def _cost(self, count: int, ratio: float | None) -> int:
        """The tokens of a text as the provider counted them; one that the model read all of has no more than it
        reads."""
        if count > self.max_cost or ratio is None:
            return count
        return min(max(round(count * ratio), 1), self.max_cost)

    @property
    def _ratio(self) -> float:
        """Tokens of the provider to one that is counted here, at most."""
        return 1.0 if self._counter.exact else self._seen * _SPARE or _CAREFUL

    def finished(self, vectors: Sequence[Vector]) -> Vectors:
        """Vectors as they are kept."""
        return finish(np.stack(vectors), len(vectors[0]), self._settings.normalize)
