"""Asking a chat endpoint that speaks OpenAI's protocol, as its answer streams in."""

import json
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.answer.prompt import Message
from tasks.config.answering import Ask
from tasks.config.loading import secret_from
from tasks.errors import ConfigurationError, CutAnswer, EmptyAnswer, RefusedAnswer, ServiceError
from tasks.services import failed_answer, malformed, unreached

SERVICE = "the chat endpoint"
_URL, _MODEL = "EMBEDLAKE_ASK_URL", "EMBEDLAKE_ASK_MODEL"
_LONGEST_LINE = 2**20  # bytes
_MOST_BYTES = 2**26  # of an answer, as it is sent


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who answers.

    Attributes:
        url: to which /chat/completions is added where it does not end so.
        model: as the endpoint calls it.
        key: sent as a bearer's token; None where there is none.
        max_tokens, temperature: asked for, where they are given.
        seconds: the longest silence.
    """

    url: str
    model: str
    key: str | None = field(repr=False)
    max_tokens: int | None
    temperature: float | None
    seconds: float


def endpoint_of(ask: Ask) -> Endpoint | None:
    """The endpoint that a corpus file and the environment name; None where neither does.

    Raises:
        ConfigurationError: only half of it is named, or its key has characters that no key has.
    """
    url = ask.url or os.environ.get(_URL, "").strip()
    model = ask.model or os.environ.get(_MODEL, "").strip()
    if not url and not model:
        return None
    if not url or not model:
        missing, variable = ("model", _MODEL) if url else ("address", _URL)
        raise ConfigurationError(
            f"the chat endpoint has no {missing}",
            f"Give `ask: {{ {'model' if url else 'url'}: … }}` in the corpus file, or set {variable}.",
        )
    if not url.startswith(("http://", "https://")):
        raise ConfigurationError(f"the chat endpoint's address {url!r} does not begin with http:// or https://")
    return Endpoint(url, model, secret_from(ask.key_env), ask.max_tokens, ask.temperature, ask.seconds)


async def chat(endpoint: Endpoint, messages: Sequence[Message]) -> AsyncGenerator[str]:
    """The pieces of an answer, as they come. It ends well or by an error; what came before is part of the answer.

    Raises:
        RefusedAnswer: the model or a filter does not want to answer.
        CutAnswer: the connection or the endpoint's limit ended it before its end.
        EmptyAnswer: it ended and said nothing.
        ServiceError: the endpoint fails, or does not speak the protocol.
    """
    import httpx

    url = endpoint.url.rstrip("/")
    url = url if url.endswith("/chat/completions") else f"{url}/chat/completions"
    asked: dict[str, Any] = {"model": endpoint.model, "messages": list(messages), "stream": True}
    asked |= {} if endpoint.max_tokens is None else {"max_tokens": endpoint.max_tokens}
    asked |= {} if endpoint.temperature is None else {"temperature": endpoint.temperature}
    headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
    reading = _Reading()
    try:
        async with (
            httpx.AsyncClient(headers=headers, timeout=endpoint.seconds) as client,
            client.stream("POST", url, json=asked) as response,
        ):
            if response.status_code >= 300:
                raise _failure(response.status_code, response.headers, await response.aread())
            if "event-stream" in response.headers.get("content-type", ""):
                async for data in _events(response.aiter_bytes()):
                    if data == "[DONE]":
                        reading.done = True
                        break
                    if piece := reading.piece_of(data):
                        yield piece
            elif piece := reading.piece_of((await response.aread()).decode("utf-8", "replace")):
                yield piece  # of an endpoint that does not stream
    except httpx.TimeoutException:
        if reading.said:
            raise CutAnswer(f"the answer is not whole: silence for {endpoint.seconds:g} s") from None
        raise unreached(SERVICE, TimeoutError(f"silence for {endpoint.seconds:g} s")) from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
        if reading.said:
            raise CutAnswer(f"the answer is not whole: the connection was lost ({type(error).__name__})") from None
        raise unreached(SERVICE, error) from None
    reading.check()


class _Reading:
    """What was seen of an answer."""

    def __init__(self) -> None:
        self.said = False
        self.done = False
        self._finish = ""
        self._refusal = ""

    def piece_of(self, data: str) -> str:
        """What one object of the protocol adds to the answer.

        Raises:
            ServiceError: it is none, or tells of an error.
        """
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            raise malformed(SERVICE, "it is no JSON") from None
        if not isinstance(value, dict):
            raise malformed(SERVICE, "it is no object")
        if value.get("error"):
            raise _failure(_code(value["error"]), {}, data.encode("utf-8", "replace"))
        choices = value.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else {}
        said = (choice.get("delta") or choice.get("message")) if isinstance(choice, dict) else None
        if not isinstance(said, dict):
            said = {}
        if isinstance(choice, dict) and isinstance(choice.get("finish_reason"), str):
            self._finish = choice["finish_reason"]
        self._refusal += _text(said.get("refusal"))
        piece = _text(said.get("content"))
        self.said = self.said or bool(piece.strip())
        return piece

    def check(self) -> None:
        """Whether the answer ended well.

        Raises:
            AnswerError: it did not.
        """
        if self._refusal:
            raise RefusedAnswer(f"the model refuses to answer: {' '.join(self._refusal.split())[:300]}")
        if self._finish == "content_filter":
            raise _filtered()
        if self._finish == "length":
            raise CutAnswer(
                "the answer is not whole: it reached the limit of tokens", "Raise `ask: max_tokens` in the corpus file."
            )
        if not self._finish and not self.done:
            raise CutAnswer("the answer is not whole: the connection ended before it did", "Ask again.")
        if not self.said:
            raise EmptyAnswer("the answer is empty", "Ask again, or ask another model.")


async def _events(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """The data of server-sent events, of which each is one line. Lines end as the standard says, not where Python's do:
    a line separator within a JSON text ends none.

    Raises:
        ServiceError: a line, or all of them, are longer than an answer is.
    """
    held, total = b"", 0
    async for chunk in chunks:
        total += len(chunk)
        *lines, held = (held + chunk).replace(b"\r", b"\n").split(b"\n")
        if len(held) > _LONGEST_LINE or total > _MOST_BYTES:
            raise malformed(SERVICE, "it does not end")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip().decode("utf-8", "replace")
    if held.startswith(b"data:"):
        yield held[5:].strip().decode("utf-8", "replace")


def _failure(status: int, headers: Any, body: bytes) -> ServiceError | RefusedAnswer:
    if status == 400 and b"content_filter" in body:
        return _filtered()
    return failed_answer(SERVICE, status, headers, body)


def _filtered() -> RefusedAnswer:
    return RefusedAnswer("the endpoint's filter refuses the answer (content_filter)", "Ask in other words.")


def _code(error: Any) -> int:
    """The status that an error within a stream tells, or that of a server that failed."""
    code = str(error.get("code")) if isinstance(error, dict) else ""
    return int(code) if re.fullmatch("[45][0-9]{2}", code) else 500


def _text(content: Any) -> str:
    """A text, which may be in parts."""
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
