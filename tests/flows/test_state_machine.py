"""Documents come, change, move and go, runs break off anywhere: a settled lake always equals the sources.

`EXACTLY_ONCE_EXAMPLES` sets how many histories are tried; each has up to 30 steps. `pytest -s` says how many came.
"""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from flows.backfill import backfill
from flows.ingest import ingest
from tasks import documents, vectors
from tasks.chunk.split import split
from tasks.chunk.tokens import count_tokens, load_counter
from tasks.configuration import load_corpus
from tasks.extract.plain import normalise
from tasks.hashing import hash_text
from tasks.lake import Lake
from tasks.models import ResolvedModel
from tasks.prepare import prepare
from tests.lakes import check_whole, rows

EXAMPLES = int(os.environ.get("EXACTLY_ONCE_EXAMPLES", "6"))
NAMES = [f"{letter}.txt" for letter in "abcdef"]
SENTENCES = [
    "The river rose.",
    "Stones were carried far.",
    "Nobody saw it.",
    "Birds came back in spring.",
    "It rained.",
]
TEXTS = st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=12).map("\n\n".join)


class Crash(Exception):
    """A run broken off."""


class CountingEncoder:
    """Vectors made from the text alone, without a model; counts what it embeds."""

    embedded: ClassVar[list[str]] = []
    dimension = 4
    max_tokens = 512
    modality = "text"
    backend = "counting"
    concurrency = 1
    batch_tokens = 4096

    def __init__(self, model: ResolvedModel, threads: int | None = None, budget: int | None = None) -> None:
        pass

    def encode(self, texts: list[str]) -> Any:
        CountingEncoder.embedded += texts
        return np.stack([vector_of(text) for text in texts]), [len(text.split()) for text in texts]


def vector_of(text: str) -> Any:
    seed = int(hash_text(text)[:8], 16)
    return np.random.default_rng(seed).normal(size=4).astype(np.float32)


class History(RuleBasedStateMachine):
    """The lake beside a model of it: a dictionary of texts."""

    tiny_model: Path
    done: ClassVar[Counter[str]] = Counter()

    @initialize()
    def start(self) -> None:
        self.done["histories"] += 1
        self.folder = Path(tempfile.mkdtemp())
        (self.folder / "docs").mkdir()
        self.texts: dict[str, str] = {}
        self.size = 32
        self.models = ["one"]
        self.settled = False
        self.clock = 1_000_000_000

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    def _corpus_file(self) -> Path:
        file = self.folder / "notes.yaml"
        models = [{"model": str(self.tiny_model), "name": name, "document_prompt": name} for name in self.models]
        source = {"name": "docs", "uri": str(self.folder / "docs")}
        import json

        chunking = {"size": self.size}
        file.write_text(
            json.dumps(
                {
                    "name": "notes",
                    "lake": str(self.folder / "lake"),
                    "sources": [source],
                    "models": models,
                    "chunking": chunking,
                }
            )
        )
        return file

    def _write(self, name: str, text: str) -> None:
        file = self.folder / "docs" / name
        file.write_text(text)
        self.clock += 1
        os.utime(file, (self.clock, self.clock))  # two edits within the clock's grain would look like none
        self.texts[name] = text
        self.settled = False

    @rule(name=st.sampled_from(NAMES), text=TEXTS)
    def add_or_rewrite(self, name: str, text: str) -> None:
        self._write(name, text)

    @precondition(lambda self: self.texts)
    @rule(data=st.data(), sentence=st.sampled_from(SENTENCES))
    def edit(self, data: st.DataObject, sentence: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.texts)))
        parts = self.texts[name].split("\n\n")
        parts.insert(data.draw(st.integers(0, len(parts))), sentence)
        self._write(name, "\n\n".join(parts))

    @precondition(lambda self: self.texts)
    @rule(data=st.data(), name=st.sampled_from(NAMES))
    def duplicate(self, data: st.DataObject, name: str) -> None:
        self._write(name, self.texts[data.draw(st.sampled_from(sorted(self.texts)))])

    @precondition(lambda self: self.texts)
    @rule(data=st.data())
    def touch(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.texts)))
        self._write(name, self.texts[name])

    @precondition(lambda self: len(self.texts) > 1)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.texts)))
        (self.folder / "docs" / name).unlink()
        del self.texts[name]
        self.settled = False

    @precondition(lambda self: self.texts)
    @rule(data=st.data(), to=st.sampled_from(NAMES))
    def rename(self, data: st.DataObject, to: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.texts)))
        (self.folder / "docs" / name).rename(self.folder / "docs" / to)
        self.texts[to] = self.texts.pop(name)
        self.settled = False

    @rule(size=st.sampled_from([16, 32]))
    def change_chunking(self, size: int) -> None:
        self.settled = self.settled and size == self.size
        self.size = size

    @rule(models=st.sampled_from([["one"], ["one", "two"], ["two"]]))
    def change_models(self, models: list[str]) -> None:
        self.settled = self.settled and models == self.models
        self.models = models

    @precondition(lambda self: self.texts)
    @rule(after=st.integers(0, 12), written=st.booleans())
    def run_and_crash(self, after: int, written: bool) -> None:
        left = after

        def breaking(real: Any) -> Any:
            def write(*arguments: Any, **keywords: Any) -> None:
                nonlocal left
                if left == 0 and not written:
                    raise Crash
                real(*arguments, **keywords)
                left -= 1
                if left < 0:
                    raise Crash

            return write

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Lake, "merge", breaking(Lake.merge))
            patch.setattr(Lake, "delete_in", breaking(Lake.delete_in))
            try:
                ingest(str(self._corpus_file()), allow_shrinking=True)
            except Crash:
                self.done["crashes"] += 1
                self.settled = False
            else:
                self.settled = True

    @rule()
    def run(self) -> None:
        before = len(CountingEncoder.embedded)
        report = ingest(str(self._corpus_file()), allow_shrinking=True)
        assert sum(model.embedded for model in report.models) == len(CountingEncoder.embedded) - before
        if self.settled:
            assert report.idle
        self.settled = True

    @precondition(lambda self: self.settled and self.texts)
    @rule()
    def backfill(self) -> None:
        backfill(str(self._corpus_file()), self.models[0])

    @invariant()
    def the_lake_equals_the_sources(self) -> None:
        self.done["steps"] += 1
        if not getattr(self, "settled", False):
            return
        self.done["settled lakes compared"] += 1
        lake = Lake(load_corpus(self._corpus_file()))
        expected: set[tuple[str, int, int, str]] = set()
        found_documents = rows(lake, "documents", "document_id", "state", "duplicate_of")
        assert {row["document_id"] for row in found_documents} == {f"docs:{name}" for name in self.texts}
        by_text: dict[str, list[str]] = {}
        for name, text in self.texts.items():
            by_text.setdefault(normalise(text), []).append(f"docs:{name}")
        states = {row["document_id"]: row for row in found_documents}
        for text, twins in by_text.items():
            [active] = [twin for twin in twins if states[twin]["state"] == "active"]
            assert all(states[twin]["duplicate_of"] == active for twin in twins if twin != active)
            [tokens] = count_tokens([text], load_counter(str(self.tiny_model)))
            for chunk in split(text, "text", lake.corpus.chunking, tokens):
                expected.add((active, chunk.start, chunk.end, text[chunk.start : chunk.end]))
        columns = ["document_id", "start", "end", "text"]
        found = [tuple(row.values()) for row in rows(lake, "chunks", *columns)]
        assert len(found) == len(expected)
        assert set(found) == expected
        live = {row["table"]: row for row in lake.catalog() if row["model"] in self.models}
        assert {row["model"] for row in live.values()} >= (set(self.models) if self.texts else set())
        for table in live:
            vectors_found = lake.read(table, [*columns, "vector"]).to_pylist()
            assert {(r["document_id"], r["start"], r["end"], r["text"]) for r in vectors_found} == expected
            assert len(vectors_found) == len(expected)
            assert all(np.allclose(r["vector"], vector_of(r["text"])) for r in vectors_found)
        if set(self.models) >= {row["model"] for row in lake.catalog()}:
            check_whole(self._corpus_file())


@pytest.fixture
def _without_model(monkeypatch: pytest.MonkeyPatch, tiny_model: Path, prefect_server: None) -> Iterator[None]:
    def read_here(works: Any, corpus: Any, folder: str, size: int) -> Any:
        for work in works:
            yield work, prepare(work, corpus, folder)

    monkeypatch.setattr(vectors, "load_encoder", CountingEncoder)
    monkeypatch.setattr(documents, "read_all", read_here)
    History.tiny_model = tiny_model
    return


@pytest.mark.usefixtures("_without_model")
def test_a_settled_lake_equals_the_sources_whatever_happened() -> None:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        History,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=checks,
            derandomize=EXAMPLES <= 6,
        ),
    )
    print(dict(History.done))
    assert History.done["settled lakes compared"] > EXAMPLES
