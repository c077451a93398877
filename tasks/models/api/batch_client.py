"""Talking to a Batch API: few requests, each tried again where that helps, and never where it could cost twice."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from tasks.errors import ServiceError
from tasks.models.api.answers import Vector
from tasks.models.api.batch_others import GeminiBatch, MistralBatch, VoyageBatch
from tasks.models.api.batch_wires import BatchWire, Failed, Told
from tasks.models.api.wire import Asked, Wire
from tasks.services import not_set_up, pause_before, unreached

if TYPE_CHECKING:
    import httpx

BATCH_WIRES: dict[str, BatchWire] = {
    "openai": BatchWire(), "mistral": MistralBatch(), "voyage": VoyageBatch(), "gemini": GeminiBatch(),
}  # fmt: skip
"""The providers that have one."""

T = TypeVar("T")

_TRIES = 6
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds
_LONGEST_WAIT = 300.0  # seconds that a service may ask to wait; after more, a later run goes on
_BLOCK = 1 << 20  # bytes


class Unclear(Exception):
    """Nobody knows whether the service did what it was asked for."""


class Unknown(ServiceError):
    """The service knows no such job or file."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request.

    Attributes:
        vector: None where there is no usable one.
        tokens: that the provider bills; None where it does not say.
        fault: why there is none; None where an answer came.
    """

    vector: Vector | None = None
    tokens: int | None = None
    fault: Exception | None = None


class BatchApi:
    """A Batch API of one model.

    Args:
        wire: protocol of the provider.
        asked: of which model.
        base: address of the service.
        key: sent with every request.
        seconds: longest wait for an answer.

    Raises:
        ServiceError: the environment names a proxy that is none.
    """

    def __init__(self, wire: Wire, asked: Asked, base: str, key: str | None, seconds: float) -> None:
        import httpx

        self.wire, self._asked = wire, asked
        self.batch = BATCH_WIRES[wire.name]
        self._base = base
        try:
            self._http = httpx.Client(headers=wire.headers(key), timeout=max(seconds, 60.0))
        except (ValueError, ImportError) as error:
            raise not_set_up(wire.name, error) from None

    def line(self, name: str, text: str) -> bytes:
        """A request as it stands in a file."""
        return orjson.dumps(self.batch.line(self.wire, self._asked, name, text)) + b"\n"

    def upload(self, file: Path, name: str) -> str:
        """Send a file of requests; its id."""
        return self._tried(lambda: self.batch.upload(self._send, file, name))

    def create(self, file: str, name: str) -> Told:
        """Have a file of requests done.

        Raises:
            Unclear: it may be done, or not.
            ServiceError: it is surely not done.
        """
        for tried in range(1, _TRIES + 1):
            try:
                return self.batch.create(self._send, self.wire, self._asked, file, name)
            except _Refused as refused:
                _rest(tried, refused.fault)
            except ServiceError as error:
                raise Unclear(error.message) from None
        raise AssertionError("a loop of at least one turn ends above")

    def find(self, name: str) -> Told | None:
        """The job of our name."""
        return self._tried(lambda: next((job for job in self.batch.jobs(self._send) if job.name == name), None))

    def look(self, job: str) -> Told:
        """How a job stands.

        Raises:
            Unknown: there is no such job.
        """
        return self._tried(lambda: self.batch.look(self._send, job))

    def files_named(self, name: str) -> list[str]:
        """Files of requests that have our name of a job."""
        return self._tried(lambda: list(self.batch.files_named(self._send, name)))

    def remove(self, file: str) -> None:
        """Remove a file, if it is there."""
        try:
            self._tried(lambda: self.batch.remove(self._send, file))
        except Unknown:
            return

    def fetch(self, file: str, to: Path) -> None:
        """Write the content of a file of answers to a file here, whole.

        Raises:
            Unknown: there is no such file.
        """
        self._tried(lambda: self._download(self.batch.content_path(file), to))

    def outcomes(self, file: Path) -> Iterator[tuple[str, Outcome]]:
        """The answers in a file: our name of each request, and what became of it."""
        with file.open("rb") as lines:
            for line in lines:
                if not line.strip():
                    continue
                try:
                    told = orjson.loads(line)
                except orjson.JSONDecodeError:
                    continue  # it says nothing of any request: that one is as if it had not been done
                if not isinstance(told, dict):
                    continue
                try:
                    name, reply = self.batch.answer(self.wire, told)
                    yield name, Outcome(reply.vectors[0], reply.tokens)
                except Failed as failed:
                    yield failed.name, Outcome(fault=failed.cause)

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    def _tried(self, call: Callable[[], T]) -> T:
        for tried in range(1, _TRIES + 1):
            try:
                return call()
            except _Refused as refused:
                error = refused.fault
            except ServiceError as lost:
                error = lost
            _rest(tried, error)
        raise AssertionError("a loop of at least one turn ends above")

    def _send(self, method: str, path: str, **content: Any) -> "httpx.Response":
        import httpx

        try:
            answer = self._http.request(method, self._url(path), **content)
        except httpx.ConnectError as error:
            raise _Refused(unreached(self.wire.name, error)) from None
        except httpx.HTTPError as error:
            raise unreached(self.wire.name, error) from None
        self._check(answer)
        return answer

    def _download(self, path: str, to: Path) -> None:
        import httpx

        try:
            with self._http.stream("GET", self._url(path), follow_redirects=True) as answer, to.open("wb") as file:
                if answer.status_code >= 300:
                    answer.read()
                    self._check(answer)
                for block in answer.iter_bytes(_BLOCK):
                    file.write(block)
        except httpx.HTTPError as error:
            raise unreached(self.wire.name, error) from None

    def _check(self, answer: "httpx.Response") -> None:
        """Raise what an answer with an error means: after 4xx nothing was done, after 5xx nobody knows."""
        if answer.status_code < 300:
            return
        if answer.status_code in (404, 410) and answer.request.method != "POST":
            raise _Refused(Unknown(f"{self.wire.name} knows no {answer.request.url.path}", "Is it the same key?"))
        fault = self.wire.fault(answer.status_code, answer.headers, answer.content, 1)
        if not isinstance(fault, ServiceError):
            fault = ServiceError(f"{self.wire.name} takes no batch: {fault}", "What it says tells why.")
        raise _Refused(fault) if answer.status_code < 500 else fault

    def _url(self, path: str) -> str:
        if path.startswith("http"):
            return path
        for place in ("/upload/", "/download/"):
            if path.startswith(place):  # which Gemini has before the version
                root, slash, version = self._base.rpartition("/")
                return f"{root}{place[:-1]}{slash}{version}{path[len(place) - 1 :]}"
        return self._base + path


class _Refused(Exception):
    """The service did nothing of what it was asked for."""

    def __init__(self, fault: ServiceError) -> None:
        super().__init__(fault.message)
        self.fault = fault


def _rest(tried: int, error: ServiceError) -> None:
    """Pause before another try.

    Raises:
        ServiceError: it is of no use to try again, or the service asks for a longer wait than a run waits.
    """
    if not error.transient or tried == _TRIES or error.retry_after > _LONGEST_WAIT:
        raise error from None
    time.sleep(max(pause_before(tried, _FIRST_PAUSE, _LONGEST_PAUSE), error.retry_after))
