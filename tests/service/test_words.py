"""Words near a query's, over HTTP: by the corpus's word vectors alone, as a client names no files of the server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tasks.service.app import create_app
from tasks.service.guard import Limits
from tasks.service.keys import Keys
from tasks.service.warm import Corpora
from tests.machine.engine import quick, run_ingest

VECTORS = {
    "car": [1.0, 0.0, 0.0], "automobile": [0.9, 0.1, 0.0], "road": [0.6, 0.8, 0.0], "boat": [0.0, 0.0, 1.0],
}  # fmt: skip


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    vectors = tmp_path / "glove.txt"
    vectors.write_text("".join(f"{word} {' '.join(map(str, v))}\n" for word, v in VECTORS.items()))
    (tmp_path / "docs").mkdir()
    for name, text in (("a", "An automobile was sold."), ("b", "The boat sank."), ("c", "A car was washed.")):
        (tmp_path / "docs" / f"{name}.txt").write_text(text)
    file = tmp_path / "notes.yaml"
    corpus: dict[str, Any] = {
        "name": "notes", "lake": str(tmp_path / "lake"), "sources": [{"name": "docs", "uri": str(tmp_path / "docs")}],
        "models": [{"model": str(vectors), "name": "words"}],
    }  # fmt: skip
    file.write_text(json.dumps(corpus))
    with quick():
        run_ingest(str(file))
        corpora = Corpora([file])
        with TestClient(create_app(corpora, Keys(), Limits()), base_url="http://localhost") as client:
            yield client
        corpora.close()


def test_near_words_are_looked_for_where_it_is_asked(client: TestClient) -> None:
    def found(**asked: Any) -> Any:
        [answer] = client.post("/search", json={"query": "car", "by": "text"} | asked).json()["results"]
        return [one["document_id"] for one in answer["passages"]], [one["word"] for one in answer["expanded"]]

    assert found() == (["docs:c.txt"], [])
    assert found(expand=False) == (["docs:c.txt"], [])
    assert found(expand=True) == (["docs:c.txt", "docs:a.txt"], ["automobile"])
    assert client.post("/search", json={"query": "car", "expand": "/etc/passwd"}).status_code == 422
    assert client.post("/search", json={"query": "car", "expand": True, "by": "vector"}).status_code == 400


def test_the_nearest_words_are_told(client: TestClient) -> None:
    told = client.get("/corpora/notes/words/car", params={"limit": 2}).json()
    assert (told["word"], told["known"]) == ("car", True)
    assert [one["word"] for one in told["nearest"]] == ["automobile", "road"]
    assert client.get("/corpora/notes/words/nothing").json() == {"word": "nothing", "known": False, "nearest": []}
    assert client.get("/corpora/none/words/car").status_code == 404
