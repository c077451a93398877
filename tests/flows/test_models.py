"""The commands `models`, `promote`, `rollback` and `retire`, as typed."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.machine.encoders import StandIn
from tests.machine.engine import quick, run_ingest
from tests.machine.world import make_model_folders

Typed = Callable[..., Any]


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with quick():
        StandIn.begin()
        yield


@pytest.fixture
def corpus_file(tmp_path: Path) -> Path:
    make_model_folders(tmp_path / "models")
    (tmp_path / "docs").mkdir()
    for i in range(6):
        (tmp_path / "docs" / f"{i}.txt").write_text(f"Document {i} tells of rivers.")
    write(tmp_path, "one", "two")
    run_ingest(str(tmp_path / "notes.yaml"))
    return tmp_path / "notes.yaml"


def write(folder: Path, *models: str) -> None:
    corpus = {
        "name": "notes", "lake": str(folder / "lake"), "sources": [{"name": "docs", "uri": str(folder / "docs")}],
        "models": [
            {"model": str(folder / "models" / "words"), "name": name, "document_prompt": name} for name in models
        ],
    }  # fmt: skip
    (folder / "notes.yaml").write_text(json.dumps(corpus))


def test_a_model_is_promoted_rolled_back_and_retired(typed: Typed, corpus_file: Path, tmp_path: Path) -> None:
    code, out, _ = typed("models", corpus_file, "--json")
    found = json.loads(out)
    assert (code, [(row["model"], row["state"], row["rows"]) for row in found["models"]]) == (
        0,
        [("one", "live", 6), ("two", "ready", 6)],
    )
    assert found["models"][0]["bytes"] > 1000
    assert found["models"][0]["texts_per_second"] > 0
    code, out, _ = typed("promote", corpus_file, "two", "--reason", "it finds more", "--json")
    assert (code, json.loads(out)["changed"]) == (0, True)
    code, out, _ = typed("rollback", corpus_file)
    assert code == 0
    assert "is live; before it was notes.two." in out.replace("\n", "")
    code, out, _ = typed("status", corpus_file)
    assert "it finds more" in out
    assert "rollback" in out
    assert typed("retire", corpus_file, "two")[0] == 11
    write(tmp_path, "one")
    code, out, _ = typed("retire", corpus_file, "two", "--after", "2w")
    assert code == 0
    assert "is removed after" in out
    code, out, _ = typed("models", corpus_file)
    assert (code, "removed after" in out) == (0, True)
    code, out, _ = typed("retire", corpus_file, "two", "--now", "--json")
    assert (code, len(json.loads(out)["removed"])) == (0, 1)
    assert len(json.loads(typed("models", corpus_file, "--json")[1])["models"]) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["promote", "two", "--force"], 2, "--force needs a reason"),
        (["promote", "three"], 2, "the lake has no table of a model 'three'; its tables: notes.one."),
        (["rollback"], 11, "the history tells of no table that was live before"),
        (["retire", "one"], 11, "is live; nothing was changed"),
        (["retire", "two", "--after", "soon"], 2, "'soon' is no duration"),
    ],
)
def test_what_is_refused_says_why(typed: Typed, corpus_file: Path, arguments: list[str], code: int, said: str) -> None:
    command, *others = arguments
    ended, _, err = typed(command, corpus_file, *others)
    assert ended == code
    assert said in err
    assert "next:" in err
