"""Sounds and films from sources to vectors: windows and frames, embedded once, by the bytes of their file."""

import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.config.loading import load_corpus
from tasks.lake.tables import Lake
from tasks.models import choose, providers
from tasks.models.takes import Takes
from tasks.operate.plan import plan_of
from tasks.operate.report import plan_rows
from tasks.operate.status import status_of
from tasks.operate.verify import verify
from tests.hearing import PITCHES, RATE, Hearing, HearingEncoder
from tests.lakes import lake_of
from tests.machine.engine import quick, run_backfill, run_ingest
from tests.machine.world import make_model_folders
from tests.media.sounds import film, recorded, tone, wav

pytest.importorskip("soundfile", reason="soundfile is not installed")


def sung(*pitches: str, seconds: float = 2.0) -> Any:
    """Tones one after the other, of so many seconds each; an empty name is silence."""
    return np.concatenate([tone(PITCHES.get(name, 0), seconds, RATE) for name in pitches])


def recording(*pitches: str, seconds: float = 2.0) -> bytes:
    return wav(sung(*pitches, seconds=seconds), RATE)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Makes a corpus of the folder `docs` with sounds, for a model of texts, images and sound."""
    make_model_folders(tmp_path / "models")
    (tmp_path / "docs").mkdir()

    def make(**changes: Any) -> Path:
        corpus: dict[str, Any] = {
            "name": "notes", "lake": str(tmp_path / "lake"),
            "sources": [{"name": "docs", "uri": str(tmp_path / "docs")}],
            "extraction": {"audio": {"window": 2}}, "chunking": {"tokenizer": str(tmp_path / "models" / "words")},
            "models": [{"model": "hearing:small", "name": "ears"}],
        }  # fmt: skip
        file = tmp_path / "notes.yaml"
        file.write_text(json.dumps(corpus | changes))
        HearingEncoder.seen.clear()
        HearingEncoder.heard.clear()
        return file

    with quick(), pytest.MonkeyPatch.context() as patch:
        patch.setitem(providers._PROVIDERS, "hearing", Hearing())
        patch.setattr(choose, "load_encoder", lambda *_, **__: HearingEncoder())
        yield make


def landed(lake: Lake) -> list[tuple[str, str, int, int, str]]:
    """Document, modality, span and text of each row of the only model's table, in order."""
    [entry] = lake.catalog()
    columns = ["document_id", "ordinal", "modality", "start", "end", "text"]
    rows = lake.read(entry["table"], columns).to_pylist()
    assert not verify(lake), [f.to_dict() for f in verify(lake)]
    rows.sort(key=lambda row: (row["document_id"], row["ordinal"]))
    return [(row["document_id"], row["modality"], row["start"], row["end"], row["text"]) for row in rows]


def test_sounds_are_embedded_by_windows(tmp_path: Path, here: Callable[..., Path]) -> None:
    docs = tmp_path / "docs"
    (docs / "a.wav").write_bytes(recording("low", "high", "low"))
    (docs / "b.flac").write_bytes(recorded(sung("shrill"), "FLAC", RATE, title="A whistle", artist="Ada", date="1999"))
    changes = {"metadata": {"duration": "number", "artist": "string", "date": "string", "channels": "integer"}}
    report = run_ingest(str(here(**changes)))
    assert report.failed == 0, report.failures
    assert report.models[0].by_modality == {"audio": 4}
    assert HearingEncoder.seen == {"audio": 4, "text": 1}
    assert HearingEncoder.heard == [2000] * 4
    lake = lake_of(here(**changes))
    assert landed(lake) == [
        ("docs:a.wav", "audio", 0, 2000, ""), ("docs:a.wav", "audio", 2000, 4000, ""),
        ("docs:a.wav", "audio", 4000, 6000, ""), ("docs:b.flac", "audio", 0, 2000, "A whistle\nAda"),
        ("docs:b.flac", "text", 0, 13, "A whistle\nAda"),
    ]  # fmt: skip
    columns = ["document_id", "media_type", "title", "duration", "artist", "date", "channels"]
    rows = lake.read(lake.name("documents"), columns).to_pylist()
    assert sorted(tuple(row.values()) for row in rows) == [
        ("docs:a.wav", "audio/wav", None, 6.0, None, None, 1),
        ("docs:b.flac", "audio/flac", "A whistle", 2.0, "Ada", "1999", 1),
    ]
    references = lake.read(lake.name("chunks"), ["content_reference", "span_unit"], "modality = 'audio'").to_pylist()
    assert {row["content_reference"].rpartition("#")[2] for row in references} == {
        "t=0.000,2.000", "t=2.000,4.000", "t=4.000,6.000"
    }  # fmt: skip
    assert {row["span_unit"] for row in references} == {"milliseconds"}
    run_ingest(str(here(**changes)))
    assert not HearingEncoder.seen
