"""Pictures of every kind, good and bad."""

import io
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from tasks.errors import BrokenDocument, EmptyDocument, OversizedDocument, UnsupportedDocument
from tasks.media.image import look, picture, pictures, tiles
from tests.media.heic import HEIC
from tests.media.pictures import BLUE, GREEN, RED, WHITE, chunk, png, png_head, quarters, smooth, stored

MANY = 10**8
CORNERS = ((RED, 0.1, 0.1), (GREEN, 0.9, 0.1), (BLUE, 0.1, 0.9), (WHITE, 0.9, 0.9))
needs_heic = pytest.mark.skipif(find_spec("pi_heif") is None, reason="pi-heif is not installed")


def corners(pixels: Any) -> list[tuple[int, ...]]:
    height, width = pixels.shape[:2]
    return [tuple(map(int, pixels[int(y * height), int(x * width)])) for _, x, y in CORNERS]


def is_quarters(pixels: Any, off: int = 12) -> bool:
    wanted = [colour for colour, _, _ in CORNERS]
    return bool(np.abs(np.array(corners(pixels)) - np.array(wanted)).max() <= off)


def gray(pixels: Any) -> list[int]:
    assert (pixels == pixels[:, :, :1]).all()
    return [int(value) for value in pixels[0, :, 0]]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 95}),
        ("GIF", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "jpeg", "quality": 95}),
        ("BMP", {}),
        ("AVIF", {"quality": 95}),
    ],
)
def test_formats(kind: str, options: dict[str, Any]) -> None:
    content = stored(quarters(), kind, **options)
    seen = look(content, MANY)
    assert (seen.format, seen.width, seen.height, seen.pages) == (kind, 64, 48, 1)
    pixels = picture(content)
    assert pixels.shape == (48, 64, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags.writeable
    assert is_quarters(pixels)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(kind: str, orientation: int) -> None:
    """What is stored turned, with the orientation that turns it back, is as it was."""
    stands = quarters()
    turn = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.get(orientation)  # the inverse of what EXIF asks for
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = stands if turn is None else stands.transpose(Image.Transpose(turn))
    content = stored(turned, kind, exif=exif, lossless=True)
    seen = look(content, MANY)
    assert (seen.width, seen.height) == (64, 48)
    pixels = picture(content)
    assert pixels.shape == (48, 64, 3)
    assert is_quarters(pixels, 40)
    assert seen.perceptual_hash == look(stored(stands, kind, lossless=True), MANY).perceptual_hash


def test_an_orientation_that_does_not_exist_is_none() -> None:
    exif = Image.Exif()
    exif[0x0112] = 23
    assert is_quarters(picture(stored(quarters(), "PNG", exif=exif)))


def test_transparency_is_over_white() -> None:
    clear = quarters(mode="RGBA")
    clear.putpixel((0, 0), (0, 0, 0, 0))
    clear.putpixel((1, 0), (0, 0, 0, 128))
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True, "exact": True}), ("TIFF", {})):
        pixels = picture(stored(clear, kind, **options))
        assert pixels[0, 0].tolist() == [255, 255, 255]
        assert pixels[0, 1].tolist() == [127, 127, 127]
        assert is_quarters(pixels)
    grey = Image.new("LA", (4, 4), (0, 0))
    assert picture(stored(grey, "PNG")).min() == 255


def test_transparent_colours_of_palettes_and_of_png() -> None:
    palette = quarters().quantize(4)
    clear = int(np.asarray(palette)[0, 0])
    for kind in ("PNG", "GIF"):
        pixels = picture(stored(palette, kind, transparency=clear))
        assert pixels[0, 0].tolist() == [255, 255, 255]
        assert np.abs(pixels[0, -1].astype(int) - GREEN).max() < 5
    assert picture(stored(quarters(), "PNG", transparency=RED))[0, 0].tolist() == [255, 255, 255]
    one_bit = Image.new("1", (4, 4))
    assert picture(stored(one_bit, "PNG", transparency=0)).min() == 255
    assert picture(stored(Image.new("L", (4, 4), 7), "PNG", transparency=7)).min() == 255


def test_one_bit_and_grey() -> None:
    black = Image.new("1", (4, 2))
    black.putpixel((1, 0), 1)
    for kind, options in (("PNG", {}), ("TIFF", {"compression": "group4"}), ("BMP", {})):
        assert gray(picture(stored(black, kind, **options))) == [0, 255, 0, 0]
    assert gray(picture(stored(Image.new("L", (3, 1), 90), "JPEG")))[0] == 90


def test_sixteen_bits() -> None:
    ramp = np.array([[0, 257 * 100, 65535]], np.uint16)
    assert gray(picture(stored(Image.fromarray(ramp), "PNG"))) == [0, 100, 255]
    assert gray(picture(stored(Image.fromarray(ramp), "TIFF"))) == [0, 100, 255]
    assert gray(picture(stored(Image.fromarray(ramp.astype(">u2")), "TIFF"))) == [0, 100, 255]
    coloured = np.zeros((1, 2, 3), np.uint16)
    coloured[0, 0] = [65535, 257 * 10, 0]
    assert picture(png(coloured, 16, 2))[0, 0].tolist() == [255, 10, 0]
    assert picture(png(np.array([[[65535, 0]]], np.uint16), 16, 4))[0, 0].tolist() == [255, 255, 255]


def test_twelve_bits_in_sixteen_are_seen() -> None:
    assert gray(picture(stored(Image.fromarray(np.array([[0, 4095]], np.uint16)), "PNG"))) == [0, 255]


def test_floats_and_long_numbers() -> None:
    shares = np.array([[0.0, 0.2, 1.0]], np.float32)
    assert gray(picture(stored(Image.fromarray(shares), "TIFF"))) == [0, 51, 255]
    heights = np.array([[-100.0, 155.0, np.nan, np.inf]], np.float32)
    assert gray(picture(stored(Image.fromarray(heights), "TIFF"))) == [0, 255, 0, 255]
    assert gray(picture(stored(Image.fromarray(np.full((1, 2), np.nan, np.float32)), "TIFF"))) == [0, 0]
    assert gray(picture(stored(Image.fromarray(np.array([[0, 5_000_000]], np.int32)), "TIFF"))) == [0, 255]


def test_cmyk_and_lab() -> None:
    cyan = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    for kind in ("JPEG", "TIFF"):
        red, green, blue = picture(stored(cyan, kind))[4, 4].tolist()
        assert red < 20
        assert min(green, blue) > 235
    lab = Image.new("LAB", (4, 4), (255, 128, 128))
    assert picture(stored(lab, "TIFF")).min() > 250


def wide_gamut() -> bytes:
    """A profile whose colours are not those of sRGB: a matrix profile with red and green exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(profile[128:132], "big")
    entries = {bytes(profile[at : at + 4]): at for at in range(132, 132 + 12 * count, 12)}
    red, green = entries[b"rXYZ"], entries[b"gXYZ"]
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    at = int.from_bytes(profile[entries[b"desc"] + 4 : entries[b"desc"] + 8], "big")
    length = int.from_bytes(profile[entries[b"desc"] + 8 : entries[b"desc"] + 12], "big")
    profile[at : at + length] = profile[at : at + length].replace(
        "sRGB".encode("utf-16-be"), "swap".encode("utf-16-be")
    )
    return bytes(profile)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_colour_profiles_are_applied(kind: str) -> None:
    content = stored(Image.new("RGB", (16, 16), (255, 0, 0)), kind, icc_profile=wide_gamut(), quality=95)
    red, green, _ = picture(content)[8, 8].tolist()
    assert green > 240
    assert red < 40


def test_a_profile_that_does_not_fit_is_left_aside() -> None:
    for profile in (b"no profile", wide_gamut()):
        assert gray(picture(stored(Image.new("L", (8, 8), 77), "PNG", icc_profile=profile)))[0] == 77
    assert is_quarters(picture(stored(quarters(), "PNG", icc_profile=b"\0" * 200)))


def test_frames_of_animations() -> None:
    frames = [Image.new("RGB", (32, 16), colour) for colour in (RED, GREEN, BLUE)]
    for kind in ("GIF", "WEBP", "PNG", "AVIF"):
        content = stored(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
        seen = look(content, MANY)
        assert (seen.pages, seen.width, seen.height) == (3, 32, 16)
        for page, colour in ((0, RED), (2, BLUE), (1, GREEN)):
            assert np.abs(picture(content, page)[8, 16].astype(int) - colour).max() < 20
        together = pictures(content, [(page, None) for page in (0, 1, 2)])
        assert all((piece == picture(content, page)).all() for page, piece in enumerate(together))
        with pytest.raises(BrokenDocument):
            picture(content, 3)


def test_pages_of_a_tiff_have_their_own_sizes() -> None:
    content = stored(quarters(), "TIFF", save_all=True, append_images=[quarters(20, 30), quarters(mode="1")])
    assert look(content, MANY).sizes == ((64, 48), (20, 30), (64, 48))
    assert picture(content, 1).shape == (30, 20, 3)
    with pytest.raises(OversizedDocument):
        look(stored(quarters(4, 4), "TIFF", save_all=True, append_images=[quarters(400, 400)]), 1000)


def test_the_frames_of_a_long_animation_are_not_all_decoded() -> None:
    frames = [Image.new("RGB", (32, 32), (i, 0, 0)) for i in range(40)]
    content = stored(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert look(content, 32 * 32 * 3).sizes == ((32, 32),) * 40


def test_a_picture_of_several_is_its_first() -> None:
    """Phones store previews and depth maps behind a photograph (MPO)."""
    content = stored(quarters(), "MPO", save_all=True, append_images=[quarters(20, 20)])
    seen = look(content, MANY)
    assert (seen.format, seen.pages) == ("JPEG", 1)
    assert is_quarters(picture(content))


@needs_heic
def test_heic() -> None:
    seen = look(HEIC, MANY)
    assert (seen.format, seen.width, seen.height) == ("HEIF", 48, 64)
    assert seen.caption == "A red and a blue half"
    pixels = picture(HEIC)
    assert pixels.shape == (64, 48, 3)
    assert pixels[10, 24, 0] > pixels[10, 24, 2]
    assert pixels[54, 24, 2] > pixels[54, 24, 0]
    with pytest.raises(BrokenDocument):
        look(HEIC[: len(HEIC) // 2], MANY)


def test_what_needs_a_plug_in_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.media.opening.find_spec", lambda name: None)
    for content, extra in ((HEIC, "heic"), (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "svg")):
        with pytest.raises(UnsupportedDocument) as told:
            look(content, MANY)
        assert f"embedlake[{extra}]" in told.value.hint


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"", EmptyDocument, "empty"),
        (b"\0" * 5000, EmptyDocument, "zeros"),
        (b"\xff\xd8\xff", BrokenDocument, "JPEG"),
        (b"\xff\xd8", BrokenDocument, "2 bytes"),
        (b"\x89PNG\r\n\x1a\n", BrokenDocument, "PNG"),
        (b"GIF89a", BrokenDocument, "GIF"),
        (b"II*\0\x08\0\0\0" + b"\0" * 20, BrokenDocument, "TIFF"),
        (b"II*\0\xff\xff\xff\x7f" + b"\0" * 20, BrokenDocument, "TIFF"),
        (b"RIFF\x20\0\0\0WEBPVP8 " + b"\0" * 20, BrokenDocument, "WEBP"),
        (b"BM" + b"\xff" * 12 + b"\x28\0\0\0" + b"\0" * 40, BrokenDocument, "BMP"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + b"\0" * 40, BrokenDocument, "AVIF"),
        (b"<!DOCTYPE html><html><body>404 Not Found</body></html>", UnsupportedDocument, "a web page"),
        (b"%PDF-1.7 " + b"x" * 100, UnsupportedDocument, "a PDF"),
        (b"PK\x03\x04" + b"\0" * 100, UnsupportedDocument, "a ZIP archive"),
        (b'{"error": "no such key"}', UnsupportedDocument, "JSON"),
        (b"Permission denied for this object", UnsupportedDocument, "text"),
        (b"version https://git-lfs.github.com/spec/v1\n", UnsupportedDocument, "Git LFS"),
        (bytes(range(7, 250)), UnsupportedDocument, "07 08"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + b"\0" * 40, UnsupportedDocument, "00 00"),
    ],
)
def test_what_is_no_picture_is_told(content: bytes, error: type[Exception], says: str) -> None:
    with pytest.raises(error) as told:
        look(content, MANY)
    assert says in str(told.value)
    assert told.value.hint  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_a_truncated_picture_is_broken(kind: str) -> None:
    content = stored(smooth(200, 150), kind)
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(BrokenDocument) as told:
            look(content[: int(len(content) * share)], MANY)
        assert kind in told.value.message


@pytest.mark.parametrize("progressive", [False, True])
def test_a_truncated_photograph_is_broken_though_it_is_looked_at_small(progressive: bool) -> None:
    content = stored(smooth(1600, 1200), "JPEG", progressive=progressive)
    for share in (0.5, 0.95):
        with pytest.raises(BrokenDocument, match="truncated"):
            look(content[: int(len(content) * share)], MANY)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "AVIF"])
@settings(max_examples=15, deadline=None)
@given(where=st.floats(0, 1), value=st.integers(1, 255), length=st.integers(1, 8))
def test_damage_is_told_or_harmless(kind: str, where: float, value: int, length: int) -> None:
    """No other error comes, whatever byte is wrong, and no more memory is asked for than the picture may have."""
    content = bytearray(stored(quarters(), kind))
    at = int(where * (len(content) - 1))
    for i in range(at, min(at + length, len(content))):
        content[i] ^= value
    try:
        seen = look(bytes(content), 10**6)
        assert picture(bytes(content)).shape == (seen.height, seen.width, 3)
    except (BrokenDocument, UnsupportedDocument, OversizedDocument, EmptyDocument):
        pass


def test_bombs_are_refused_before_they_are_decoded() -> None:
    bombs = [
        png_head(20_000, 20_000) + chunk(b"IDAT", b"") + chunk(b"IEND", b""),
        png_head(2**31 - 1, 2**31 - 1) + chunk(b"IDAT", b"") + chunk(b"IEND", b""),
        png_head(5_000, 5_000) + chunk(b"IDAT", b"") + chunk(b"IEND", b""),
        stored(Image.new("1", (12_000, 4_000)), "PNG"),
        b"GIF89a" + (65_535).to_bytes(2, "little") * 2 + b"\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x44\x01\0;",
        stored(Image.new("1", (12_000, 4_000)), "TIFF", compression="group4"),
    ]
    for bomb in bombs:
        with pytest.raises(OversizedDocument) as told:
            look(bomb, 10**7)
        assert "pixels" in told.value.message
        assert told.value.hint


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_name_does_not_count(kind: str) -> None:
    """A format is told by content alone: what is named photo.png may be anything."""
    assert look(stored(quarters(), kind), MANY).format == kind


def test_regions() -> None:
    content = stored(quarters(), "PNG")
    whole = picture(content)
    assert (picture(content, region=(32, 0, 64, 24)) == GREEN).all()
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = stored(quarters(), "PNG", exif=exif)
    assert picture(turned).shape == (64, 48, 3)
    assert (picture(turned, region=(0, 0, 24, 32)) == BLUE).all()
    for region in ((0, 0, 65, 48), (-1, 0, 5, 5), (5, 5, 5, 6), (6, 0, 5, 5)):
        with pytest.raises(BrokenDocument, match="64 x 48"):
            picture(content, region=region)
    pieces = list(pictures(content, [(0, region) for region in [None, *tiles(64, 48, 32)]]))
    assert (pieces[0] == whole).all()
    assert (np.vstack([np.hstack(pieces[1:3]), np.hstack(pieces[3:])]) == whole).all()


@given(width=st.integers(1, 3000), height=st.integers(1, 3000), size=st.integers(50, 1000))
def test_tiles_cover_a_picture_exactly(width: int, height: int, size: int) -> None:
    regions = tiles(width, height, size)
    assert sum((right - left) * (bottom - top) for left, top, right, bottom in regions) == width * height
    assert all(0 < right - left <= size and 0 < bottom - top <= size for left, top, right, bottom in regions)
    assert len(regions) == -(-width // size) * -(-height // size)
    covered = np.zeros((-(-height // 50) + 1, -(-width // 50) + 1), bool)
    for left, top, right, bottom in regions:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        covered[top // 50 : bottom // 50 + 1, left // 50 : right // 50 + 1] = True
    assert regions == sorted(regions, key=lambda region: (region[1], region[0]))
    sides = {right - left for left, _, right, _ in regions}
    assert max(sides) - min(sides) <= 1


@settings(max_examples=25, deadline=None)
@given(width=st.integers(1, 700), height=st.integers(1, 700), at_least=st.integers(1, 300), jpeg=st.booleans())
def test_decoding_smaller_keeps_both_sides(width: int, height: int, at_least: int, jpeg: bool) -> None:
    content = stored(quarters(width, height), "JPEG" if jpeg else "PNG")
    tall, wide, _ = picture(content, at_least=at_least).shape
    least = min(at_least, width, height)
    assert min(tall, wide) >= least
    assert min(tall, wide) < max(2 * at_least, least + 1)
    assert abs(wide / width - tall / height) < 0.05 + 1 / min(wide, tall)


def test_a_smaller_picture_shows_the_same() -> None:
    for kind in ("JPEG", "PNG", "AVIF"):
        content = stored(smooth(1600, 1200), kind)
        small = Image.fromarray(picture(content, at_least=224)).resize((224, 224), Image.Resampling.BICUBIC)
        whole = Image.fromarray(picture(content)).resize((224, 224), Image.Resampling.BICUBIC)
        assert np.abs(np.asarray(small, int) - np.asarray(whole, int)).mean() < 2


def distance(left: str, right: str) -> int:
    return (int(left, 16) ^ int(right, 16)).bit_count()


def test_alike_pictures_have_near_hashes() -> None:
    source = smooth()
    first = look(stored(source, "PNG"), MANY).perceptual_hash
    assert len(first) == 16
    alike = [
        stored(source, "JPEG", quality=40),
        stored(source.resize((1600, 1200)), "JPEG"),
        stored(source.resize((160, 120)), "WEBP"),
        stored(source.point(lambda value: int(value * 0.9)), "PNG"),
        stored(source.crop((2, 2, 398, 298)), "PNG"),
    ]
    assert max(distance(first, look(content, MANY).perceptual_hash) for content in alike) <= 6
    others = [smooth(seed=seed) for seed in range(1, 9)] + [source.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    assert min(distance(first, look(stored(other, "PNG"), MANY).perceptual_hash) for other in others) >= 16


def test_looking_does_not_depend_on_what_was_looked_at_before() -> None:
    content = stored(smooth(), "JPEG", icc_profile=wide_gamut())
    assert look(content, MANY) == look(content, MANY)
    assert (picture(content) == picture(content)).all()
    assert isinstance(look(io.BytesIO(content).getvalue(), MANY).sizes, tuple)
