"""Clients that say little, on a real socket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import uvicorn

from tasks.service.connection import PromptProtocol
from tests.service.test_guard import echo

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"


class Quick(PromptProtocol):
    seconds = 0.3


@asynccontextmanager
async def listening() -> AsyncIterator[int]:
    server = uvicorn.Server(uvicorn.Config(echo, port=0, http=Quick, lifespan="off", log_level="error"))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


def with_server(client: Callable[[int], Awaitable[None]]) -> None:
    async def run() -> None:
        async with listening() as port:
            await asyncio.wait_for(client(port), 10)

    asyncio.run(run())


def test_a_connection_without_a_request_is_closed() -> None:
    async def client(port: int) -> None:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"\r\nab")  # beside them others are answered
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
        for reader, _ in silent:
            assert await reader.read() == b""

    with_server(client)


def test_a_head_that_comes_byte_by_byte_is_not_waited_for() -> None:
    async def client(port: int) -> None:
        for before in (b"", HEAD + b"\r\nab"):  # on a new connection, and on one that has been answered
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(before)
            if before:
                await reader.readuntil(b"\r\n\r\n")
            for letter in HEAD:
                writer.write(bytes([letter]))
                await asyncio.sleep(0.02)
                if writer.is_closing() or reader.at_eof():
                    break
            else:
                raise AssertionError("it waited for the whole head")

    with_server(client)


def test_a_body_may_take_longer_than_a_head() -> None:
    async def client(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"\r\na")
        await asyncio.sleep(0.5)
        writer.write(b"b")
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")

    with_server(client)
