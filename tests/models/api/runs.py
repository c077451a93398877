"""Runs of corpora that the fake embeds, without Prefect's engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tasks.models import choose
from tasks.models.choose import load_encoder
from tests.machine.engine import quick, run_ingest

WORDS = ["heron", "river", "moon", "tide", "stone", "bread", "owl", "night", "ship", "rope", "glass", "salt"]


@contextmanager
def encoders_as_named() -> Iterator[None]:
    """As `quick`, with the encoders that the corpus names."""
    with quick(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(choose, "load_encoder", load_encoder)
        yield


def run(corpus_file: Path) -> Any:
    with encoders_as_named():
        return run_ingest(str(corpus_file))


def write_documents(folder: Path, count: int) -> None:
    """Documents of a chunk each."""
    folder.mkdir(exist_ok=True)
    for i in range(count):
        (folder / f"{i}.txt").write_text(f"The {WORDS[i % len(WORDS)]} number {i} is here.")


def model_at(url: str, api: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """OpenAI's small model, asked at an address with the key in FAKE_KEY."""
    own = {"model": "openai:text-embedding-3-small", "name": "small", "dimension": 32} | settings
    return own | {"api": {"url": f"{url}/v1", "key_env": "FAKE_KEY"} | (api or {})}
