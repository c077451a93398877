"""Answers from a fake chat endpoint, which speaks the real protocol: how they come, and every way in which they end."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tasks.answer.answering import Answered, Event, Piece, Prompted, answer, prompted
from tasks.answer.chat import Endpoint, endpoint_of
from tasks.config.answering import Ask
from tasks.errors import ConfigurationError, CutAnswer, EmptyAnswer, RefusedAnswer, ServiceError
from tasks.secrets import redact
from tests.answer.endpoint import DONE, FakeChat, chunk, streamed
from tests.answer.passages import passage


@pytest.fixture
def chat() -> Iterator[FakeChat]:
    made = FakeChat()
    yield made
    made.close()


def endpoint(chat: FakeChat, **more: Any) -> Endpoint:
    found = endpoint_of(Ask.model_validate({"url": chat.url, "model": "fake", "seconds": 20, **more}))
    assert found
    return found


def events(chat: FakeChat, **more: Any) -> list[Event]:
    prompt = prompted("How often?", [passage("The tide is written down twice a day."), passage("b", "docs:b")], 1000)

    async def all_of_them() -> list[Event]:
        return [event async for event in answer(prompt, endpoint(chat, **more))]

    return asyncio.run(all_of_them())


def ending(chat: FakeChat, **more: Any) -> Answered:
    first, *pieces, last = events(chat, **more)
    assert isinstance(first, Prompted)
    assert isinstance(last, Answered)
    assert last.text == "".join(piece.text for piece in pieces if isinstance(piece, Piece))
    return last


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_an_answer_streams_with_checked_citations(chat: FakeChat, size: int) -> None:
    chat.says("Twice a day [1], or never [2, 7]. So [1].", size)
    last = ending(chat)
    assert last == Answered("Twice a day [1], or never [2, 7?]. So [1].", [1, 2], ["7"], None)


def test_it_comes_in_pieces_and_not_at_the_end(chat: FakeChat) -> None:
    chat.says("Twice a day, as it was always done here [1].")
    assert sum(isinstance(event, Piece) for event in events(chat)) > 5


def test_whoever_stops_listening_ends_the_request(chat: FakeChat) -> None:
    chat.says("Twice a day. " * 2000)
    prompt = prompted("How often?", [passage("The tide.")], 1000)

    async def first_piece() -> Event:
        stream = answer(prompt, endpoint(chat))
        found = [await anext(stream) for _ in range(2)]
        await stream.aclose()
        return found[1]

    assert isinstance(asyncio.run(first_piece()), Piece)


def test_what_is_asked(chat: FakeChat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", "a-secret-of-some-length")
    chat.says("ok")
    ending(chat, key_env="OTHER_KEY", max_tokens=77, temperature=0)
    [(headers, asked)] = chat.requests
    assert headers["authorization"] == "Bearer a-secret-of-some-length"
    assert asked["path"] == "/v1/chat/completions"
    assert (asked["model"], asked["stream"], asked["max_tokens"], asked["temperature"]) == ("fake", True, 77, 0)
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert "The tide is written down twice a day." in asked["messages"][1]["content"]
    assert asked["messages"][1]["content"].endswith("Question: How often?")


def test_without_a_key_none_is_sent(chat: FakeChat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMBEDLAKE_ASK_KEY", raising=False)
    chat.says("ok")
    ending(chat)
    assert "authorization" not in chat.requests[0][0]


GOOD = {
    "one chunk": [b"".join(streamed("Twice [1]."))],
    "a byte at a time": [bytes([byte]) for byte in b"".join(streamed("Twice [1]."))],
    "carriage returns": [b"".join(streamed("Twice [1].")).replace(b"\n", b"\r\n")],
    "no space after the colon": [b"".join(streamed("Twice [1].")).replace(b"data: ", b"data:")],
    "comments and other fields": [b": keep-alive\n\n", b"event: x\nid: 1\n", *streamed("Twice [1].")],
    "no [DONE]": streamed("Twice [1].")[:-1],
    "no finish_reason": [chunk("Twice "), chunk("[1]."), DONE],
    "no end of the last line": [chunk("Twice [1]."), b"data: [DONE]"],
    "usage at the end": [
        *streamed("Twice [1].")[:-1],
        b'data: {"choices": [], "usage": {"total_tokens": 9}}\n\n',
        DONE,
    ],
    "null choices": [*streamed("Twice [1].")[:-1], b'data: {"choices": null}\n\n', DONE],
    "content in parts": [chunk(content=[{"type": "text", "text": "Twice [1]."}]), DONE],  # type: ignore[arg-type]
    "reasoning beside it": [chunk(None, reasoning_content="hm"), *streamed("Twice [1].")],
}


@pytest.mark.parametrize("name", sorted(GOOD))
def test_every_spelling_of_the_protocol_is_read(chat: FakeChat, name: str) -> None:
    chat.body = GOOD[name]
    assert ending(chat) == Answered("Twice [1].", [1], [], None)


def test_a_line_separator_in_a_text_is_no_end_of_a_line(chat: FakeChat) -> None:
    chat.says("one\u2028two\x85three\x0bfour", 100)
    assert ending(chat).text == "one\u2028two\x85three\x0bfour"


def test_letters_that_are_cut_between_packets_come_whole(chat: FakeChat) -> None:
    data = b"".join(streamed("町は静かだった。", 3))
    chat.body = [data[i : i + 7] for i in range(0, len(data), 7)]
    assert ending(chat).text == "町は静かだった。"


def test_an_endpoint_that_does_not_stream_is_read_too(chat: FakeChat) -> None:
    value = {"choices": [{"message": {"role": "assistant", "content": "Twice [1]."}, "finish_reason": "stop"}]}
    chat.headers, chat.body = {"Content-Type": "application/json"}, [json.dumps(value).encode()]
    assert ending(chat) == Answered("Twice [1].", [1], [], None)


BAD: dict[str, tuple[list[bytes], type[Exception], str, str]] = {
    "refusal": ([chunk(refusal="I cannot "), chunk(refusal="help."), chunk(finish="stop"), DONE],
                RefusedAnswer, "refuses to answer: I cannot help.", ""),
    "filter": ([chunk("Twice a"), chunk(finish="content_filter"), DONE], RefusedAnswer, "content_filter", "Twice a"),
    "length": ([chunk("Twice a"), chunk(finish="length"), DONE], CutAnswer, "limit of tokens", "Twice a"),
    "cut": ([chunk("Twice [1], or"), chunk(" once [1")], CutAnswer, "ended before it did", "Twice [1], or once [1"),
    "empty": ([chunk("", role="assistant"), chunk(finish="stop"), DONE], EmptyAnswer, "is empty", ""),
    "blank": ([chunk(" \n "), chunk(finish="stop"), DONE], EmptyAnswer, "is empty", " \n "),
    "only done": ([DONE], EmptyAnswer, "is empty", ""),
    "nothing": ([], CutAnswer, "ended before it did", ""),
    "no JSON": ([chunk("Twice"), b"data: {oops\n\n", DONE], ServiceError, "it is no JSON", "Twice"),
    "no object": ([b"data: [1]\n\n"], ServiceError, "it is no object", ""),
    "error within": ([chunk("Twice"), b'data: {"error": {"message": "overloaded", "code": 529}}\n\n'],
                     ServiceError, "HTTP 529): overloaded", "Twice"),
    "error in words": ([b'data: {"error": "boom"}\n\n'], ServiceError, "boom", ""),
    "endless line": ([b"data: " + b"x" * 2**20, b"x"], ServiceError, "does not end", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BAD))
def test_every_bad_end_is_told_and_what_came_is_kept(chat: FakeChat, name: str) -> None:
    chat.body, kind, message, text = BAD[name]
    last = ending(chat)
    assert type(last.error) is kind
    assert message in str(last.error)
    assert last.text == text


def test_a_lost_connection_keeps_what_came(chat: FakeChat) -> None:
    chat.body, chat.lost = [chunk("Twice a day [1].")], True
    last = ending(chat)
    assert isinstance(last.error, CutAnswer)
    assert "connection was lost" in last.error.message
    assert (last.text, last.cited) == ("Twice a day [1].", [1])


STATUSES = {
    401: (b'{"error": {"message": "Incorrect API key provided", "type": "invalid_request_error"}}', "refuses the key"),
    404: (b'{"error": {"message": "The model `fake` does not exist"}}', "HTTP 404): The model `fake` does not exist"),
    429: (b'{"error": {"message": "Rate limit reached"}}', "asks to wait 17 s: Rate limit reached"),
    500: (b"<html>oops</html>", "fails (HTTP 500)"),
    503: (b"", "fails (HTTP 503)"),
    307: (b"", "sends elsewhere"),
}


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_statuses_are_told_by_kind(chat: FakeChat, status: int) -> None:
    body, message = STATUSES[status]
    chat.status, chat.headers, chat.body = status, {"Retry-After": "17", "Location": "/v1/else"}, [body]
    last = ending(chat)
    assert isinstance(last.error, ServiceError)
    assert message in last.error.message
    assert last.error.retry_after == (17 if status in (429, 500, 503) else 0)
    assert len(chat.requests) == 1


def test_a_prompt_that_a_filter_refuses(chat: FakeChat) -> None:
    chat.status, chat.body = 400, [b'{"error": {"code": "content_filter", "message": "filtered"}}']
    assert isinstance(ending(chat).error, RefusedAnswer)


def test_a_page_in_place_of_an_answer(chat: FakeChat) -> None:
    chat.headers, chat.body = {"Content-Type": "text/html"}, [b"<html>log in</html>"]
    assert "it is no JSON" in str(ending(chat).error)


def test_nobody_there(chat: FakeChat) -> None:
    gone = FakeChat()
    gone.close()
    assert "does not answer" in str(ending(gone, seconds=2).error)


def test_silence_ends_it(chat: FakeChat, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(list[bytes]):
        def __iter__(self) -> Iterator[bytes]:
            import time

            yield chunk("Twice")
            time.sleep(3)

    chat.body = Slow()
    last = ending(chat, seconds=0.5)
    assert isinstance(last.error, CutAnswer)
    assert (last.text, "silence for 0.5 s" in last.error.message) == ("Twice", True)


def test_a_key_is_in_no_message(chat: FakeChat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", "a-secret-of-some-length")
    asked = endpoint(chat, key_env="OTHER_KEY")
    assert "secret" not in repr(asked)
    chat.status, chat.body = 401, [b'{"error": {"message": "a-secret-of-some-length is wrong"}}']
    assert "secret" not in redact(str(ending(chat, key_env="OTHER_KEY").error))
    monkeypatch.setenv("OTHER_KEY", "schlüssel-mit-umlaut")
    with pytest.raises(ConfigurationError, match="OTHER_KEY holds no key"):
        endpoint(chat, key_env="OTHER_KEY")


def test_an_endpoint_is_named_by_file_or_environment_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "MODEL", "KEY"):
        monkeypatch.delenv(f"EMBEDLAKE_ASK_{name}", raising=False)
    assert endpoint_of(Ask.model_validate({})) is None
    with pytest.raises(ConfigurationError, match="has no model"):
        endpoint_of(Ask.model_validate({"url": "http://localhost/v1"}))
    with pytest.raises(ConfigurationError, match="has no address"):
        endpoint_of(Ask.model_validate({"model": "m"}))
    with pytest.raises(ConfigurationError, match="does not begin with"):
        endpoint_of(Ask.model_validate({"model": "m", "url": "localhost/v1"}))
    monkeypatch.setenv("EMBEDLAKE_ASK_URL", "http://localhost/v1")
    monkeypatch.setenv("EMBEDLAKE_ASK_MODEL", "m")
    monkeypatch.setenv("EMBEDLAKE_ASK_KEY", "k")
    found = endpoint_of(Ask.model_validate({"model": "n"}))
    assert found
    assert (found.url, found.model, found.key) == ("http://localhost/v1", "n", "k")
