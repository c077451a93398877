"""Images as they come: broken, huge, cut off, under wrong names, of every kind of pixel. Good ones are seen as they
are, bad ones are told with what helps."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.encoders import COLOURS, ColourEncoder, Colours
from tests.lakes import lake_of
from tests.machine.engine import run_ingest
from tests.media_corpora import corpora

RED, BLUE = COLOURS["red"], COLOURS["blue"]


def plain(mode: str = "RGB", colour: object = RED, side: int = 24) -> Image.Image:
    return Image.new(mode, (side, side), colour)  # type: ignore[arg-type]


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(side: int, depth: int, data: bytes) -> bytes:
    parts = [
        chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, depth, 2, 0, 0, 0)),
        chunk(b"IDAT", zlib.compress(data)),
        chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def sideways() -> bytes:
    """Red on the left as it is stored, and at the top as its EXIF says that it is to be turned."""
    pixels = np.zeros((24, 48, 3), np.uint8)
    pixels[:, :] = BLUE
    pixels[:, :24] = RED
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(Image.fromarray(pixels), "JPEG", quality=95, subsampling=0, exif=exif)


def deep() -> bytes:
    """A PNG with 16 bits for each of red, green and blue."""
    return png(24, 16, 24 * (b"\0" + struct.pack(">HHH", *(257 * level for level in RED)) * 24))


def animated(form: str) -> bytes:
    colours = ["red", "green", "blue", "red"]
    frames = [plain(colour=COLOURS[name]) for name in colours]
    lossless = {"lossless": True} if form == "WEBP" else {}
    return saved(frames[0], form, save_all=True, append_images=frames[1:], duration=100, **lossless)


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GOOD = {
    "animated.gif": animated("GIF"),
    "animated.png": animated("PNG"),
    "animated.webp": animated("WEBP"),
    "cmyk.jpg": saved(plain().convert("CMYK"), "JPEG", quality=95),
    "deep.png": deep(),
    "grey.tif": saved(Image.fromarray(np.full((24, 24), 65_535, np.uint16)), "TIFF"),
    "named.jpg": saved(plain(), "PNG"),
    "named.txt": saved(plain(), "WEBP", lossless=True),
    "palette.gif": saved(plain().quantize(4), "GIF"),
    "profile.png": saved(plain(), "PNG", icc_profile=SRGB),
    "see-through.png": saved(plain("RGBA", (*RED, 0)), "PNG"),
    "sideways.jpg": sideways(),
    "tail.jpg": saved(plain(), "JPEG", quality=95) + b"what a phone writes behind it",
    "two.tif": saved(plain(), "TIFF", save_all=True, append_images=[plain(colour=BLUE)]),
}
"""Files, all of which show red, but for white ones: see `WHITE`."""
WHITE = {"grey.tif", "see-through.png"}

BAD = {
    "bomb.png": (png(60_000, 8, bytes(100)), "OversizedDocument", "more than 178,956,970 pixels", "in parts"),
    "cut.gif": (animated("GIF")[:60], "BrokenDocument", "GIF picture does not decode", "complete"),
    "cut.jpg": (saved(plain(side=80), "JPEG")[:-200], "BrokenDocument", "JPEG picture does not decode", "complete"),
    "cut.png": (saved(plain(), "PNG")[:60], "BrokenDocument", "PNG picture does not decode", "complete"),
    "damaged.png": (deep().replace(b"IDAT", b"IDAX"), "BrokenDocument", "PNG picture does not decode", "complete"),
    "empty.png": (b"", "EmptyDocument", "the file is empty", "cut off"),
    "error.jpg": (b"<!DOCTYPE html><title>404</title>", "UnsupportedDocument", "a web page", ""),
    "huge.png": (saved(plain(side=101), "PNG"), "OversizedDocument", "101 x 101 pixels", "max_pixels"),
    "pointer.png": (b"version https://git-lfs.github.com/spec/v1\n", "UnsupportedDocument", "Git LFS", ""),
    "zeros.tif": (bytes(4096), "EmptyDocument", "nothing but zeros", "cut off"),
}
"""Files with the error, what its message and its hint say."""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    with corpora(tmp_path, "colours", Colours(), ColourEncoder) as write:
        both = [{"model": "colours:small", "name": "both"}]
        yield lambda **more: write(models=both, extraction={"images": "files", "max_pixels": 10_000, **more})


def test_good_ones_are_seen_as_they_are_and_bad_ones_told(tmp_path: Path, here: Callable[..., Path]) -> None:
    for name, content in GOOD.items():
        (tmp_path / "docs" / name).write_bytes(content)
    for name, (content, *_) in BAD.items():
        (tmp_path / "docs" / name).write_bytes(content)
    report = run_ingest(str(here()))
    assert (report.documents.new, report.documents.failed) == (len(GOOD) + len(BAD), len(BAD))
    lake = lake_of(here())
    failures = lake.read(lake.name("failures"), ["document_id", "error", "message", "hint"]).to_pylist()
    told = {row["document_id"].removeprefix("docs:"): row for row in failures}
    assert told.keys() == BAD.keys()
    for name, (_, error, message, hint) in BAD.items():
        row = told[name]
        assert row["error"] == error, row
        assert message in row["message"], row
        assert hint in (row["hint"] or ""), row
    [entry] = lake.catalog()
    columns = ["document_id", "content_reference", "vector", "span_region"]
    rows = lake.read(entry["table"], columns).to_pylist()
    assert {row["document_id"].removeprefix("docs:") for row in rows} == GOOD.keys()
    assert [row["span_region"] for row in rows if "sideways" in row["document_id"]] == [[0, 0, 24, 48]]
    for row in rows:
        name = row["document_id"].removeprefix("docs:")
        blue = name == "two.tif" and row["content_reference"].endswith("#page=2")
        level = (255, 255, 255) if name in WHITE else BLUE if blue else RED
        if name != "sideways.jpg":
            expected = np.array(level, np.float32)
            cosine = expected @ row["vector"][:3] / np.linalg.norm(expected) / np.linalg.norm(row["vector"][:3])
            assert cosine > 0.99, (name, row["vector"], level)
    assert run_ingest(str(here())).idle


def test_frames_of_animations_are_pieces_by_choice(tmp_path: Path, here: Callable[..., Path]) -> None:
    for form in ("gif", "png", "webp"):
        (tmp_path / "docs" / f"a.{form}").write_bytes(animated(form.upper()))
    run_ingest(str(here()))
    lake = lake_of(here())
    assert lake.count(lake.name("chunks")) == 3
    report = run_ingest(str(here(frames=3)))
    assert report.models[0].embedded == 6  # the first of each has its vector
    rows = lake_of(here()).read(lake.name("chunks"), ["document_id", "content_reference", "span_page"]).to_pylist()
    places = sorted((row["document_id"], row["content_reference"].rpartition("#")[2], row["span_page"]) for row in rows)
    assert places == [(f"docs:a.{form}", f"page={n}", n) for form in ("gif", "png", "webp") for n in (1, 2, 3)]
    run_ingest(str(here(frames=9)))
    assert lake_of(here()).count(lake.name("chunks")) == 12
