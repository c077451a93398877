"""Reranking APIs: the protocols that Cohere, Jina, Voyage and text-embeddings-inference (TEI) speak.

Others speak one of them too: vLLM and Xinference Jina's, many gateways Cohere's.
"""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tasks.config.loading import secret_from
from tasks.config.reranking import Rerank
from tasks.errors import ConfigurationError
from tasks.services import failed_answer, malformed, unreached

if TYPE_CHECKING:
    import httpx

_TOO_LARGE = 413
_FIRST_WAIT = 0.5  # seconds before a request is tried again, where the service does not say; doubled each time


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
        self._url = base if base.endswith("/rerank") else base + self._wire.path
        self._seconds = settings.seconds
        variable = settings.key_env or ("" if settings.url else self._wire.key_env)
        key = secret_from(variable) if variable else None
        if variable and key is None:
            raise ConfigurationError(
                f"the key of {settings.model} is not there: the environment variable {variable} is not set",
                f"Set it (export {variable}=…), or name another with `key_env`.",
            )
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """What the service says of each text. Failures that may pass are tried again while there is time.

        Raises:
            ServiceError: it fails, or its answer is not what its protocol says.
            TimeoutError: it does not answer in time.
        """
        import httpx

        deadline = time.monotonic() + self._seconds
        with httpx.Client(headers=self._headers) as client:
            return self._scores(client, query, list(texts), deadline)

    def _scores(self, client: "httpx.Client", query: str, texts: list[str], deadline: float) -> list[float]:
        """The same in requests as large as the service takes: one of too many texts is asked in halves."""
        asked = {"model": self._model, "query": query, self._wire.texts: texts, **self._wire.more}
        status, answer = self._answer(client, asked, deadline)
        if status == _TOO_LARGE and len(texts) > 1:
            middle = len(texts) // 2
            first = self._scores(client, query, texts[:middle], deadline)
            return first + self._scores(client, query, texts[middle:], deadline)
        if status == _TOO_LARGE:
            raise failed_answer(self._name, status, {}, answer)
        return scores_of(self._name, answer, len(texts))

    def _answer(self, client: "httpx.Client", asked: dict[str, Any], deadline: float) -> tuple[int, bytes]:
        """Status and body of an answer with scores, or of one to too many texts.

        Raises:
            ServiceError: the service fails otherwise, and it is no use or too late to try again.
            TimeoutError: it does not answer in time.
        """
        import httpx

        wait = _FIRST_WAIT
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            try:
                response = client.post(self._url, json=asked, timeout=left)
            except httpx.TimeoutException:
                raise TimeoutError from None
            except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
                failure = unreached(self._name, error)
            else:
                if response.status_code < 300 or response.status_code == _TOO_LARGE:
                    return response.status_code, response.content
                failure = failed_answer(self._name, response.status_code, response.headers, response.content)
                if not failure.transient:
                    raise failure
            pause = max(failure.retry_after, wait)
            if time.monotonic() + pause >= deadline:
                raise failure
            time.sleep(pause)
            wait *= 2


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
