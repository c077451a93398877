"""The commands that answer others: `serve-search` over HTTP, `mcp` for agents."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import quiet_libraries
from tasks.errors import ConfigurationError


def serve_search(
    corpus_files: Annotated[
        list[Path], typer.Argument(metavar="CORPUS.yaml...", help="Corpus files or folders of them.")
    ],
    host: Annotated[str, typer.Option(help="Address to listen on; other machines reach it at 0.0.0.0.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8642,
    keys: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="API keys, one on each line, read again when it changes."),
    ] = None,
    requests: Annotated[int, typer.Option(min=1, help="Most requests at once; further ones get 503.")] = 128,
    seconds: Annotated[float, typer.Option(min=0.1, help="Longest time for an answer.")] = 30.0,
) -> None:
    """Answer searches over HTTP from one warm process, until stopped.

    The page /docs says what it takes. It sees new rows and another live model within a second. API keys come from the
    environment variable EMBEDLAKE_API_KEYS (commas between) and from --keys. Without any, only this machine may ask.

    Example: embedlake serve-search notes.yaml papers.yaml
    """
    quiet_libraries()
    from flows.cli.running import files_of
    from flows.cli.terminal import out, shown
    from tasks.service.guard import Limits
    from tasks.service.keys import ENVIRONMENT, Keys
    from tasks.service.server import serve
    from tasks.service.warm import Corpora

    known = Keys(keys)
    if not known.wanted and not _is_loopback(host):
        raise ConfigurationError(
            f"other machines reach {host}, and there are no API keys",
            f"Set {ENVIRONMENT} or give a file with --keys; or listen on 127.0.0.1.",
        )
    corpora = Corpora(files_of(corpus_files))
    for corpus in corpora:
        told = corpus.told()
        out.print(f"{shown(told.name)}: {told.rows:,} passages, {shown(told.model or 'nothing is live yet')}")
    out.print(f"Listening on http://{shown(host)}:{port}; what it takes: http://{shown(host)}:{port}/docs")
    serve(corpora, known, Limits(requests=requests, seconds=seconds), host, port)


def mcp(
    corpus_files: Annotated[
        list[Path], typer.Argument(metavar="CORPUS.yaml...", help="Corpus files or folders of them.")
    ],
) -> None:
    """Give agents tools over standard input and output, by the Model Context Protocol: search, fetch, similar, status.

    An agent starts this command itself. Over HTTP the same tools are at /mcp of `embedlake serve-search`. Needs the
    package mcp: pip install 'embedlake[mcp]'.

    Example: embedlake mcp notes.yaml
    """
    quiet_libraries()
    from flows.cli.running import files_of
    from tasks.service.asking import Service
    from tasks.service.guard import Limits
    from tasks.service.tools import create_tools
    from tasks.service.warm import Corpora

    corpora = Corpora(files_of(corpus_files))
    create_tools(Service(corpora, Limits())).run("stdio")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
