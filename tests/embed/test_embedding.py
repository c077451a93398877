"""How much work encoders are started for."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pytest

import tasks.embed.embedding
from tasks.config.loading import load_corpus
from tasks.embed.embedding import Embedding
from tasks.hashing import hash_text
from tasks.lake.tables import Lake


class Begun(Exception):
    """Encoders were started, for so many tokens."""


@pytest.mark.parametrize(("seconds", "tokens"), [(60.0, 1020), (0.0, 600)])
def test_chunks_that_still_come_count_tenfold_once_they_took_too_long(
    make_corpus: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, seconds: float, tokens: int
) -> None:
    monkeypatch.setattr(tasks.embed.embedding, "_WAITING_SECONDS", seconds)
    corpus = load_corpus(make_corpus(resources={"in_process_below": 1000}))
    lake = Lake(corpus, create=True)

    def arrivals() -> Iterator[pa.Table]:
        for i in range(100):
            yield pa.table({"text": [str(i)], "text_hash": [hash_text(str(i))], "token_count": [60]})

    def start(known: int, _chunks: list[pa.Table]) -> NoReturn:
        raise Begun(known)

    embedding = Embedding(
        lake, "notes.model.revision", corpus.models[0].model_copy(update={"template": "text"}), start, lambda _: None
    )
    with pytest.raises(Begun) as begun:
        embedding.run(arrivals())
    assert begun.value.args == (tokens,)
