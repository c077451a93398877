"""What agents do with corpora, by a real client of the Model Context Protocol: in process, over HTTP and over pipes."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from flows.ingest import ingest
from tasks.service.asking import Service
from tasks.service.guard import Limits
from tasks.service.tools import create_tools
from tasks.service.warm import Corpora
from tests.conftest import free_port, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]

BIRDS = "Birds came back in spring, one by one, and sang."


@pytest.fixture
def corpus_file(make_corpus: Callable[..., Path], tmp_path: Path) -> Path:
    file = make_corpus()
    (tmp_path / "docs" / "birds.txt").write_text(BIRDS)
    (tmp_path / "docs" / "river.txt").write_text("The river rose.")
    ingest(file)
    return file


async def use(client: Client) -> None:
    """Call every tool, and some wrongly."""
    listed = await client.list_tools()
    assert {tool.name for tool in listed.tools} == {"search", "fetch", "similar", "status"}
    assert (await call(client, "status"))["corpora"][0]["rows"] == 2
    [first, _] = (await call(client, "search", query="birds in spring"))["results"]
    assert first["text"] == BIRDS
    assert (await call(client, "fetch", id=first["document_id"]))["text"] == BIRDS
    [other] = (await call(client, "similar", id=first["document_id"]))["results"]
    assert other["document_id"] == "docs:river.txt"
    for tool, arguments in (
        ("search", {"query": "a", "corpus": "none"}), ("search", {"query": "a", "where": "nothing = 1"}),
        ("search", {"query": ""}), ("search", {"query": "a", "limit": 51}), ("fetch", {"id": "none"}),
    ):  # fmt: skip
        assert (await client.call_tool(tool, arguments)).is_error


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    found = await client.call_tool(tool, arguments)
    assert not found.is_error, found
    assert found.structured_content is not None
    return found.structured_content


def test_in_process(corpus_file: Path) -> None:
    corpora = Corpora([corpus_file])

    async def go() -> None:
        async with Client(create_tools(Service(corpora, Limits()))) as client:
            await use(client)

    asyncio.run(go())
    corpora.close()


def test_over_pipes(corpus_file: Path) -> None:
    command = str(Path(sys.executable).parent / "embedlake")
    parameters = StdioServerParameters(command=command, args=["mcp", str(corpus_file)], env=dict(os.environ))

    async def go() -> None:
        async with Client(stdio_client(parameters)) as client:
            await use(client)

    asyncio.run(go())


def test_over_http(corpus_file: Path, tmp_path: Path) -> None:
    port, key = free_port(), "k" * 24
    command = [Path(sys.executable).parent / "embedlake", "serve-search", corpus_file, "--port", str(port)]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env={**os.environ, "EMBEDLAKE_API_KEYS": key}, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}/mcp"

    def lives() -> bool:
        try:
            return httpx.post(url).status_code == 401  # it asks for a key
        except httpx.TransportError:
            return False

    async def go() -> None:
        async with (
            httpx.AsyncClient(headers={"authorization": f"Bearer {key}"}) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            await use(client)

    try:
        wait_until(lives, 60, "the service")
        asyncio.run(go())
    finally:
        process.kill()
        process.wait()
