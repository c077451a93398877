"""Sounds and films from sources to vectors: windows and frames, embedded once, by the bytes of their file."""

import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.config.loading import load_corpus
from tasks.errors import ConfigurationError, UnknownName
from tasks.lake.tables import Lake
from tasks.media.sound import samples
from tasks.models import choose, find, providers
from tasks.models.takes import Takes
from tasks.operate.plan import plan_of
from tasks.operate.report import plan_rows
from tasks.operate.status import status_of
from tasks.operate.verify import verify
from tasks.search.query import open_lake
from tests.hearing import PITCHES, RATE, Hearing, HearingEncoder
from tests.lakes import lake_of
from tests.machine.engine import run_backfill, run_ingest
from tests.media.sounds import film, recorded, tone, wav
from tests.media_corpora import corpora

pytest.importorskip("soundfile", reason="soundfile is not installed")

LOAD, TAKES_OF = choose.load_encoder, find._takes_of


def sung(*pitches: str, seconds: float = 2.0) -> Any:
    """Tones one after the other, of so many seconds each; an empty name is silence."""
    return np.concatenate([tone(PITCHES.get(name, 0), seconds, RATE) for name in pitches])


def recording(*pitches: str, seconds: float = 2.0) -> bytes:
    return wav(sung(*pitches, seconds=seconds), RATE)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Makes a corpus of the folder `docs` with sounds, for a model of texts, images and sound."""
    with corpora(tmp_path, "hearing", Hearing(), HearingEncoder) as write:

        def make(**changes: Any) -> Path:
            HearingEncoder.seen.clear()
            HearingEncoder.heard.clear()
            ears = [{"model": "hearing:small", "name": "ears"}]
            return write(**{"extraction": {"audio": {"window": 2}}, "models": ears, **changes})

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


def test_sounds_lie_in_columns_of_records(tmp_path: Path, here: Callable[..., Path]) -> None:
    clips = [
        {"bytes": recording("low", "high"), "path": "a.wav"},
        {"bytes": recording("shrill"), "path": None},
        None,
        {"bytes": recording("low")[:3_000], "path": None},
        {"bytes": recording("low"), "path": None},
    ]
    columns = {"key": ["a", "b", "c", "d", "e"], "clip": pa.array(clips), "text": ["Whale", "", "Words", "Cut", "Seal"]}
    pq.write_table(pa.table(columns), tmp_path / "docs" / "r.parquet")
    source = {
        "name": "docs", "uri": str(tmp_path / "docs"), "fields": {"id": "key", "audio": "clip", "text": "text"}
    }  # fmt: skip
    report = run_ingest(str(here(sources=[source])))
    assert report.models[0].by_modality == {"audio": 4}
    lake = lake_of(here(sources=[source]))
    assert landed(lake) == [
        ("docs:a", "audio", 0, 2000, "Whale"), ("docs:a", "audio", 2000, 4000, "Whale"),
        ("docs:a", "text", 0, 5, "Whale"), ("docs:b", "audio", 0, 2000, ""), ("docs:c", "text", 0, 5, "Words"),
        ("docs:e", "audio", 0, 2000, "Seal"), ("docs:e", "text", 0, 4, "Seal"),
    ]  # fmt: skip
    [failure] = lake.read(lake.name("failures"), ["document_id", "message"]).to_pylist()
    assert failure["document_id"] == "docs:d"
    assert "the WAV file is cut off" in failure["message"]
    references = lake.read(lake.name("chunks"), ["content_reference"], "modality = 'audio'").to_pylist()
    assert "row=1&column=clip&t=2.000,4.000" in {r["content_reference"].rpartition("#")[2] for r in references}
    columns |= {"text": ["Orca", "", "Words", "Cut", "Seal"]}
    pq.write_table(pa.table(columns), tmp_path / "docs" / "r.parquet")
    assert run_ingest(str(here(sources=[source]))).models[0].by_modality == {}
    assert HearingEncoder.seen == {"text": 1}
    unasked = here(sources=[source], extraction={})
    with pytest.raises(ConfigurationError, match="a column of sounds"):
        load_corpus(unasked)


def test_a_caption_that_changes_embeds_the_text_and_not_the_sound(tmp_path: Path, here: Callable[..., Path]) -> None:
    docs = tmp_path / "docs"
    (docs / "a.wav").write_bytes(recording("low"))
    changes = {"sources": [{"name": "docs", "uri": str(docs), "sidecar": "{stem}.txt"}]}
    for caption, embedded in (("A mill", {"audio": 1, "text": 1}), ("An old mill", {"text": 1})):
        (docs / "a.txt").write_text(caption)
        run_ingest(str(here(**changes)))
        assert HearingEncoder.seen == embedded
        assert landed(lake_of(tmp_path / "notes.yaml")) == [
            ("docs:a.wav", "audio", 0, 2000, caption), ("docs:a.wav", "text", 0, len(caption), caption)
        ]  # fmt: skip


def test_what_moves_or_is_there_twice_is_embedded_once(tmp_path: Path, here: Callable[..., Path]) -> None:
    docs = tmp_path / "docs"
    for name in ("a.wav", "b.wav"):
        (docs / name).write_bytes(recording("low", "high"))
    run_ingest(str(here()))
    assert HearingEncoder.seen == {"audio": 2}
    shutil.move(docs / "a.wav", docs / "c.wav")
    (docs / "b.wav").write_bytes(recording("shrill", "high"))
    with zipfile.ZipFile(docs / "z.zip", "w") as archive:
        archive.writestr("in/d.wav", recording("shrill", "high"))
    run_ingest(str(here()))
    assert HearingEncoder.seen == {"audio": 2}
    assert {row[0] for row in landed(lake_of(here()))} == {"docs:b.wav", "docs:c.wav", "docs:z.zip!/in/d.wav"}
    (docs / "b.wav").unlink()
    run_ingest(str(here()))
    assert not HearingEncoder.seen
    assert {row[0] for row in landed(lake_of(here()))} == {"docs:c.wav", "docs:z.zip!/in/d.wav"}


def test_other_windows_are_read_anew_and_only_new_ones_embedded(tmp_path: Path, here: Callable[..., Path]) -> None:
    (tmp_path / "docs" / "a.wav").write_bytes(recording("low", "", "high", "low"))
    run_ingest(str(here()))
    run_ingest(str(here(extraction={"audio": {"window": 2, "silence": "drop"}})))
    assert not HearingEncoder.seen
    spans = [row[2:4] for row in landed(lake_of(tmp_path / "notes.yaml"))]
    assert spans == [(0, 2000), (4000, 6000), (6000, 8000)]
    run_ingest(str(here(extraction={"audio": {"window": 4, "overlap": 2}})))
    assert HearingEncoder.heard == [4000] * 3
    assert [row[2:4] for row in landed(lake_of(tmp_path / "notes.yaml"))] == [(0, 4000), (2000, 6000), (4000, 8000)]
    run_ingest(str(here(extraction={})), allow_shrinking=True)
    assert landed(lake_of(tmp_path / "notes.yaml")) == []


def test_bad_sounds_fail_and_are_told(tmp_path: Path, here: Callable[..., Path]) -> None:
    docs = tmp_path / "docs"
    (docs / "cut.wav").write_bytes(recording("low")[:5_000])
    (docs / "silent.wav").write_bytes(recording(""))
    (docs / "text.mp3").write_text("This is no sound but a text of some length.")
    (docs / "misnamed.txt").write_bytes(recording("high"))
    (docs / "none.mp3").write_bytes(b"")
    run_ingest(str(here(extraction={"audio": {"window": 2, "silence": "drop"}})))
    lake = lake_of(tmp_path / "notes.yaml")
    rows = lake.read(lake.name("failures"), ["document_id", "error", "message"]).to_pylist()
    assert {row["document_id"]: row["error"] for row in rows} == {
        "docs:cut.wav": "BrokenDocument", "docs:silent.wav": "EmptyDocument", "docs:text.mp3": "UnsupportedDocument",
            "docs:none.mp3": "EmptyDocument",
    }  # fmt: skip
    assert any("2,000 ms of silence" in row["message"] for row in rows)
    assert landed(lake) == [("docs:misnamed.txt", "audio", 0, 2000, "")]


def test_films_are_frames_and_sound(tmp_path: Path, here: Callable[..., Path]) -> None:
    pytest.importorskip("av", reason="PyAV is not installed")
    red, blue = (255, 0, 0), (0, 0, 255)
    content = film([red] * 20 + [blue] * 20, sung("low", "high"), rate=RATE, title="Two colours")
    (tmp_path / "docs" / "a.mp4").write_bytes(content)
    (tmp_path / "docs" / "b.mp4").write_bytes(film((), sung("shrill"), rate=RATE))  # nothing to see
    report = run_ingest(str(here(extraction={"video": {"every": 2}, "audio": {"window": 2}})))
    assert report.failed == 0, report.failures
    lake = lake_of(tmp_path / "notes.yaml")
    found = landed(lake)
    frames = [row for row in found if row[1] == "image"]
    assert [row[2:4] for row in frames] == [(0, 2000), (2000, 4000)]
    assert {row[0] for row in found if row[1] == "audio"} == {"docs:a.mp4", "docs:b.mp4"}
    assert ("docs:a.mp4", "text", 0, 11, "Two colours") in found
    [entry] = lake.catalog()
    columns = ["chunk_id", "modality", "start", "vector", "content_reference", "span_region"]
    rows = lake.read(entry["table"], columns, "document_id = 'docs:a.mp4'").to_pylist()
    shown = sorted((row for row in rows if row["modality"] == "image"), key=lambda row: row["start"])
    assert [row["content_reference"].rpartition("#")[2] for row in shown] == ["t=1.000", "t=3.000"]
    assert [row["span_region"] for row in shown] == [[0, 0, 64, 48]] * 2
    assert [int(np.argmax(row["vector"])) for row in shown] == [4, 6]  # red, blue
    opened = open_lake(tmp_path / "notes.yaml")
    assert opened.thumbnail(shown[0]["chunk_id"]).startswith(b"\xff\xd8")
    heard = sorted((row for row in rows if row["modality"] == "audio"), key=lambda row: row["start"])
    assert [int(np.argmax(row["vector"])) for row in heard[:2]] == [0, 2]  # low, high
    with pytest.raises(UnknownName, match="no image"):
        opened.thumbnail(heard[0]["chunk_id"])
    run_ingest(str(here(extraction={"video": {"frames": "scenes", "sound": False}, "audio": {"window": 2}})))
    assert not HearingEncoder.seen
    assert [row[1:4] for row in landed(lake_of(tmp_path / "notes.yaml")) if row[0] == "docs:a.mp4"][:2] == [
        ("image", 0, 2000), ("image", 2000, 4000)
    ]  # fmt: skip


def test_without_asking_sounds_are_skipped_and_a_model_that_takes_them_is_told(
    tmp_path: Path, here: Callable[..., Path]
) -> None:
    (tmp_path / "docs" / "a.wav").write_bytes(recording("low"))
    (tmp_path / "docs" / "a.txt").write_text("Words.")
    report = run_ingest(str(here(extraction={})))
    assert report.documents.skipped == {"audio/x-wav": 1}
    assert report.hints == ["1 sounds are skipped, which ears takes: set `extraction: {audio: files}`"]
    report = run_ingest(str(here(extraction={"audio": "files"})))
    assert (report.documents.new, report.models[0].by_modality) == (1, {"audio": 1})


def test_a_model_that_hears_less_refuses_longer_windows(tmp_path: Path, here: Callable[..., Path]) -> None:
    (tmp_path / "docs" / "a.wav").write_bytes(recording("low"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(providers._PROVIDERS, "short", Hearing(Takes(frozenset({"audio"}), rate=RATE, longest=1_000)))
        report = run_ingest(str(here(models=[{"model": "short:small", "name": "ears"}])))
    [hint] = report.hints
    assert hint == "ears hears 1 seconds at most: set `extraction: {audio: {window: 1}}`"


def test_what_changed_since_it_was_read_waits(tmp_path: Path, here: Callable[..., Path]) -> None:
    (tmp_path / "docs" / "a.wav").write_bytes(recording("low"))
    (tmp_path / "docs" / "b.wav").write_bytes(recording("high"))
    run_ingest(str(here()))
    (tmp_path / "docs" / "a.wav").write_bytes(recording("shrill"))
    others = [{"model": "hearing:small", "name": "ears"}, {"model": "hearing:other", "name": "other"}]
    [counts] = run_backfill(str(here(models=others)), "other").models
    assert (counts.by_modality, counts.lost, counts.pending) == ({"audio": 1}, 1, 1)
    run_ingest(str(here(models=others)))
    lake = lake_of(tmp_path / "notes.yaml")
    assert [lake.count(entry["table"]) for entry in lake.catalog()] == [2, 2]


def test_plan_and_status_count_sounds(tmp_path: Path, here: Callable[..., Path]) -> None:
    (tmp_path / "docs" / "a.wav").write_bytes(recording("low", "high"))
    (tmp_path / "docs" / "a.txt").write_text("Words.")
    corpus = load_corpus(here())
    plan = plan_of(corpus, Lake(corpus, may_be_empty=True))
    assert (plan.models[0].texts, plan.models[0].by_modality) == (3, {"audio": 2})
    assert ("  to embed", "1 texts, 2 sounds") in plan_rows(plan)
    run_ingest(str(here()))
    found = status_of(lake_of(here()))
    assert (found["modalities"], found["models"][0]["pending"]) == ({"audio": 2, "text": 1}, 0)


@pytest.mark.slow
def test_vectors_are_those_of_sentence_transformers(
    tmp_path: Path, here: Callable[..., Path], tiny_media: Callable[[str], Path]
) -> None:
    """A CLAP with its true processor, from files to a search by words and by sound, which finds itself."""
    from sentence_transformers import SentenceTransformer

    folder = tiny_media("clap")
    content = recording("low", "shrill", "high", seconds=1.5)
    (tmp_path / "docs" / "a.wav").write_bytes(content)
    (tmp_path / "docs" / "a.txt").write_text("the keeper of the gate")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choose, "load_encoder", LOAD)
        patch.setattr(find, "_takes_of", TAKES_OF)
        corpus = here(
            models=[{"model": str(folder), "name": "clap", "backend": "torch"}],
            extraction={"audio": {"window": 1.5, "overlap": 0.5}},
        )
        report = run_ingest(str(corpus))
        assert report.failed == 0, report.failures
        lake = lake_of(corpus)
        opened = open_lake(corpus)
        [found] = opened.search(audio=recording("shrill", seconds=1.5), limit=1, modality="audio")
        assert found.time
        assert {p.modality for p in opened.search("the keeper of the gate", limit=9)} == {"text", "audio"}
    rows = lake.read(lake.catalog()[0]["table"], ["start", "end", "vector"], "modality = 'audio'").to_pylist()
    spans = sorted((row["start"], row["end"]) for row in rows)
    assert spans == [(0, 1500), (1000, 2500), (2000, 3500), (3000, 4500)]
    own = SentenceTransformer(str(folder), device="cpu")
    for row in rows:
        heard = samples(content, row["start"], row["end"], 8_000)
        vector = own.encode([{"array": heard, "sampling_rate": 8_000}], normalize_embeddings=True)[0]
        assert float(np.dot(vector, row["vector"])) > 0.9999
