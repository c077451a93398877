"""What a request passes before it is answered."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tasks.service.guard import Guard, Limits, Receive, Send
from tasks.service.keys import ENVIRONMENT, Keys
from tasks.service.metrics import Metrics

KEY = "k" * 20


async def echo(scope: Any, receive: Receive, send: Send) -> None:
    """Gives the length of the body."""
    message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(len(message["body"])).encode()})


async def sleep(scope: Any, receive: Receive, send: Send) -> None:
    await asyncio.sleep(10)


async def fail(scope: Any, receive: Receive, send: Send) -> None:
    raise ValueError("a secret")


class Client:
    """Asks a guarded application."""

    def __init__(self, app: Callable[..., Awaitable[None]] = echo, **limits: Any) -> None:
        self.metrics = Metrics()
        self.guard = Guard(app, Keys(), Limits(**limits), self.metrics)

    async def ask(
        self, headers: dict[str, str], parts: list[bytes] | None, path: str = "/search", slow: float = 0.0
    ) -> tuple[int, dict[str, str], Any]:
        sent: list[Any] = []
        left = list(parts or [b""])

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(slow)
            return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

        async def send(message: Any) -> None:
            sent.append(message)

        encoded = [(name.encode(), value.encode()) for name, value in ({"host": "localhost:80"} | headers).items()]
        await self.guard({"type": "http", "path": path, "method": "POST", "headers": encoded}, receive, send)
        told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], told, json.loads(sent[1]["body"])

    def __call__(self, headers: dict[str, str] | None = None, parts: list[bytes] | None = None, **more: Any) -> Any:
        return asyncio.run(self.ask(headers or {}, parts, **more))


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)


def test_a_request_has_an_id_that_the_answer_names() -> None:
    assert Client()({"x-request-id": "mine-1"})[1]["x-request-id"] == "mine-1"
    assert len(Client()({"x-request-id": "bad id\n" * 99})[1]["x-request-id"]) == 32
    status, headers, body = Client()(parts=[b"12", b"345"])
    assert (status, body) == (200, 5)
    assert len(headers["x-request-id"]) == 32


def test_keys_are_asked_for_where_there_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, KEY)
    client = Client()
    for headers in ({}, {"authorization": KEY}, {"authorization": "Bearer "}, {"authorization": f"Basic {KEY}"}):
        status, told, body = client(headers)
        assert (status, told["www-authenticate"], body["error"]["message"]) == (401, "Bearer", "an API key is needed")
    status, _, body = client({"authorization": "Bearer " + "x" * 20})
    assert (status, body["error"]["message"]) == (401, "the API key is not valid")
    assert body["error"]["type"] == "authentication_error"
    assert client({"authorization": f"bearer {KEY}", "host": "search.example"})[0] == 200
    assert client({}, path="/health")[0] == 200


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8642", "127.0.0.1:1", "[::1]:8642"])
def test_without_keys_only_its_own_names_are_answered(host: str) -> None:
    assert Client()({"host": host})[0] == 200
    status, _, body = Client()({"host": "evil.example"})
    assert (status, "this machine's own names" in body["error"]["message"]) == (421, True)


def test_a_body_that_is_too_large_is_not_read_on() -> None:
    client = Client(body=10)
    assert client(parts=[b"0123456789"])[0] == 200
    assert client({"content-length": "11"})[0] == 413
    status, headers, body = client(parts=[b"0123456789", b"0", b"never read"])
    assert (status, headers["connection"], body["error"]["type"]) == (413, "close", "request_too_large")


def test_a_body_with_an_image_may_be_larger() -> None:
    client = Client(body=10, content=20)
    assert client({"content-length": "20"}, path="/search/image")[0] == 200
    assert client({"content-length": "21"}, path="/search/image")[0] == 413
    assert client({"content-length": "20"}, path="/search")[0] == 413


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    status, _, body = Client(seconds=0.05)(parts=[b"1"] * 100, slow=0.02)
    assert (status, "did not arrive" in body["error"]["message"]) == (408, True)


def test_an_answer_that_takes_too_long_is_not_waited_for() -> None:
    status, _, body = Client(sleep, seconds=0.05)()
    assert (status, body["error"]["type"]) == (504, "server_error")


def test_an_unexpected_error_tells_nothing_of_itself(caplog: pytest.LogCaptureFixture) -> None:
    status, headers, body = Client(fail)()
    assert status == 500
    assert "secret" not in json.dumps(body)
    assert headers["x-request-id"] in caplog.text


def test_further_requests_are_told_to_come_again() -> None:
    client = Client(sleep, requests=2, seconds=0.2)

    async def at_once() -> list[tuple[int, dict[str, str], Any]]:
        return await asyncio.gather(*(client.ask({}, None) for _ in range(5)))

    answers = asyncio.run(at_once())
    assert sorted(status for status, *_ in answers) == [503, 503, 503, 504, 504]
    assert {headers.get("retry-after") for status, headers, _ in answers if status == 503} == {"1"}


def test_what_is_no_json_is_told_so() -> None:
    status, _, body = Client()({"content-type": "application/x-www-form-urlencoded"})
    assert (status, body["error"]["hint"]) == (415, "Send the header Content-Type: application/json")
    assert Client()({"content-type": "application/json; charset=utf-8"})[0] == 200


def test_a_body_on_its_way_takes_no_place_from_others() -> None:
    async def run() -> list[int]:
        client = Client(requests=1, seconds=5)
        slow = asyncio.create_task(client.ask({}, [b"a"], slow=0.2))
        await asyncio.sleep(0.05)
        return [(await client.ask({}, [b"b"]))[0], (await slow)[0]]

    assert asyncio.run(run()) == [200, 200]
