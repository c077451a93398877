"""Windows of sound: cut, named by a reference, fetched by it, and always what is there at that time."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.config.settings import Corpus
from tasks.content.fetching import fetch
from tasks.content.finding import Origin, wanted_of
from tasks.content.reference import Place, Reference, piece_hash, reference_of, time_in
from tasks.ingest.sounds import recorded_of
from tasks.models.interface import Samples
from tasks.models.takes import Takes
from tasks.records import Document
from tasks.sources.listing import File
from tests.media.sounds import wav

pytest.importorskip("soundfile", reason="soundfile is not installed")

TIMES = st.one_of(
    st.tuples(st.integers(0, 10**8)), st.tuples(st.integers(0, 10**8), st.integers(0, 10**8)).map(sorted).map(tuple)
)


@given(time=TIMES, row=st.none() | st.integers(1, 9), address=st.sampled_from(["/a b/c.mp3", "s3://b/z.zip!/#t=1.mp3"]))
def test_references_are_read_as_written(time: tuple[int, ...], row: int | None, address: str) -> None:
    reference = Reference(Place(address, row, "a&b" if row else ""), time=time)
    assert reference_of(str(reference)) == reference
    assert time_in(str(reference)) == time


def test_a_frame_is_no_sound_and_no_page() -> None:
    place = Place("a.mp4")
    pieces = [Reference(place, 1), Reference(place, time=(1,)), Reference(place, time=(1, 1)), Reference(place, 2)]
    assert len({piece_hash("x", piece) for piece in pieces}) == 4
    assert [time_in(str(piece)) for piece in pieces] == [None, (1,), (1, 1), None]
    assert time_in(None) is None


@settings(max_examples=15, deadline=None)
@given(
    duration=st.integers(50, 9_000),
    window=st.integers(100, 4_000),
    overlap=st.floats(0, 0.5),
    rates=st.sampled_from([(8_000, 8_000), (16_000, 8_000), (11_025, 16_000)]),
)
def test_what_is_fetched_is_what_sounds_then(
    duration: int, window: int, overlap: float, rates: tuple[int, int]
) -> None:
    """Of a sound whose level tells the time, each chunk has the levels between its start and its end."""
    stored, wanted = rates
    content = wav((np.arange(stored * duration // 1000) / stored / 10).astype(np.float32), stored)
    audio = {"window": window / 1000, "overlap": round(window * overlap) // 2 / 1000}
    corpus = Corpus.model_validate(
        {"name": "a", "sources": [{"name": "s", "uri": "x"}], "models": ["m"], "extraction": {"audio": audio}}
    )  # fmt: skip
    sound = recorded_of(content, Place("x/a.wav"), "audio", corpus.extraction)
    document = Document("s:a.wav", "s", "x/a.wav", "active", "", content_hash=sound.content_hash)
    chunks = sound.chunks(document, "")
    assert chunks[0].start == 0
    assert chunks[-1].end == sound.heard.duration_ms  # type: ignore[union-attr]
    assert all(after.start <= chunk.end for chunk, after in pairwise(chunks))
    rows = [
        {name: getattr(c, name) for name in ("modality", "start", "end", "content_reference", "content_hash")}
        for c in chunks
    ]  # fmt: skip
    file = File("s:a.wav", "s", "x/a.wav", "x/a.wav", "", 0, "audio")
    origin = Origin(file, content, [one for key, row in enumerate(rows) if (one := wanted_of(key, row))])
    found = dict(fetch([origin], corpus, Takes(frozenset({"audio"}), rate=wanted)))
    assert len(found) == len(chunks)
    for key, chunk in enumerate(chunks):
        heard = found[key]
        assert isinstance(heard, Samples)
        assert heard.rate == wanted
        assert abs(len(heard.samples) - (chunk.end - chunk.start) * wanted / 1000) <= 2 + wanted / 1000
        middle = heard.samples[len(heard.samples) // 4 : -(len(heard.samples) // 4) or None]
        seconds = (chunk.start + np.arange(len(heard.samples)) * 1000 / wanted) / 1000
        expected = seconds[len(heard.samples) // 4 : -(len(heard.samples) // 4) or None]
        assert np.abs(middle * 10 - expected).max() < 0.02
