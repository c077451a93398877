"""What is said in sounds and films: written down once, cut, found by its words, with times."""

import zipfile
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from tasks.config.loading import load_corpus
from tasks.errors import ConfigurationError, ModelError
from tasks.ingest.spoken import stretches, text_of
from tasks.lake.tables import Lake
from tasks.models import speech
from tasks.operate.plan import plan_of
from tasks.operate.report import plan_rows, report_rows
from tasks.operate.verify import verify
from tasks.search.query import open_lake
from tests.hearing import PITCHES, RATE, Hearing, HearingEncoder, Stenographer, make_stenographer
from tests.lakes import lake_of
from tests.machine.engine import Killed, run_ingest
from tests.media.sounds import film, recorded, tone, wav
from tests.media_corpora import corpora

pytest.importorskip("soundfile", reason="soundfile is not installed")


def sung(*pitches: str, seconds: float = 1.0) -> Any:
    """Tones one after the other; an empty name is silence."""
    return np.concatenate([tone(PITCHES.get(name, 0), seconds, RATE) for name in pitches])


def recording(*pitches: str) -> bytes:
    return wav(sung(*pitches), RATE)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Makes a corpus of the folder `docs` whose sounds are transcribed."""
    one = make_stenographer(tmp_path / "models" / "steno", "tone")
    make_stenographer(tmp_path / "models" / "other", "note")
    with corpora(tmp_path, "hearing", Hearing(), HearingEncoder) as write, pytest.MonkeyPatch.context() as patch:
        patch.setattr(speech, "load", Stenographer)

        def make(**changes: Any) -> Path:
            HearingEncoder.seen.clear()
            Stenographer.heard.clear()
            Stenographer.ends = None
            asked = {"extraction": {"audio": {"window": 2}, "transcribe": one}}
            return write(**{**asked, "models": [{"model": "hearing:small", "name": "ears"}], **changes})

        yield make


def asking(folder: Path, model: str = "steno", **more: Any) -> dict[str, Any]:
    """The part of a corpus file that has sounds transcribed."""
    return {"extraction": {"audio": {"window": 2}, "transcribe": str(folder / "models" / model)}, **more}


def words(corpus_file: Path) -> dict[str, list[tuple[str, str]]]:
    """By document, text and time of each chunk of what is said."""
    lake = lake_of(corpus_file)
    assert not verify(lake), [finding.to_dict() for finding in verify(lake)]
    columns = ["document_id", "text", "content_reference"]
    rows = lake.read(lake.name("chunks"), columns, "modality = 'text' AND text LIKE '0:%'")
    found: dict[str, list[tuple[str, str]]] = {}
    for row in sorted(rows.to_pylist(), key=lambda row: str(row["content_reference"])):
        found.setdefault(row["document_id"], []).append((row["text"], row["content_reference"].rpartition("#t=")[2]))
    return found


def test_words_are_text_with_times_and_written_down_once(tmp_path: Path, here: Callable[..., Path]) -> None:
    docs = tmp_path / "docs"
    (docs / "a.wav").write_bytes(recording("low", "high", "", "", "", "", "shrill"))
    (docs / "b.flac").write_bytes(recorded(sung("middle", "low"), "FLAC", RATE, title="A mill"))
    (docs / "c.txt").write_text("Something else entirely.")
    report = run_ingest(str(here()))
    assert report.failed == 0, report.failures
    assert (report.documents.transcribed, report.documents.transcribed_seconds) == (2, 9.0)
    assert ("transcribed", "2 sounds and films, 9 s of sound") in report_rows(report)
    assert Stenographer.heard == [2.1, 1.1, 2.0]  # without the long silence
    assert words(tmp_path / "notes.yaml") == {
        "docs:a.wav": [("0:00:00 low tone\n0:00:01 high tone\n0:00:05 shrill tone", "0.000,6.850")],
        "docs:b.flac": [("0:00:00 middle tone\n0:00:01 low tone", "0.000,2.000")],
    }
    [found] = open_lake(tmp_path / "notes.yaml").search("shrill", by="text", limit=1)
    assert (found.document_id, found.modality, found.time) == ("docs:a.wav", "text", [0, 6850])
    rows = lake_of(here()).read("notes.documents", ["document_id", "chunks"]).to_pylist()
    assert {row["document_id"]: row["chunks"] for row in rows} == {"docs:a.wav": 5, "docs:b.flac": 3, "docs:c.txt": 1}
    assert run_ingest(str(here())).idle
    assert not Stenographer.heard


def test_what_is_moved_captioned_or_cut_otherwise_is_not_heard_again(tmp_path: Path, here: Callable[..., Path]) -> None:
    docs = tmp_path / "docs"
    (docs / "a.wav").write_bytes(recording("low", "high"))
    sources = [{"name": "docs", "uri": str(docs), "sidecar": "{stem}.txt"}]
    run_ingest(str(here(sources=sources)))
    assert Stenographer.heard == [2.0]
    said = [("0:00:00 low tone\n0:00:01 high tone", "0.000,2.000")]
    (docs / "b.wav").write_bytes((docs / "a.wav").read_bytes())
    (docs / "a.wav").rename(docs / "c.wav")
    (docs / "c.txt").write_text("0:00:00 low tone")  # as a line of what is said
    corpus = here(sources=sources)
    report = run_ingest(str(corpus))
    assert (Stenographer.heard, report.documents.transcribed) == ([], 0)
    assert words(corpus)["docs:b.wav"] == said
    corpus = here(sources=sources, chunking={"tokenizer": str(tmp_path / "models" / "words"), "size": 8})
    run_ingest(str(corpus))
    assert not Stenographer.heard
    assert words(corpus)["docs:b.wav"] == [("0:00:00 low tone", "0.000,1.000"), ("0:00:01 high tone", "1.000,2.000")]
    assert len(words(corpus)["docs:c.wav"]) == 3  # of which one is the caption
    (docs / "b.wav").write_bytes(recording("shrill"))
    (docs / "c.wav").unlink()
    run_ingest(str(here(sources=sources)))
    assert Stenographer.heard == [1.0]
    lake = lake_of(corpus)
    assert lake.read("notes.transcripts", ["lines"]).to_pylist() == [{"lines": ["shrill tone"]}]


def test_a_file_whose_tags_are_edited_is_not_heard_again(tmp_path: Path, here: Callable[..., Path]) -> None:
    file = tmp_path / "docs" / "a.flac"
    for title, heard in (("A mill", [2.0]), ("An old mill", [])):
        file.write_bytes(recorded(sung("middle", "low"), "FLAC", RATE, title=title))
        run_ingest(str(here()))
        assert Stenographer.heard == heard
        assert words(tmp_path / "notes.yaml") == {
            "docs:a.flac": [("0:00:00 middle tone\n0:00:01 low tone", "0.000,2.000")]
        }
    (tmp_path / "docs" / "b.flac").write_bytes(recorded(sung("high", "low"), "FLAC", RATE, title="One"))
    (tmp_path / "docs" / "c.flac").write_bytes(recorded(sung("high", "low"), "FLAC", RATE, title="Two"))
    run_ingest(str(here()))
    assert Stenographer.heard == [2.0]
    (tmp_path / "docs" / "b.flac").unlink()
    (tmp_path / "docs" / "c.flac").unlink()
    run_ingest(str(here()))
    lake = lake_of(tmp_path / "notes.yaml")
    assert lake.count("notes.transcripts") == 1
    lake.update("notes.transcripts", "true", {"model": "another"})
    assert [finding.table for finding in verify(lake)] == ["notes.transcripts"]
    verify(Lake(load_corpus(here()), create=True), repair=True)
    assert verify(lake_of(here())) == []


def test_another_setting_reads_sounds_anew_and_nothing_else(tmp_path: Path, here: Callable[..., Path]) -> None:
    docs = tmp_path / "docs"
    (docs / "a.wav").write_bytes(recording("low"))
    (docs / "b.txt").write_text("Something else entirely.")
    run_ingest(str(here()))
    for changes, said, heard in (
        (asking(tmp_path, "other"), "low note", [1.0]),
        (asking(tmp_path, "other", language="de"), "low note in de", [1.0]),
        ({"extraction": {"audio": {"window": 2}}, "language": "de"}, None, []),
        (asking(tmp_path, "steno"), "low tone", []),  # as it was kept
    ):
        report = run_ingest(str(here(**changes)))
        assert (report.documents.touched, report.failed) == (1, 0)
        assert (Stenographer.heard, HearingEncoder.seen) == (heard, {"text": 1} if said else {})
        found = words(tmp_path / "notes.yaml")
        assert found == ({"docs:a.wav": [(f"0:00:00 {said}", "0.000,1.000")]} if said else {})
    (tmp_path / "models" / "steno" / "generation_config.json").write_text("{}")  # which decides what is written, too
    run_ingest(str(here()))
    assert Stenographer.heard == [1.0]


def test_another_corpus_of_the_lake_takes_what_is_there(tmp_path: Path, here: Callable[..., Path]) -> None:
    (tmp_path / "docs" / "a.wav").write_bytes(recording("low"))
    run_ingest(str(here()))
    (tmp_path / "docs" / "b.wav").write_bytes(recording("high"))
    corpus = here(name="second")
    report = run_ingest(str(corpus))
    assert (Stenographer.heard, report.documents.transcribed) == ([1.0], 1)
    lake = lake_of(corpus)
    assert [lake.count(f"{name}.transcripts") if lake.has(f"{name}.transcripts") else 0 for name in ("second",)] == [2]


def test_a_run_that_is_killed_loses_one_sound(tmp_path: Path, here: Callable[..., Path]) -> None:
    for number, name in enumerate(PITCHES):
        (tmp_path / "docs" / f"{number}.wav").write_bytes(recording(name, name))
    corpus = here()
    Stenographer.ends = (3, Killed())
    with pytest.raises(Killed):
        run_ingest(str(corpus))
    assert len(Stenographer.heard) == 3
    run_ingest(str(here()))
    assert len(Stenographer.heard) == 2  # the one that broke off, and the last
    assert len(words(corpus)) == 4


def test_a_model_that_fails_ends_the_run_and_marks_nothing(tmp_path: Path, here: Callable[..., Path]) -> None:
    (tmp_path / "docs" / "a.wav").write_bytes(recording("low"))
    corpus = here()
    Stenographer.ends = (1, ModelError("out of memory"))
    with pytest.raises(ModelError):
        run_ingest(str(corpus))
    lake = lake_of(corpus)
    assert (lake.count("notes.documents"), lake.count("notes.failures")) == (0, 0)
    with pytest.raises(ModelError, match="no speech recognition model"):
        run_ingest(str(here(**asking(tmp_path, "words"))))
    with pytest.raises(ConfigurationError, match="transcribe needs sounds or films"):
        load_corpus(here(extraction={"transcribe": str(tmp_path / "models" / "steno")}))


def test_broken_sounds_fail_and_silent_ones_have_no_words(tmp_path: Path, here: Callable[..., Path]) -> None:
    docs = tmp_path / "docs"
    (docs / "cut.wav").write_bytes(recording("low")[:5_000])
    (docs / "silent.wav").write_bytes(recording("", ""))
    corpus = here()
    report = run_ingest(str(corpus))
    assert [(failure["document_id"], failure["error"]) for failure in report.failures] == [
        ("docs:cut.wav", "BrokenDocument")
    ]
    assert (Stenographer.heard, words(corpus), report.documents.transcribed) == ([], {}, 1)
    assert run_ingest(str(here())).idle


def test_sounds_in_archives_mails_and_films_are_heard(tmp_path: Path, here: Callable[..., Path]) -> None:
    pytest.importorskip("av", reason="PyAV is not installed")
    docs = tmp_path / "docs"
    mail = EmailMessage()
    mail["Subject"] = "A recording"
    mail.set_content("Listen to this.")
    mail.add_attachment(recording("low", "high"), "audio", "wav", filename="song.wav")
    with zipfile.ZipFile(docs / "z.zip", "w") as archive:
        archive.writestr("in/d.wav", recording("shrill"))
        archive.writestr("in/e.eml", mail.as_bytes())
    (docs / "m.eml").write_bytes(mail.as_bytes())
    (docs / "f.mp4").write_bytes(film([(255, 0, 0)] * 10, sung("middle"), rate=RATE, title="Red"))
    (docs / "g.mp4").write_bytes(film([(255, 0, 0)] * 10))  # without sound
    model = str(tmp_path / "models" / "steno")
    asked = {"audio": {"window": 2}, "video": {"every": 1}, "transcribe": model}
    report = run_ingest(str(here(extraction=asked)))
    assert report.failed == 0, report.failures
    song = [("0:00:00 low tone\n0:00:01 high tone", "0.000,2.000")]
    assert {name: [text for text, _ in said] for name, said in words(tmp_path / "notes.yaml").items()} == {
        "docs:z.zip!/in/d.wav": ["0:00:00 shrill tone"], "docs:z.zip!/in/e.eml!/song.wav": [song[0][0]],
        "docs:m.eml!/song.wav": [song[0][0]], "docs:f.mp4": ["0:00:00 middle tone"],
    }  # fmt: skip
    assert len(Stenographer.heard) == 3  # the song once
    lake = lake_of(tmp_path / "notes.yaml")
    where = "text LIKE '0:%' AND document_id = 'docs:m.eml!/song.wav'"
    [row] = lake.read("notes.chunks", ["content_reference"], where).to_pylist()
    assert row["content_reference"] == f"{docs}/m.eml!/song.wav#t=0.000,2.000"
    run_ingest(str(here(extraction=asked | {"video": {"every": 1, "sound": False}})))
    assert "docs:f.mp4" not in words(tmp_path / "notes.yaml")


def test_sounds_of_a_store_are_embedded_and_heard(here: Callable[..., Path]) -> None:
    store = fsspec.filesystem("memory")
    store.pipe("/recordings/a.wav", recording("low", "high"))
    try:
        corpus = here(sources=[{"name": "docs", "uri": "memory://recordings"}])
        report = run_ingest(str(corpus))
        assert (report.failed, report.models[0].by_modality) == (0, {"audio": 1})
        assert words(corpus) == {"docs:a.wav": [("0:00:00 low tone\n0:00:01 high tone", "0.000,2.000")]}
        [found] = open_lake(corpus).search("a high tone", limit=1, modality="audio")
        assert found.reference == "memory:///recordings/a.wav#t=0.000,2.000"
    finally:
        store.rm("/recordings", recursive=True)


def test_a_sound_that_changes_meanwhile_is_read_by_the_next_run(tmp_path: Path, here: Callable[..., Path]) -> None:
    file = tmp_path / "docs" / "a.wav"
    file.write_bytes(recording("low"))

    def changed(*arguments: Any) -> Stenographer:
        file.write_bytes(recording("high", "low"))
        return Stenographer(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speech, "load", changed)
        report = run_ingest(str(here()))
    [failure] = report.failures
    assert failure["message"] == "its words cannot be heard: its content is not what was read"
    assert lake_of(tmp_path / "notes.yaml").count("notes.chunks") == 0
    report = run_ingest(str(here()))
    assert report.failed == 0
    assert words(tmp_path / "notes.yaml") == {"docs:a.wav": [("0:00:00 high tone\n0:00:01 low tone", "0.000,2.000")]}


def test_a_plan_tells_how_much_is_to_be_heard(tmp_path: Path, here: Callable[..., Path]) -> None:
    (tmp_path / "docs" / "a.wav").write_bytes(recording("low", "high"))
    (tmp_path / "docs" / "b.wav").write_bytes(recording("shrill"))
    corpus = load_corpus(here())
    plan = plan_of(corpus, Lake(corpus, may_be_empty=True))
    assert (plan.to_transcribe, plan.transcribe_seconds, Stenographer.heard) == (2, 3.0, [])
    assert ("to transcribe", "2 sounds and films, 3 s of sound") in plan_rows(plan)
    run_ingest(str(here()))
    (tmp_path / "docs" / "b.wav").rename(tmp_path / "docs" / "c.wav")
    corpus = load_corpus(here())
    assert plan_of(corpus, lake_of(tmp_path / "notes.yaml")).to_transcribe == 0


@pytest.mark.parametrize(
    ("duration", "silences", "longest", "found"),
    [
        (5_000, [], 30_000, [(0, 5_000)]),
        (5_000, [(0, 5_000)], 30_000, []),
        (70_000, [], 30_000, [(0, 30_000), (30_000, 60_000), (60_000, 70_000)]),
        (9_000, [(0, 1_000), (4_000, 4_500), (8_000, 9_000)], 30_000, [(850, 8_150)]),
        (9_000, [(3_000, 6_000)], 30_000, [(0, 3_150), (5_850, 9_000)]),
        (40_000, [(20_000, 20_400)], 30_000, [(0, 20_150), (20_250, 40_000)]),
    ],
)
def test_sounds_are_cut_where_they_are_silent(
    duration: int, silences: list[tuple[int, int]], longest: int, found: list[tuple[int, int]]
) -> None:
    assert stretches(duration, silences, longest) == found


def test_what_is_said_again_at_once_is_one_line() -> None:
    said = [(0, 900, " Yes. "), (900, 1_500, "Yes."), (1_500, 2_000, " "), (3_605_000, 3_606_000, "No.\nNever.")]
    assert text_of(said) == ("0:00:00 Yes.\n1:00:05 No. Never.", ((0, 1_500), (3_605_000, 3_606_000)))
