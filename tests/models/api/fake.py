"""A FAKE of embedding services: no model is here, and nobody is billed.

It speaks the protocols of OpenAI (Azure's and Mistral's, Voyage's and Jina's, which are like it), Cohere version 2,
Bedrock, Gemini and text-embeddings-inference as they are documented, enforces their limits, keeps a bill, and fails as
they do.
A text's vector is the sum of its words', so that like texts have like vectors, and a little of its own.

`python -m tests.models.api.fake --port 8080` runs it alone, with its bill at /fake/bill.
"""

import asyncio
import base64
import hashlib
import json
import random
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.models.api.fake_batches import BatchFaults, FakeBatches
from tests.models.api.fake_images import Bounds, Picture, picture_of, wrong_with

KEY = "sk-fake-0123456789-planted-key"
DIMENSION = 64
FILTERED = "unspeakable"


@dataclass
class Faults:
    """How often a request meets with each fault, from 0 to 1; by chance, but the same for the same seed."""

    too_many: float = 0.0  # 429 with Retry-After
    broken: float = 0.0  # 500
    slow: float = 0.0  # a second more
    cut: float = 0.0  # the body ends in the middle; paid all the same, as the next ones
    shuffled: float = 0.0
    duplicate: float = 0.0
    short: float = 0.0
    nan: float = 0.0
    zero: float = 0.0
    seed: int = 1


@dataclass
class Paid:
    """A request that was answered: when it came and when its answer was sent, in seconds of the epoch."""

    texts: list[str]
    kind: str
    tokens: int
    came: float
    sent: float = float("inf")


@dataclass
class Fake:
    """The service, and what it remembers.

    Attributes:
        requests_a_minute, tokens_a_minute: allowed; None for any number.
        minute: seconds of a minute, so that tests need not wait for one.
        state: what is wrong with the whole: "", "revoked", "quota", "retired", "down".
        script: faults of the next requests, by the names of `Faults`.
        drift: added to every vector, as if the model had changed.
        filtered: what no text may have in it.
        violations: requests that no client may send: over the limits of inputs or tokens, with empty texts.
        batches: its Batch APIs.
        pictures: images that were embedded.
        over_rate: requests that came when the rate was used up.
    """

    faults: Faults = field(default_factory=Faults)
    requests_a_minute: int | None = None
    tokens_a_minute: int | None = None
    minute: float = 60.0
    latency: float = 0.0
    dimension: int = DIMENSION
    longest: int = 8192
    inputs: int = 2048
    tokens: int | None = 300_000
    key: str = KEY
    model: str = "text-embedding-3-small"
    state: str = ""
    script: list[str] = field(default_factory=list)
    drift: float = 0.0
    filtered: str = FILTERED
    bill: list[Paid] = field(default_factory=list)
    requests: int = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    over_rate: int = 0
    pictures: list[Picture] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    batches: FakeBatches = field(init=False)

    def __post_init__(self) -> None:
        self.batches = FakeBatches(self)
        self._random = random.Random(self.faults.seed)
        self._window: deque[tuple[float, int]] = deque()
        self._used = 0
        self._open: dict[int, Paid] = {}

    @property
    def tokens_paid(self) -> int:
        return sum(paid.tokens for paid in self.bill)

    def times_paid(self, kind: str = "document") -> Counter[str]:
        return Counter(text for paid in self.bill if paid.kind in (kind, "") for text in paid.texts)

    def app(self) -> Starlette:
        def post(path: str, answer: "Speech") -> Route:
            return Route(path, self._endpoint(answer), methods=["POST"])

        return Starlette(
            routes=[
                post("/v1/embeddings", JINA), post("/v1/multimodalembeddings", VOYAGE_MULTIMODAL),
                post("/openai/v1/embeddings", OPENAI), post("/v2/embed", COHERE),
                post("/model/{model}/invoke", BEDROCK),
                post("/v1beta/models/{model}:batchEmbedContents", GEMINI), post("/embed", TEI),
                Route("/info", self._info), Route("/v1/models", self._models), Route("/fake/bill", self._told),
                *self.batches.routes(),
            ]
        )  # fmt: skip

    async def _info(self, _: Request) -> Response:
        return JSONResponse(
            {
                "model_id": "fake/model", "model_sha": "f" * 40, "max_input_length": self.longest,
                "max_client_batch_size": self.inputs, "max_batch_tokens": 16384, "version": "1.9.0",
            }
        )  # fmt: skip

    async def _models(self, _: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": self.model, "object": "model"}]})

    async def _told(self, _: Request) -> Response:
        return JSONResponse(
            {
                "tokens": self.tokens_paid, "requests": self.requests, "violations": self.violations[:20],
                "over_rate": self.over_rate, "met": dict(self.met), "times_paid": Counter(self.times_paid().values()),
                "paid": len(self.times_paid()), "first": self.bill[0].came if self.bill else 0,
                "last": self.bill[-1].came if self.bill else 0,
                "came": [(paid.came, paid.tokens) for paid in self.bill],
                "files": len(self.batches.files), "jobs": Counter(job.state for job in self.batches.jobs.values()),
            }
        )  # fmt: skip

    def _endpoint(self, speech: "Speech") -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            came = time.time()
            self.requests += 1
            asked = json.loads(await request.body())
            self.bodies = [*self.bodies[-50:], asked]
            kind, pictures = speech.kind(asked), speech.pictures(asked)
            texts = [picture.text for picture in pictures] or speech.texts(asked)
            tokens = [speech.picture_tokens(picture) for picture in pictures] or [self.count(text) for text in texts]
            refusal = self._refusal(speech, request, asked, texts, [] if pictures else tokens)
            if refusal := refusal or self._of_pictures(speech, pictures):
                return refusal
            self.pictures += pictures
            fault = self.script.pop(0) if self.script else self._fault()
            self.met[fault] += 1
            if fault == "too_many":
                return speech.error(429, "Rate limit reached", "rate_limit_exceeded", {"retry-after": "0.2"})
            if fault == "broken":
                return speech.error(500, "The server had an error", "server_error")
            if limited := self._limited(speech, sum(tokens)):
                return limited
            paid = Paid(texts, kind, sum(tokens), came)
            self.bill.append(paid)
            self.answered(paid, fault)
            await asyncio.sleep(self.latency + (1.0 if fault == "slow" else 0.0))
            vectors = [self.vector(text, self.size(speech.dimension(asked))) for text in texts]
            content = speech.answer(asked, self._spoilt(fault, vectors), sum(tokens), fault, self._random)
            return _Sent(paid, json.dumps(content).encode(), self._headers(), cut=fault == "cut")

        return answer

    def size(self, asked: int | None) -> int:
        return asked or self.dimension

    def answered(self, paid: Paid, fault: str) -> None:
        """A request is paid for, and meets with a fault, or none."""

    def count(self, text: str) -> int:
        return tokens_of(text)

    def vector(self, text: str, dimension: int) -> np.ndarray:
        return vector_of(text, dimension, self.drift)

    def _fault(self) -> str:
        at = self._random.random()
        for name in ("too_many", "broken", "slow", "cut", "shuffled", "duplicate", "short", "nan", "zero"):
            at -= getattr(self.faults, name)
            if at < 0:
                return name
        return ""

    def _refusal(
        self, speech: "Speech", request: Request, asked: dict[str, Any], texts: list[str], tokens: list[int]
    ) -> Response | None:
        if self.state == "down":
            return speech.error(503, "Service unavailable", "unavailable")
        if speech.keyed and (self.state == "revoked" or speech.key(request) != self.key):
            return speech.error(401, f"Incorrect API key provided: {speech.key(request)}.", "invalid_api_key")
        if self.state == "quota":
            return speech.error(
                429,
                "You exceeded your current quota, please check your plan and billing details.",
                "insufficient_quota",
            )
        if self.state == "retired":
            return speech.error(404, f"The model `{asked.get('model')}` does not exist", "model_not_found")
        if len(texts) > self.inputs:
            self.violations.append(f"{len(texts)} texts")
            return speech.too_many_texts(len(texts), self.inputs)
        if any(not text for text in texts):
            self.violations.append("an empty text")
            return speech.error(400, "'$.input' is invalid.", "invalid_request_error")
        if self.tokens and sum(tokens) > self.tokens:
            self.violations.append(f"{sum(tokens)} tokens")
            return speech.error(400, f"Invalid 'input': max {self.tokens} tokens per request", "max_tokens_per_request")
        if any(count > self.longest for count in tokens):
            return speech.too_long(max(tokens), self.longest)
        if any(self.filtered in text for text in texts):
            return speech.error(400, "The response was filtered by the content management policy.", "content_filter")
        return None

    def _of_pictures(self, speech: "Speech", pictures: list[Picture]) -> Response | None:
        if pictures and len(pictures) > speech.bounds.images:
            self.violations.append(f"{len(pictures)} images")
            return speech.too_many_texts(len(pictures), speech.bounds.images)
        wrong = [told for picture in pictures if (told := wrong_with(picture, speech.bounds))]
        self.violations += [told for told in wrong if "Unable" not in told]
        return speech.error(400, wrong[0], "invalid_request_error") if wrong else None

    def _limited(self, speech: "Speech", tokens: int) -> Response | None:
        """A 429 where the rate is used up, as of the minute that just went by."""
        now = time.monotonic()
        while self._window and self._window[0][0] <= now - self.minute:
            self._used -= self._window.popleft()[1]
        too_many = self.requests_a_minute is not None and len(self._window) >= self.requests_a_minute
        if too_many or (self.tokens_a_minute is not None and self._used + tokens > self.tokens_a_minute):
            self.over_rate += 1
            return speech.error(
                429, "Rate limit reached", "rate_limit_exceeded", {"retry-after-ms": "250", "retry-after": "1"}
            )
        self._window.append((now, tokens))
        self._used += tokens
        return None

    def _headers(self) -> dict[str, str]:
        told: dict[str, str] = {}
        if self.requests_a_minute is not None:
            told["x-ratelimit-limit-requests"] = str(self.requests_a_minute)
        if self.tokens_a_minute is not None:
            told["x-ratelimit-limit-tokens"] = str(self.tokens_a_minute)
            told["x-ratelimit-remaining-tokens"] = str(max(self.tokens_a_minute - self._used, 0))
        return told

    def _spoilt(self, fault: str, vectors: list[Any]) -> list[Any]:
        if fault in ("nan", "zero"):
            at = self._random.randrange(len(vectors))
            vectors[at] = np.full_like(vectors[at], np.nan if fault == "nan" else 0.0)
        return vectors


class Speech:
    """A protocol, from the service's side: OpenAI's unless a method says otherwise."""

    keyed = True
    bounds = Bounds(0, 0, None, ())

    def texts(self, asked: dict[str, Any]) -> list[str]:
        given = asked["input"]
        if isinstance(given, str):
            return [given]
        return [one if isinstance(one, str) else one["text"] for one in given]

    def pictures(self, asked: dict[str, Any]) -> list[Picture]:
        """The images of a request that has any."""
        return []

    def picture_tokens(self, picture: Picture) -> int:
        raise NotImplementedError

    def kind(self, asked: dict[str, Any]) -> str:
        told = str(asked.get("input_type") or asked.get("task") or "")
        return "query" if "query" in told else "document" if told else ""

    def dimension(self, asked: dict[str, Any]) -> int | None:
        return asked.get("dimensions") or asked.get("output_dimension")

    def key(self, request: Request) -> str | None:
        return request.headers.get("api-key") or request.headers.get("authorization", "").removeprefix("Bearer ")

    def error(self, status: int, message: str, code: str, headers: dict[str, str] | None = None) -> Response:
        return JSONResponse({"error": {"message": message, "type": code, "code": code}}, status, headers)

    def too_many_texts(self, count: int, most: int) -> Response:
        return self.error(400, f"'$.input' array too long: {count} > {most}", "invalid_request_error")

    def too_long(self, count: int, most: int) -> Response:
        told = f"This model's maximum context length is {most} tokens, however you requested {count} tokens"
        return self.error(400, told, "invalid_request_error")

    def answer(self, asked: dict[str, Any], vectors: list[Any], tokens: int, fault: str, chance: random.Random) -> Any:
        as_base64 = "base64" in (asked.get("encoding_format"), asked.get("embedding_type"))
        kind = asked.get("output_dtype") or asked.get("embedding_type") or "float"

        def written(vector: Any) -> Any:
            if kind not in ("float", "base64"):
                assert not as_base64
                return as_type(vector, kind)
            return base64.b64encode(vector.astype("<f4").tobytes()).decode() if as_base64 else vector.tolist()

        data = [{"object": "embedding", "index": i, "embedding": written(v)} for i, v in enumerate(vectors)]
        if fault == "shuffled":
            chance.shuffle(data)
        if fault == "duplicate" and len(data) > 1:
            data[-1]["index"] = 0
        if fault == "short":
            del data[chance.randrange(len(data))]
        return {
            "object": "list", "data": data, "model": asked.get("model"),
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }  # fmt: skip


class JinaSpeech(Speech):
    bounds = Bounds(512, 5_000_000, None, ("jpeg", "png"))

    def pictures(self, asked: dict[str, Any]) -> list[Picture]:
        given = asked["input"] if isinstance(asked["input"], list) else []
        return [picture_of(one["image"]) for one in given if isinstance(one, dict) and "image" in one]

    def picture_tokens(self, picture: Picture) -> int:
        return -(-picture.height // 28) * -(-picture.width // 28) * 10


class VoyageMultimodalSpeech(Speech):
    bounds = Bounds(1000, 20_000_000, 16_000_000, ("jpeg", "png", "webp", "gif"))

    def _parts(self, asked: dict[str, Any], kind: str) -> list[str]:
        assert asked["truncation"] is False
        assert asked.get("output_encoding") in (None, "base64")
        assert all(len(one["content"]) == 1 for one in asked["inputs"])
        return [part[kind] for one in asked["inputs"] for part in one["content"] if part["type"] == kind]

    def texts(self, asked: dict[str, Any]) -> list[str]:
        return self._parts(asked, "text")

    def pictures(self, asked: dict[str, Any]) -> list[Picture]:
        return [picture_of(uri) for uri in self._parts(asked, "image_base64")]

    def picture_tokens(self, picture: Picture) -> int:
        return min(max(picture.height * picture.width, 50_000), 2_000_000) // 560

    def answer(self, asked: dict[str, Any], vectors: list[Any], tokens: int, fault: str, chance: random.Random) -> Any:
        told = {"encoding_format": asked.get("output_encoding"), "model": asked["model"]}
        answer = super().answer(told, vectors, tokens, fault, chance)
        pixels = sum(picture.height * picture.width for picture in self.pictures(asked))
        usage = {"text_tokens": 0 if pixels else tokens, "image_pixels": pixels, "total_tokens": tokens}
        return answer | {"usage": usage}


class CohereSpeech(Speech):
    bounds = Bounds(96, 5_000_000, None, ("jpeg", "png", "webp", "gif"))

    def texts(self, asked: dict[str, Any]) -> list[str]:
        return list(asked["texts"])

    def pictures(self, asked: dict[str, Any]) -> list[Picture]:
        parts = [part for one in asked.get("inputs") or () for part in one["content"]]
        assert all(part["type"] == "image_url" for part in parts)
        return [picture_of(part["image_url"]["url"]) for part in parts]

    def picture_tokens(self, picture: Picture) -> int:
        return min(max(picture.height * picture.width, 3_136), 2_458_624) * 1_610 // 512**2

    def kind(self, asked: dict[str, Any]) -> str:
        return str(asked["input_type"]).removeprefix("search_")  # without it, Cohere refuses

    def error(self, status: int, message: str, code: str, headers: dict[str, str] | None = None) -> Response:
        return JSONResponse({"id": "fake", "message": message}, status, headers)

    def too_many_texts(self, count: int, most: int) -> Response:
        return self.error(400, f"invalid request: total number of texts must be at most {most} - received {count}", "")

    def too_long(self, count: int, most: int) -> Response:
        return self.error(400, f"too many tokens: total number of tokens in the texts cannot exceed {most}", "")

    def answer(self, asked: dict[str, Any], vectors: list[Any], tokens: int, fault: str, chance: random.Random) -> Any:
        [kind] = asked["embedding_types"]
        rows = [as_type(vector, kind) for vector in vectors]
        rows = rows[:-1] if fault == "short" else rows
        billed = {"images": len(rows), "image_tokens": tokens} if "inputs" in asked else {"input_tokens": tokens}
        return {
            "id": "fake", "embeddings": {kind: rows}, "response_type": "embeddings_by_type",
            "meta": {"api_version": {"version": "2"}, "billed_units": billed}, "texts": asked.get("texts") or [],
        }  # fmt: skip


class BedrockSpeech(CohereSpeech):
    """InvokeModel with a model's own body: of Titan a text, of Cohere as its own protocol but for the model's name."""

    def texts(self, asked: dict[str, Any]) -> list[str]:
        assert "model" not in asked
        if "inputText" in asked:
            assert set(asked) <= {"inputText", "dimensions", "normalize", "embeddingTypes"}
            return [asked["inputText"]]
        return super().texts(asked)

    def pictures(self, asked: dict[str, Any]) -> list[Picture]:
        parts = [part for one in asked.get("inputs") or () for part in one["content"]]
        return [picture_of(part["image_url"]) for part in parts]

    def kind(self, asked: dict[str, Any]) -> str:
        return "" if "inputText" in asked else super().kind(asked)

    def error(self, status: int, message: str, code: str, headers: dict[str, str] | None = None) -> Response:
        kinds = {400: "ValidationException", 401: "AccessDeniedException", 404: "ResourceNotFoundException",
                 429: "ThrottlingException", 500: "InternalServerException"}  # fmt: skip
        if code == "insufficient_quota":
            message = "Too many tokens per day, please wait before trying again."
        if code == "model_not_found":
            status, message = 400, "The provided model identifier is invalid."
        told = (headers or {}) | {"x-amzn-errortype": kinds.get(status, "ServiceUnavailableException")}
        return JSONResponse({"message": message}, 403 if status == 401 else status, told)

    def too_long(self, count: int, most: int) -> Response:
        told = f"400 Bad Request: Too many input tokens. Max input tokens: {most}, request input token count: {count} "
        return self.error(400, told, "")

    def answer(self, asked: dict[str, Any], vectors: list[Any], tokens: int, fault: str, chance: random.Random) -> Any:
        if "inputText" in asked:
            [vector] = vectors
            told = {} if fault == "short" else {"embedding": vector.tolist()}
            return told | {"inputTextTokenCount": tokens, "embeddingsByType": {"float": vector.tolist()}}
        answer = super().answer(asked, vectors, tokens, fault, chance)
        return {name: answer[name] for name in ("id", "embeddings", "texts", "response_type")}


class GeminiSpeech(Speech):
    bounds = Bounds(6, 20_000_000, None, ("jpeg", "png"))

    def pictures(self, asked: dict[str, Any]) -> list[Picture]:
        parts = [part for each in asked["requests"] for part in each["content"]["parts"] if "inlineData" in part]
        return [picture_of(part["inlineData"]["data"], part["inlineData"]["mimeType"]) for part in parts]

    def picture_tokens(self, picture: Picture) -> int:
        return 258

    def texts(self, asked: dict[str, Any]) -> list[str]:
        return ["".join(part["text"] for part in each["content"]["parts"]) for each in asked["requests"]]

    def kind(self, asked: dict[str, Any]) -> str:
        return str(asked["requests"][0].get("taskType", "")).removeprefix("RETRIEVAL_").lower()

    def dimension(self, asked: dict[str, Any]) -> int | None:
        return asked["requests"][0].get("outputDimensionality")

    def key(self, request: Request) -> str | None:
        return request.headers.get("x-goog-api-key")

    def error(self, status: int, message: str, code: str, headers: dict[str, str] | None = None) -> Response:
        told: dict[str, Any] = {"code": status, "message": message, "status": code.upper()}
        if status == 429:  # in the same words, whatever quota it is
            per = "PerDay" if code == "insufficient_quota" else "PerMinute"
            told |= {
                "message": "You exceeded your current quota, please check your plan and billing details.",
                "details": [{"violations": [{"quotaId": f"EmbedContentRequests{per}"}]}, {"retryDelay": "0.2s"}],
            }
        return JSONResponse({"error": told}, status)

    def too_many_texts(self, count: int, most: int) -> Response:
        return self.error(400, f"BatchEmbedContentsRequest.requests: at most {most} requests can be in one batch", "")

    def answer(self, asked: dict[str, Any], vectors: list[Any], tokens: int, fault: str, chance: random.Random) -> Any:
        rows = [{"values": (3 * vector).tolist()} for vector in vectors]  # of another length than 1
        return {"embeddings": rows[:-1] if fault == "short" else rows}


class TeiSpeech(Speech):
    keyed = False

    def texts(self, asked: dict[str, Any]) -> list[str]:
        given = asked["inputs"]
        return [given] if isinstance(given, str) else list(given)

    def error(self, status: int, message: str, code: str, headers: dict[str, str] | None = None) -> Response:
        return JSONResponse({"error": message, "error_type": "Overloaded" if status == 429 else "Validation"}, status)

    def too_many_texts(self, count: int, most: int) -> Response:
        return self.error(422, f"batch size {count} > maximum allowed batch size {most}", "")

    def too_long(self, count: int, most: int) -> Response:
        return self.error(413, f"`inputs` must have less than {most} tokens. Given: {count}", "")

    def answer(self, asked: dict[str, Any], vectors: list[Any], tokens: int, fault: str, chance: random.Random) -> Any:
        rows = [vector.tolist() for vector in vectors]
        return rows[:-1] if fault == "short" else rows


OPENAI, COHERE, GEMINI, TEI = Speech(), CohereSpeech(), GeminiSpeech(), TeiSpeech()
JINA, VOYAGE_MULTIMODAL, BEDROCK = JinaSpeech(), VoyageMultimodalSpeech(), BedrockSpeech()


class _Sent(Response):
    """An answer that notes when it was sent; one that is cut ends in the middle, and so does the connection."""

    def __init__(self, paid: Paid, content: bytes, headers: dict[str, str], cut: bool) -> None:
        super().__init__(content, 200, headers, "application/json")
        self._paid, self._cut = paid, cut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._cut:
            await super().__call__(scope, receive, send)
            self._paid.sent = time.time()
            return
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        raise ConnectionAbortedError  # the server closes the connection


@lru_cache(maxsize=65_536)
def _own(text: str, dimension: int) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
    return np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)


def vector_of(text: str, dimension: int, drift: float = 0.0) -> np.ndarray:
    """A text's vector: shorter ones are the beginning of the longest, as of Matryoshka models."""
    vector = 0.5 * _own(text, 4096) if dimension > 512 else 0.5 * _own(text, 512)
    for word in re.findall(r"\w+", text.lower())[:200]:
        vector = vector + _own(word, len(vector))
    vector = vector[:dimension] + drift
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def as_type(vector: Any, kind: str) -> list[Any]:
    """A vector in the numbers that were asked for, as Cohere and Voyage document them: signed bytes, or bits of which
    eight make a byte, the first the highest."""
    if kind == "int8":
        return [int(number) for number in np.clip(np.round(vector * 127 / np.abs(vector).max()), -128, 127)]
    if kind in ("binary", "ubinary"):
        packed = np.packbits(vector > 0)
        return [int(byte) - (128 if kind == "binary" else 0) for byte in packed]
    assert kind == "float"
    return [float(number) for number in vector]


def tokens_of(text: str) -> int:
    """As this service counts: words and signs, longer words as several."""
    return sum((len(word) + 5) // 6 for word in re.findall(r"\w+|[^\w\s]", text)) or 1


@contextmanager
def serving(fake: Fake) -> Iterator[str]:
    """The fake on a free port of this machine; gives its address."""
    server = uvicorn.Server(uvicorn.Config(fake.app(), port=0, log_level="critical", timeout_keep_alive=60))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True  # in a tenth of a second, which nobody waits for


def main() -> None:
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--settings", default="{}", help="JSON: the fields of Fake; faults as an object")
    told = parser.parse_args()
    settings = json.loads(told.settings)
    faults, batches = Faults(**settings.pop("faults", {})), settings.pop("batches", {})
    fake = Fake(faults=faults, **settings)
    fake.batches = FakeBatches(fake, BatchFaults(**batches.pop("faults", {})), **batches)
    uvicorn.run(fake.app(), port=told.port, log_level="critical")


if __name__ == "__main__":
    main()
