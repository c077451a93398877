"""Sound of every kind, good and bad."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import BrokenDocument, EmptyDocument, UnsupportedDocument
from tasks.media.sound import listen, pieces, samples, sound_format, windows
from tests.media.sounds import film, recorded, tone, wav

pytest.importorskip("soundfile", reason="soundfile is not installed")

KINDS = [
    ("WAV", None),
    ("FLAC", None),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", None),
    ("AIFF", None),
    ("CAF", None),
]


def frequency(heard: Any, rate: int) -> float:
    """The strongest, in hertz."""
    return float(np.abs(np.fft.rfft(heard)).argmax() * rate / len(heard))


def stereo(seconds: float = 2.0, rate: int = 44_100) -> Any:
    return np.stack([tone(440, seconds, rate), np.zeros(int(seconds * rate), np.float32)], axis=1)


@pytest.mark.parametrize(("kind", "subtype"), KINDS)
def test_formats(kind: str, subtype: str | None) -> None:
    rate = 48_000 if subtype == "OPUS" else 44_100
    content = recorded(stereo(rate=rate), kind, rate, subtype, title="A mill", artist="Ada")
    heard = listen(content)
    assert (heard.format, heard.rate, heard.channels) == (kind, rate, 2)
    assert abs(heard.duration_ms - 2000) <= 2
    if kind != "CAF":
        assert heard.tags == {"title": "A mill", "artist": "Ada"}
    piece = samples(content, 500, 1500, 16_000)
    assert piece.dtype == np.float32
    assert piece.shape == (16_000,)
    assert abs(frequency(piece, 16_000) - 440) <= 1
    assert 0.2 < np.abs(piece).max() < 0.3  # the mean of both channels


def test_dates_and_other_tags() -> None:
    content = recorded(tone(), "FLAC", date="2020-01-02", album="Rivers", comment="at  dusk")
    assert listen(content).tags == {"date": "2020-01-02", "album": "Rivers", "comment": "at dusk"}


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "MS_ADPCM"])
def test_samples_of_every_width(subtype: str) -> None:
    piece = samples(recorded(tone(), "WAV", subtype=subtype), 0, 1000, 44_100)
    assert 0.45 < np.abs(piece).max() < 0.55
    assert abs(frequency(piece, 44_100) - 440) <= 1


@pytest.mark.parametrize("rate", [44_100, 16_000, 48_000, 8_000, 22_050, 44_101])
def test_a_piece_is_a_piece_of_the_whole(rate: int) -> None:
    rng = np.random.default_rng(0)
    content = wav(rng.normal(0, 0.2, 88_200))
    whole = samples(content, 0, 2000, rate)
    assert len(whole) == 2 * rate
    for start, end in ((0, 250), (333, 777), (1200, 2000)):
        piece = samples(content, start, end, rate)
        np.testing.assert_allclose(piece, whole[start * rate // 1000 : end * rate // 1000], atol=1e-5)


def test_pieces_are_the_same_together_and_alone() -> None:
    rng = np.random.default_rng(0)
    content = recorded(rng.normal(0, 0.2, 44_100 * 70).astype(np.float32), "FLAC")
    spans = [
        (0, 2_000),
        (1_000, 3_000),
        (2_900, 4_000),
        (8_000, 8_500),
        (60_000, 61_000),
        (5_000, 6_000),
        (69_000, 99_000),
    ]
    for rate in (44_100, 16_000):
        together = list(pieces(content, spans, rate))
        assert [len(piece) for piece in together[:-1]] == [(end - start) * rate // 1_000 for start, end in spans[:-1]]
        for span, piece in zip(spans, together, strict=True):
            np.testing.assert_array_equal(piece, samples(content, *span, rate))
            piece += 1  # each is its own


def test_mp3_without_its_length_is_read_to_its_end() -> None:
    rng = np.random.default_rng(0)
    loud = np.concatenate([np.zeros(44_100 * 4), rng.normal(0, 0.2, 44_100 * 4)]).astype(np.float32)
    for rate, channels in ((44_100, 1), (48_000, 2), (22_050, 1), (24_000, 2), (8_000, 1)):
        wave = np.stack([loud] * channels, axis=1)
        content = recorded(wave, "MP3", rate)
        told = content.find(b"Info")
        told = told if told >= 0 else content.index(b"Xing")
        headless = content[:told] + b"\0\0\0\0" + content[told + 4 :]
        seconds = len(loud) / rate
        for variant, times in (
            (content, 1),
            (headless, 1),
            (content + content, 2),
            (content + b"TAG" + b"\0" * 125, 1),
        ):
            assert abs(listen(variant).duration_ms - times * seconds * 1_000) < 250 * times
        piece = samples(headless, int(900 * seconds), int(950 * seconds), 8_000)
        assert 0.05 < piece.std() < 0.3


def test_what_the_lower_rate_cannot_hold_is_gone() -> None:
    assert np.abs(samples(wav(tone(15_000)), 200, 1800, 16_000)).max() < 0.01
    assert 0.45 < np.abs(samples(wav(tone(3_000)), 200, 1800, 16_000)).max() < 0.55


def test_behind_the_end_is_nothing() -> None:
    content = wav(tone(seconds=1))
    assert len(samples(content, 500, 5000, 44_100)) == 22_050
    assert abs(len(samples(content, 500, 5000, 16_000)) - 8_000) <= 1
    assert len(samples(content, 3000, 5000, 16_000)) == 0


def test_silences() -> None:
    parts = [
        tone(seconds=1),
        tone(seconds=0.5, loud=0.0005),
        tone(seconds=1),
        np.zeros(8820, np.float32),
        tone(seconds=1),
    ]
    content = wav(np.concatenate([*parts, np.zeros(44_100, np.float32)]))
    assert listen(content).silences == ((1000, 1500), (3700, 4700))
    assert listen(content, quiet=80).silences == ((3700, 4700),)
    assert listen(wav(np.zeros(44_100))).silences == ((0, 1000),)
    assert listen(wav(tone())).silences == ()


def test_windows() -> None:
    assert windows(30_000, 10_000) == [(0, 10_000), (10_000, 20_000), (20_000, 30_000)]
    assert windows(25_000, 10_000, 2_000) == [(0, 10_000), (8_000, 18_000), (15_000, 25_000)]
    assert windows(25_000, 10_000) == [(0, 10_000), (10_000, 20_000), (15_000, 25_000)]
    assert windows(3_000, 10_000, 5_000) == [(0, 3_000)]
    silences = [(0, 1_000), (9_000, 21_000), (24_000, 25_000)]
    assert windows(30_000, 10_000, 0, silences) == [(1_000, 9_000), (21_000, 30_000)]
    assert windows(20_000, 10_000, 0, [(100, 10_000)]) == [(0, 10_000), (10_000, 20_000)]  # not 100 ms alone
    assert windows(5_000, 10_000, 0, [(0, 5_000)]) == []


@given(
    st.integers(1, 100_000), st.integers(100, 20_000), st.floats(0, 0.9), st.lists(st.integers(0, 100_000), max_size=8)
)
def test_windows_cover_all_that_is_no_silence(duration: int, length: int, share: float, edges: list[int]) -> None:
    edges = sorted({min(edge, duration) for edge in edges})
    silences = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False) if a < b]
    found = windows(duration, length, int(length * share), silences)
    assert found == sorted(set(found))
    assert all(0 <= start < end <= duration and end - start <= length for start, end in found)
    covered = np.zeros(duration, bool)
    for start, end in found:
        covered[start:end] = True
    for start, end in silences:
        covered[start:end] = True
    assert covered.all()


def test_truncated_files_are_told() -> None:
    for kind, subtype in KINDS[:6]:
        rate = 48_000 if subtype == "OPUS" else 44_100
        noise = np.random.default_rng(0).normal(0, 0.1, 3 * rate).astype(np.float32)
        content = recorded(noise, kind, rate, subtype)
        for share in (0.02, 0.5, 0.97):
            with pytest.raises((BrokenDocument, EmptyDocument)) as told:
                listen(content[: int(len(content) * share)])
            assert told.value.hint


def test_streams_that_did_not_know_their_length_are_read() -> None:
    content = bytearray(wav(tone()))
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    assert listen(bytes(content)).duration_ms == 2000


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"", EmptyDocument, "empty"),
        (b"\0" * 100, EmptyDocument, "zeros"),
        (wav(np.zeros(0)), EmptyDocument, "no samples"),
        (wav(tone(), rate=3), BrokenDocument, "3 samples a second"),
        (wav(tone(), rate=2_000_000_000), BrokenDocument, "2,000,000,000 samples a second"),
        (wav(np.zeros((9, 200))), BrokenDocument, "200 channels"),
        (b"RIFF\x24\0\0\0WAVEfmt ", BrokenDocument, "decode"),
        (b"fLaC" + b"\0" * 50, BrokenDocument, "decode"),
        (b"OggS" + b"\0" * 50, BrokenDocument, "decode"),
        (b"ID3\x04\0\0\0\0\0\0" + b"\0" * 50, BrokenDocument, "decode"),
        (b"<!DOCTYPE html><html>Not Found</html>", UnsupportedDocument, "a web page"),
        (b"#EXTM3U\nfile:///etc/passwd\n", UnsupportedDocument, "text"),
        (b"ffconcat version 1.0\nfile '/etc/passwd'\n", UnsupportedDocument, "text"),
    ],
)
def test_what_is_no_sound_is_told(content: bytes, error: type[Exception], says: str) -> None:
    with pytest.raises(error) as told:
        listen(content)
    assert says in str(told.value)
    assert told.value.hint  # type: ignore[attr-defined]


def test_samples_that_are_no_numbers_are_told() -> None:
    broken = tone()
    broken[500] = np.nan
    with pytest.raises(BrokenDocument, match="no numbers"):
        listen(recorded(broken, "WAV", subtype="FLOAT"))


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3", "AIFF"])
@settings(max_examples=20, deadline=None)
@given(where=st.floats(0, 1), value=st.integers(1, 255))
def test_damage_is_told_or_harmless(kind: str, where: float, value: int) -> None:
    content = bytearray(recorded(tone(seconds=0.3), kind))
    content[int(where**3 * (len(content) - 1))] ^= value  # mostly in the header
    try:
        heard = listen(bytes(content))
        samples(bytes(content), 0, min(heard.duration_ms, 1000), 16_000)
    except (BrokenDocument, UnsupportedDocument, EmptyDocument):
        pass


def test_what_needs_a_library_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.media.sound.find_spec", lambda name: None)
    monkeypatch.setattr("tasks.media.containers.find_spec", lambda name: None)
    for content, extra in ((wav(tone()), "sound"), (b"\0\0\0\x1cftypM4A " + b"\0" * 20, "film")):
        with pytest.raises(UnsupportedDocument) as told:
            listen(content)
        assert f"embedlake[{extra}]" in told.value.hint


def test_m4a() -> None:
    pytest.importorskip("av", reason="PyAV is not installed")
    parts = np.concatenate([tone(440, 2), tone(880, 2)])
    content = film(samples=parts, title="A mill", artist="Ada", date="2020")
    heard = listen(content)
    assert (heard.format, heard.rate, heard.channels) == ("MP4", 44_100, 1)
    assert 4000 <= heard.duration_ms < 4050
    assert heard.tags == {"title": "A mill", "artist": "Ada", "date": "2020"}
    for rate in (44_100, 16_000):
        whole = samples(content, 0, 4000, rate)
        assert len(whole) == 4 * rate
        assert abs(frequency(whole[: 2 * rate], rate) - 440) <= 1
        piece = samples(content, 2500, 3500, rate)
        assert abs(frequency(piece, rate) - 880) <= 1
        np.testing.assert_allclose(piece, whole[5 * rate // 2 : 7 * rate // 2], atol=1e-3)
    stream = film(samples=parts, kind="matroska")
    assert abs(listen(stream).duration_ms - 4000) < 60
    for cut in (content[: len(content) // 2], stream[: len(stream) // 2], content[:40]):
        with pytest.raises(BrokenDocument):
            listen(cut)
    assert sound_format(film(samples=parts, kind="adts")) == "AAC"
    assert abs(listen(film(samples=parts, kind="adts")).duration_ms - 4000) < 60
    with pytest.raises(UnsupportedDocument, match="no sound"):
        listen(film([(220, 30, 30)] * 3))
