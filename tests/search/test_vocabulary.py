"""Word vectors of a corpus: which they are, words looked for beside a query's, and words that they do not know."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.config.models import Model
from tasks.errors import ConfigurationError, ModelError
from tasks.hashing import hash_text
from tasks.lake.fulltext import build_text_index
from tasks.lake.schemas import embeddings_schema
from tasks.search.options import Asked
from tasks.search.query import OpenLake
from tasks.search.several import search_all
from tests.lakes import new_lake

VECTORS = {
    "car": [1.0, 0.0, 0.0], "cars": [1.0, 0.01, 0.0], "automobile": [0.9, 0.1, 0.0], "road": [0.6, 0.8, 0.0],
    "the": [0.95, 0.0, 0.1], "boat": [0.0, 0.0, 1.0],
}  # fmt: skip
TEXTS = ["an automobile was sold", "the boat sank", "a car was sold and washed", "unwordly Boat-automobile"]


@pytest.fixture
def vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "glove.txt"
    file.write_text("".join(f"{word} {' '.join(map(str, v))}\n" for word, v in VECTORS.items()))
    return file


def open_with(folder: Path, model: str) -> OpenLake:
    lake = new_lake(folder, models=[model])
    lake.create("some.0", embeddings_schema(lake.corpus, 2, {}))
    table = lake.name("some.0")
    rows: list[dict[str, Any]] = [
        {
            "chunk_id": str(i), "document_id": f"docs:{i}", "ordinal": 0, "text": text, "text_hash": hash_text(text),
            "vector": np.ones(2, np.float32),
        }
        for i, text in enumerate(TEXTS)
    ]  # fmt: skip
    lake.merge(table, pa.Table.from_pylist(rows, schema=lake.schema(table)))
    lake.merge(lake.name("chunks"), pa.Table.from_pylist([{k: row[k] for k in ("chunk_id", "text")} for row in rows]))
    build_text_index(lake, table)
    catalog = {"table": table, "model": "some", "reference": model, "revision": "0", "state": "live"}
    settings = Model.model_validate(model).model_dump_json()
    lake.merge(lake.name("catalog"), pa.Table.from_pylist([catalog | {"settings": settings}]))
    return OpenLake(lake)


def found(passages: Any) -> list[str]:
    return [passage.chunk_id for passage in passages]


def test_near_words_are_looked_for_too_and_count_less(tmp_path: Path, vectors: Path) -> None:
    lake = open_with(tmp_path / "lake", str(vectors))
    assert found(lake.search("the car", by="text")) == ["2"]
    expanded = lake.search("the car", by="text", expand="some")
    assert found(expanded)[0] == "2"
    assert set(found(expanded)) == {"0", "2", "3"}
    assert expanded[1].score < expanded[0].score
    # neither another form of a word of the query, nor what the text index leaves out, nor what is not near
    [one] = expanded.expanded
    assert (one.word, one.beside) == ("automobile", "car")
    assert one.weight == pytest.approx(0.3 * one.cosine)
    assert found(search_all([lake], "the car", by="text", expand=str(vectors))) == found(expanded)
    assert lake.search("the car", by="text").expanded == ()


def test_a_corpus_has_the_word_vectors_of_a_model_of_its(tmp_path: Path, vectors: Path, tiny_model: Path) -> None:
    lake = open_with(tmp_path / "lake", str(vectors))
    assert lake.word_vectors().count == lake.word_vectors("some").count == len(VECTORS)
    other = open_with(tmp_path / "other", str(tiny_model))
    with pytest.raises(ConfigurationError, match="no model of the corpus has word vectors"):
        other.word_vectors()
    with pytest.raises(ConfigurationError, match="is no model of word vectors"):
        other.word_vectors("some")
    assert other.word_vectors(str(vectors)).count == len(VECTORS)
    with pytest.raises(ModelError, match="no such folder"):
        other.word_vectors("./nothing.txt")


def test_words_without_a_vector_are_counted(tmp_path: Path, vectors: Path) -> None:
    told = open_with(tmp_path / "lake", str(vectors)).coverage(most=2)
    assert (told.words, told.unknown) == (15, 10)
    assert told.most == {"was": 2, "sold": 2}


def test_a_search_by_vector_expands_nothing() -> None:
    with pytest.raises(ConfigurationError, match="looks for no words"):
        Asked(by="vector", expand="some")
