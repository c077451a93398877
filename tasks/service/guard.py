"""What every request passes: its id, API key, limits, time, log line and metrics; and what refused ones are told."""

import asyncio
import json
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tasks.service.keys import Keys
from tasks.service.metrics import Metrics

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

OPEN = ("/health", "/ready")
"""Routes that ask for no key."""

_PATIENT = ("/ask",)  # what answers there has a limit of its own, for each silence

_WITH_CONTENT = ("/search/image", "/search/audio")  # a photograph alone has some megabytes

_OWN_NAMES = ("localhost", "127.0.0.1", "[::1]", "::1")  # another name may be that of a page that a browser shows
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
logger = logging.getLogger("embedlake.service")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may cost.

    Attributes:
        body: most bytes of a body.
        content: most bytes of a body that has an image or a sound, in base64.
        query: most characters of a query.
        queries: most queries in a request.
        requests: most requests at once; further ones are told to come again.
        seconds: longest time for a body to arrive, and for an answer.
    """

    body: int = 1_000_000
    content: int = 16_000_000
    query: int = 10_000
    queries: int = 100
    requests: int = 128
    seconds: float = 30.0


class Refused(Exception):
    """A request that is not answered.

    Args:
        status: of HTTP.
        message: what is wrong.
        hint: what to do next.
    """

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.hint = status, message, hint


_JSON = "application/json"
_KINDS = {
    401: "authentication_error", 404: "not_found_error", 408: "timeout_error", 413: "request_too_large",
    429: "rate_limit_error",
}  # fmt: skip


def error_body(status: int, message: str, hint: str = "", request_id: str = "") -> dict[str, Any]:
    """An error as the service and OpenAI's clients write it."""
    kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "server_error")
    error = {"message": message, "type": kind, "param": None, "code": None, "hint": hint, "request_id": request_id}
    return {"error": error}


class Guard:
    """ASGI middleware.

    Args:
        app: what answers.
        keys: who may ask.
        limits: of each request.
        metrics: to count in.
    """

    def __init__(self, app: Application, keys: Keys, limits: Limits, metrics: Metrics) -> None:
        self._app, self._keys, self._limits, self._metrics = app, keys, limits, metrics
        self._running = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        given = headers.get("x-request-id", "")
        request_id = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status = 500
        answered = False

        async def send_with_id(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status, answered = message["status"], True
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            self._let_in(scope["path"], headers)
            body = await self._body(scope["path"], headers, receive)
            seconds = None if scope["path"] in _PATIENT else self._limits.seconds
            with self._place():
                async with asyncio.timeout(seconds):
                    await self._app(scope, _receive_again(body, receive), send_with_id)
        except Refused as refused:
            await _send_error(send_with_id, refused, request_id)
        except TimeoutError:
            if not answered:
                late = Refused(504, f"no answer within {self._limits.seconds:g} seconds", "Ask for less, or later.")
                await _send_error(send_with_id, late, request_id)
        except Exception:
            logger.exception("request %s failed", request_id)
            if not answered:
                await _send_error(send_with_id, Refused(500, "an unexpected error; the log has it"), request_id)
        finally:
            seconds = time.monotonic() - began
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(seconds)
            logger.info("%s %s %s %d %.1f ms", request_id, scope["method"], scope["path"], status, seconds * 1000)

    def _let_in(self, path: str, headers: dict[str, str]) -> None:
        if not self._keys.wanted and _host(headers.get("host", "")) not in _OWN_NAMES:
            raise Refused(
                421,
                "without API keys the service answers to this machine's own names alone",
                "Ask 127.0.0.1 or localhost; or have it started with API keys.",
            )
        if self._keys.wanted and path not in OPEN:
            scheme, _, key = headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not key.strip():
                raise Refused(401, "an API key is needed", "Send it as: Authorization: Bearer KEY")
            if not self._keys.valid(key.strip()):
                raise Refused(401, "the API key is not valid", "Ask who runs the service for one.")
        if headers.get("content-type", _JSON).partition(";")[0].strip().lower() != _JSON and path not in OPEN:
            raise Refused(415, "the body is to be JSON", f"Send the header Content-Type: {_JSON}")

    @contextmanager
    def _place(self) -> Iterator[None]:
        """One of the requests that are answered at once; one whose body is still on its way takes no place."""
        if self._running >= self._limits.requests:
            raise Refused(503, f"{self._limits.requests} requests are being answered", "Come again in a second.")
        self._running += 1
        self._metrics.in_flight.set(self._running)
        try:
            yield
        finally:
            self._running -= 1
            self._metrics.in_flight.set(self._running)

    async def _body(self, path: str, headers: dict[str, str], receive: Receive) -> bytes:
        """The whole body, before anything is done with it: so no slow client holds more than its own connection."""
        most = self._limits.content if path in _WITH_CONTENT else self._limits.body
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > most:
            raise _too_large(most)
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._limits.seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refused(400, "the client went away")
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > most:
                        raise _too_large(most)
                    if not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError:
            raise Refused(408, f"the body did not arrive within {self._limits.seconds:g} seconds") from None


def _host(header: str) -> str:
    """A name without its port."""
    return re.sub(r":\d+$", "", header).lower()


def _too_large(most: int) -> Refused:
    return Refused(413, f"the body has more than {most:,} bytes", "Send less at once.")


def _receive_again(body: bytes, receive: Receive) -> Receive:
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


async def _send_error(send: Send, refused: Refused, request_id: str) -> None:
    body = json.dumps(error_body(refused.status, refused.message, refused.hint, request_id)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refused.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if refused.status == 503:
        headers.append((b"retry-after", b"1"))
    if refused.status in (408, 413):
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
