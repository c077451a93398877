"""Reranking APIs: the protocols that Cohere, Jina, Voyage and text-embeddings-inference (TEI) speak.

Others speak one of them too: vLLM and Xinference Jina's, many gateways Cohere's. They are asked by the same connections
as models are that embed behind an API: the same limits, the same meaning of errors.
"""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.config.loading import secret_from
from tasks.config.reranking import Rerank
from tasks.errors import ConfigurationError, OversizedBatch, ServiceError
from tasks.models.api import loop
from tasks.models.api.answers import tokens_in
from tasks.models.api.bill import Bill
from tasks.models.api.connection import Connection, Question
from tasks.models.api.faults import RejectedRequest, fault_of
from tasks.models.api.limiter import Limiter
from tasks.models.api.minute import shared_minute
from tasks.models.api.tokens import Counter
from tasks.services import malformed

_AT_ONCE = 32  # requests
_TRIES = 100  # while there is time


@dataclass(frozen=True, slots=True)
class Wire:
    """How a service is asked and answers.

    Attributes:
        url: of the company's own service.
        path: of reranking there.
        key_env: environment variable that the company names for a key; empty where there are no keys.
        texts: the request's name for the texts.
        results: the answer's name for its results; empty where the answer is their list.
        score: a result's name for its score.
        more: what a request says besides.
    """

    url: str
    path: str
    key_env: str
    texts: str = "documents"
    results: str = "results"
    score: str = "relevance_score"
    more: Mapping[str, Any] = field(default_factory=dict)


WIRES = {
    "cohere": Wire("https://api.cohere.com", "/v2/rerank", "COHERE_API_KEY"),
    "jina": Wire("https://api.jina.ai", "/v1/rerank", "JINA_API_KEY", more={"return_documents": False}),
    "voyage": Wire("https://api.voyageai.com", "/v1/rerank", "VOYAGE_API_KEY", results="data"),
    "tei": Wire("http://localhost:8080", "/rerank", "", "texts", "", "score", {"truncate": True}),
}


class ServiceReranker:
    """A reranking API.

    Args:
        settings: whose model begins with a name of `WIRES` and a colon.

    Raises:
        ConfigurationError: the key's environment variable is not set.
    """

    def __init__(self, settings: Rerank) -> None:
        self._name, _, self._model = settings.model.partition(":")
        self._wire = WIRES[self._name]
        base = (settings.url or self._wire.url).rstrip("/")
        url = base if base.endswith("/rerank") else base + self._wire.path
        self._seconds = settings.seconds
        variable = settings.key_env or ("" if settings.url else self._wire.key_env)
        key = secret_from(variable) if variable else None
        if variable and key is None:
            raise ConfigurationError(
                f"the key of {settings.model} is not there: the environment variable {variable} is not set",
                f"Set it (export {variable}=…), or name another with `key_env`.",
            )
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        limiter = Limiter(None, None, _AT_ONCE, shared_minute(base, key, self._model))
        self._connection = Connection(self._name, url, headers, limiter, Bill(), self._seconds)
        self._counter = Counter(None)
        self._counter.counts([""])  # what it takes to make its tokenizer is no part of the wait for scores

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """What the service says of each text. Failures that may pass are tried again while there is time.

        Raises:
            ServiceError: it fails, or its answer is not what its protocol says.
            RefusedChunk: it does not take one of the texts.
            TimeoutError: it does not answer in time.
        """
        counts = self._counter.counts([query, *texts])
        asked = loop.start(self._scores(query, list(texts), counts[0], counts[1:], time.monotonic() + self._seconds))
        try:
            return asked.result(self._seconds)
        except TimeoutError:
            asked.cancel()
            raise

    async def _scores(
        self, query: str, texts: list[str], of_query: int, of_texts: list[int], until: float
    ) -> list[float]:
        """The same in requests as large as the service takes: one of too many texts is asked in halves."""
        tokens = of_query * len(texts) + sum(of_texts)  # as most providers count, each text with its query
        question = Question(
            {"model": self._model, "query": query, self._wire.texts: texts, **self._wire.more}, tokens, tokens, _read,
            lambda status, headers, content: fault_of(self._name, status, headers, content, len(texts)), True,
        )  # fmt: skip
        try:
            return scores_of(self._name, await self._connection.ask(question, _TRIES, until), len(texts))
        except OversizedBatch:
            middle = len(texts) // 2
            first = await self._scores(query, texts[:middle], of_query, of_texts[:middle], until)
            return first + await self._scores(query, texts[middle:], of_query, of_texts[middle:], until)
        except RejectedRequest as error:
            raise ServiceError(str(error), "Check its address and the name of its model.") from None


def _read(content: bytes) -> tuple[bytes, int | None]:
    """An answer, with the tokens that the provider counted where it says so."""
    try:
        answer = json.loads(content)
    except ValueError:
        return content, None
    return content, tokens_in(answer.get("usage") if isinstance(answer, dict) else None, "total_tokens")


def scores_of(name: str, body: bytes, count: int) -> list[float]:
    """A score for each text out of a service's answer.

    Args:
        name: of its protocol.
        body: of its answer.
        count: of texts that were sent.

    Raises:
        ServiceError: it is no JSON, or does not give each text one finite score.
    """
    wire = WIRES[name]
    try:
        answer = json.loads(body)
    except ValueError:
        raise malformed(name, "it is no JSON") from None
    results = answer.get(wire.results) if wire.results and isinstance(answer, dict) else answer
    if not isinstance(results, list):
        raise malformed(name, f"it has no list {wire.results or 'of results'}")
    scores: dict[int, float] = {}
    for result in results:
        told = result if isinstance(result, dict) else {}
        index, score = told.get("index"), _number(told.get(wire.score))
        if type(index) is not int or score is None:
            raise malformed(name, f"a result has no index and {wire.score} that are numbers")
        if not 0 <= index < count:
            raise malformed(name, f"it names text {index} of {count}")
        if index in scores:
            raise malformed(name, f"it names text {index} twice")
        scores[index] = score
    if len(scores) < count:
        raise malformed(name, f"it has {len(scores)} results for {count} texts")
    return [scores[i] for i in range(count)]


def _number(value: Any) -> float | None:
    """A finite number, or None."""
    try:
        number = float(value) if type(value) in (int, float) else math.nan
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
