"""What several commands share: arguments, options, and how libraries are kept quiet."""

import os
from pathlib import Path
from typing import Annotated

import typer

Corpus = Annotated[Path, typer.Argument(metavar="CORPUS.yaml", help="The corpus file.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for another run to end, instead of leaving.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value, for scripts.")]
MODEL = "sentence-transformers/all-MiniLM-L6-v2"


def quiet_libraries() -> None:
    """Keep Prefect's own lines off the terminal (they go to its server) and every library from calling home."""
    for name, value in {
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "embedlake",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
        "RAY_USAGE_STATS_ENABLED": "0",
        "TRANSFORMERS_VERBOSITY": "error",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }.items():
        os.environ.setdefault(name, value)


def share_of(given: str) -> float:
    """A share of the chunks, given as 1% or 0.01."""
    try:
        share = float(given.removesuffix("%")) / (100 if given.endswith("%") else 1)
    except ValueError:
        raise typer.BadParameter(f"{given!r} is no share; write it as 1% or 0.01") from None
    if not 0 < share <= 1:
        raise typer.BadParameter("take more than 0%, and at most 100%")
    return share
