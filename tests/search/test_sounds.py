"""Searches of texts, sounds and films: by a question, by a sound, with times."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from flows.cli.main import app as command
from tasks.errors import ConfigurationError
from tasks.models import choose, providers
from tasks.models.takes import Takes
from tasks.search.query import OpenLake, open_lake
from tasks.service.app import create_app
from tasks.service.guard import Limits
from tasks.service.keys import Keys
from tasks.service.warm import Corpora
from tests.hearing import PITCHES, RATE, Hearing, HearingEncoder
from tests.machine.engine import quick, run_ingest
from tests.machine.world import make_model_folders
from tests.media.sounds import tone, wav

pytest.importorskip("soundfile", reason="soundfile is not installed")

SUBTITLES = """1
00:00:01,500 --> 00:00:03,250
Somebody whistles.

2
01:00:04,000 --> 01:00:06,125
It is a shrill sound.
"""


def recording(*pitches: str) -> bytes:
    return wav(np.concatenate([tone(PITCHES[name], 2, RATE) for name in pitches]), RATE)


@pytest.fixture(scope="module")
def corpus_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Texts, subtitles and sounds, each with two pitches."""
    folder = tmp_path_factory.mktemp("sounds")
    make_model_folders(folder / "models")
    docs = folder / "docs"
    docs.mkdir()
    for number in range(10):
        (docs / f"text{number}.txt").write_text(f"A page about {['stones', 'rivers', 'birds'][number % 3]}, {number}.")
    (docs / "first.wav").write_bytes(recording("low", "shrill"))
    (docs / "second.wav").write_bytes(recording("middle", "high"))
    (docs / "talk.srt").write_text(SUBTITLES)
    corpus: dict[str, Any] = {
        "name": "sounds", "lake": str(folder / "lake"), "extraction": {"audio": {"window": 2}},
        "sources": [{"name": "docs", "uri": str(docs)}], "search": {"by": "vector"},
        "chunking": {"tokenizer": str(folder / "models" / "words"), "size": 14},
        "models": [{"model": "hearing:small", "name": "ears"}, {"model": "reading:small", "name": "eyes"}],
    }  # fmt: skip
    file = folder / "sounds.yaml"
    file.write_text(json.dumps(corpus))
    with quick(), pytest.MonkeyPatch.context() as patch:
        patch.setitem(providers._PROVIDERS, "hearing", Hearing())
        patch.setitem(providers._PROVIDERS, "reading", Hearing(Takes()))
        patch.setattr(choose, "load_encoder", lambda *_, **__: HearingEncoder())
        run_ingest(str(file))
        yield file


@pytest.fixture
def lake(corpus_file: Path) -> OpenLake:
    return open_lake(corpus_file)


def test_a_question_finds_the_part_of_a_sound(lake: OpenLake) -> None:
    [found] = lake.search("a shrill whistle", limit=1, modality="audio")
    assert (found.document_id, found.modality, found.time) == ("docs:first.wav", "audio", [2000, 4000])
    assert found.reference == f"{found.uri}#t=2.000,4.000"
    both = lake.search("a shrill whistle", limit=2)
    assert {passage.document_id for passage in both} == {"docs:first.wav", "docs:talk.srt"}


def test_a_sound_finds_what_sounds_so(lake: OpenLake) -> None:
    found = lake.search(audio=recording("high"), limit=1)[0]
    assert (found.document_id, found.time) == ("docs:second.wav", [2000, 4000])
    whole = lake.search(audio=recording("middle", "high"), limit=2, modality="audio")
    assert {passage.document_id for passage in whole} == {"docs:second.wav"}


def test_subtitles_tell_their_time(lake: OpenLake) -> None:
    found = {tuple(p.time or ()): p.text for p in lake.search("talk", limit=50, where="uri LIKE '%.srt'")}
    assert found == {
        (1500, 3250): "0:00:01 Somebody whistles.", (3604000, 3606125): "1:00:04 It is a shrill sound."
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"audio": b"no sound at all, but some text"}, "the sound cannot be used: not a sound of a known format"),
        ({"audio": "/nowhere.wav"}, "/nowhere.wav cannot be read"),
        ({"audio": b"", "query": "words"}, "give either a question, an image or a sound"),
        ({"audio": b"", "by": "text"}, "a sound has no words"),
        ({"audio": b"", "model": "eyes"}, "has no sounds: its model takes text"),
    ],
)
def test_what_cannot_be_asked_is_told(lake: OpenLake, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        lake.search(**asked)


def test_the_command_shows_times(corpus_file: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.wav"
    clip.write_bytes(recording("high"))
    done = CliRunner().invoke(command, ["search", str(corpus_file), "--audio", str(clip), "-n", "1"])
    assert done.exit_code == 0, done.output
    assert "docs:second.wav" in done.output
    assert "audio 0:02.0–0:04.0" in done.output
    done = CliRunner().invoke(command, ["similar", str(corpus_file), str(clip), "-n", "1"])
    assert "docs:second.wav" in done.output, done.output
    done = CliRunner().invoke(command, ["search", str(corpus_file), "whistle", "--where", "uri LIKE '%.srt'"])
    assert "1:00:04.0–1:00:06.1" in done.output, done.output


def test_the_service_is_asked_by_a_sound(corpus_file: Path) -> None:
    corpora = Corpora([corpus_file])
    with TestClient(create_app(corpora, Keys(), Limits()), base_url="http://localhost") as client:
        asked = {"audio": base64.b64encode(recording("high")).decode(), "limit": 1}
        [found] = client.post("/search/audio", json=asked).json()["passages"]
        assert (found["document_id"], found["time"]) == ("docs:second.wav", [2000, 4000])
        answer = client.post("/search/audio", json={"audio": "%%"})
        assert answer.status_code == 422
