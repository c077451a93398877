"""An index stays in use until its successor is complete: readers never meet a table without one."""

import threading
from pathlib import Path

import numpy as np
import pytest

from tasks.lake.fulltext import build_text_index, text_indexes
from tasks.lake.maintenance import build_index, vector_index
from tasks.lake.nearest import View
from tasks.lake.schemas import embeddings_schema
from tasks.lake.tables import Lake
from tests.lakes import new_lake, vectors_table

TABLE = "notes.tiny.0"


@pytest.mark.slow
def test_readers_never_meet_a_table_without_its_indexes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.lake.maintenance._INDEX_ROWS", 1000)
    lake = new_lake(tmp_path, language="en")
    lake.create("tiny.0", embeddings_schema(lake.corpus, 32, {}))
    lake.merge(TABLE, vectors_table(lake, TABLE, 5000))
    build_index(lake, TABLE)
    build_text_index(lake, TABLE)
    ended, wrong, versions = threading.Event(), [], set()

    def read() -> None:
        reader = Lake(lake.corpus)
        chance = np.random.default_rng(0)
        while not ended.is_set():
            try:
                view = View(reader, TABLE)
                versions.add(view.version)
                found = (
                    view.has_vector_index, view.has_text_index,
                    len(view.nearest(chance.normal(size=32).tolist(), 10)), len(view.matching("heron river", 10)),
                )  # fmt: skip
                if found != (True, True, 10, 10):
                    wrong.append(found)
            except Exception as error:
                wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for language in ("de", "en", "de"):
        build_index(lake, TABLE, "int8" if language == "de" else "rabitq")
        build_index(lake, TABLE, "int8" if language == "de" else "rabitq", anew=True)
        lake.corpus.__dict__["language"] = language
        build_text_index(lake, TABLE)
    ended.set()
    for reader in readers:
        reader.join()
    assert not wrong
    assert len(versions) > 3
    for version in range(min(versions), lake.version(TABLE) + 1):  # also those that no reader came upon
        dataset = lake.dataset(TABLE).checkout_version(version)
        assert vector_index(dataset) is not None
        assert set(text_indexes(dataset)) == {"text", "title", "heading_path"}
