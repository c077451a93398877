"""Small corpora of images or sounds, for a model that a stand-in encodes."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tasks.models import choose, providers
from tests.machine.engine import quick
from tests.machine.world import make_model_folders


@contextmanager
def corpora(folder: Path, provider: str, served: Any, encoder: Callable[[], Any]) -> Iterator[Callable[..., Path]]:
    """While it lasts, runs are quick and a provider's models are encoded by a stand-in. Gives what writes the file of a
    corpus of the folder `docs`, with the keys that it is called with.

    Args:
        folder: for all of it.
        provider: first part of the references of models; served: what finds them.
        encoder: makes the stand-in.
    """
    make_model_folders(folder / "models")
    (folder / "docs").mkdir()

    def write(**keys: Any) -> Path:
        corpus: dict[str, Any] = {
            "name": "notes", "lake": str(folder / "lake"), "sources": [{"name": "docs", "uri": str(folder / "docs")}],
            "chunking": {"tokenizer": str(folder / "models" / "words")},
        }  # fmt: skip
        file = folder / "notes.yaml"
        file.write_text(json.dumps(corpus | keys))
        return file

    with quick(), pytest.MonkeyPatch.context() as patch:
        patch.setitem(providers._PROVIDERS, provider, served)
        patch.setattr(choose, "load_encoder", lambda *_, **__: encoder())
        yield write
