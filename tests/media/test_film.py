"""Films: frames at their times, scenes, and what is wrong with a file."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BrokenDocument, EmptyDocument, OversizedDocument, UnsupportedDocument
from tasks.media.film import frames, regular, scenes, watch
from tasks.media.sound import listen, samples
from tests.media.pictures import BLUE, GREEN, RED
from tests.media.sounds import film, tone

pytest.importorskip("av", reason="PyAV is not installed")

SCENES = [RED] * 20 + [BLUE] * 13 + [GREEN] * 27  # six seconds
MANY = 10**7


def near(pixels: Any, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixels[24, 32].astype(int) - colour).max() < 12)


@pytest.mark.parametrize("kind", ["mp4", "matroska", "avi", "mov", "mpegts"])
def test_containers(kind: str) -> None:
    """AVI has no times of its own: what is encoded out of order comes a frame later there."""
    content = film(SCENES, tone(seconds=6), kind, title="A mill")
    seen = watch(content, MANY)
    names = {"mov": "MP4"}
    assert (seen.format, seen.width, seen.height, seen.has_sound) == (names.get(kind, kind.upper()), 64, 48, True)
    assert abs(seen.duration_ms - 6_000) < 150
    assert abs(seen.frames_per_second - 10) < 0.1
    assert seen.tags == ({} if kind == "mpegts" else {"title": "A mill"})
    shown = list(frames(content, [0, 1_950, 2_150, 3_250, 3_450, 5_900, 99_000]))
    assert shown[0].shape == (48, 64, 3)
    assert shown[0].dtype == np.uint8
    for pixels, colour in zip(shown, (RED, RED, BLUE, BLUE, GREEN, GREEN, GREEN), strict=True):
        assert near(pixels, colour)
    backwards = list(frames(content, [5_900, 2_150, 0]))
    assert [near(pixels, colour) for pixels, colour in zip(backwards, (GREEN, BLUE, RED), strict=True)] == [True] * 3
    found = scenes(content)
    assert [abs(start - wanted) <= 100 for (start, _), wanted in zip(found, (0, 2_000, 3_300), strict=True)] == [
        True
    ] * 3
    assert all(left[1] == right[0] for left, right in itertools.pairwise(found))


def test_its_sound_is_read_as_sound() -> None:
    content = film(SCENES, tone(880, seconds=6))
    assert abs(listen(content).duration_ms - 6_000) < 60
    piece = samples(content, 2_000, 3_000, 16_000)
    assert np.abs(np.fft.rfft(piece)).argmax() == 880


def test_a_long_film_is_not_decoded_up_to_where_it_is_looked_at() -> None:
    colours = [(i, 0, 255 - i) for i in range(250)]  # 25 seconds, a key frame each 1.2
    content = film(colours)
    for time in (20_050, 3_050, 24_850, 12_050):
        assert near(next(frames(content, [time])), colours[time // 100])
    assert [near(p, c) for p, c in zip(frames(content, range(50, 25_000, 1_000)), colours[::10], strict=True)] == [
        True
    ] * 25


def test_slow_changes_and_flashes_make_no_scene() -> None:
    assert len(scenes(film([(i, i, i) for i in range(0, 250, 5)]))) == 1
    assert scenes(film([RED] * 20 + [BLUE] * 2 + [RED] * 20), shortest_ms=500)[0][0] == 0
    assert len(scenes(film([RED] * 3))) == 1


def turned(content: bytes) -> bytes:
    """A film that its container turns by 90° clockwise, as phones do."""
    at = content.index(b"tkhd") + 44
    matrix = np.array([0, 0x10000, 0, -0x10000, 0, 0, 48 << 16, 0, 0x40000000], ">i4").tobytes()
    return content[:at] + matrix + content[at + 36 :]


def test_a_turned_film_stands_upright() -> None:
    halves = np.zeros((48, 64, 3), np.uint8)
    halves[:, :32], halves[:, 32:] = RED, BLUE
    content = turned(film([halves] * 5))
    assert watch(content, MANY)[2:4] == (48, 64)
    pixels = next(frames(content, [0]))
    assert pixels.shape == (64, 48, 3)
    assert np.abs(pixels[10, 24].astype(int) - RED).max() < 12
    assert np.abs(pixels[54, 24].astype(int) - BLUE).max() < 12


def test_what_is_no_film_is_told() -> None:
    content = film(SCENES)
    for cut in (content[:-100], content[:1500], film(SCENES, kind="matroska")[:-100], content[:32] + b"\0" * 500):
        with pytest.raises(BrokenDocument):
            watch(cut, MANY)
    with pytest.raises(UnsupportedDocument, match="a web page"):
        watch(b"<html>Not Found</html>", MANY)
    with pytest.raises(EmptyDocument):
        watch(b"", MANY)
    with pytest.raises(UnsupportedDocument, match="moving pictures"):
        watch(film(samples=tone()), MANY)
    with pytest.raises(OversizedDocument, match="64 x 48"):
        watch(content, 1_000)


@given(st.integers(1, 200_000), st.integers(1, 20_000))
def test_regular_times_are_in_the_film(duration: int, every: int) -> None:
    times = regular(duration, every)
    assert times == sorted(set(times))
    assert all(0 <= time < duration for time in times)
    assert len(times) == max(1, round(duration / every - 1e-9)) or abs(len(times) - duration / every) <= 1
    assert max((b - a for a, b in itertools.pairwise(times)), default=0) <= every
