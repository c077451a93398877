"""Drawings, and that they open nothing."""

import base64
import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.errors import BrokenDocument, OversizedDocument
from tasks.media.image import look, picture
from tests.media.pictures import RED, quarters, stored

pytest.importorskip("resvg_py", reason="resvg-py is not installed")

NAMES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def drawing(body: str, head: str = 'width="40" height="20"') -> bytes:
    return f"<svg {NAMES} {head}>{body}</svg>".encode()


def test_a_drawing_is_drawn_large_over_white() -> None:
    content = drawing('<rect width="20" height="20" fill="#dc1e1e"/>')
    for variant in (content, gzip.compress(content), b'<?xml version="1.0"?>\n<!-- made by hand -->' + content):
        seen = look(variant, 10**7)
        assert (seen.format, seen.width, seen.height) == ("SVG", 1024, 512)
        pixels = picture(variant)
        assert (pixels[256, 256] == RED).all()
        assert (pixels[256, 900] == 255).all()


@pytest.mark.parametrize(
    "head",
    [
        'width="300pt" height="150pt"',
        'width="25.4mm" height="12.7mm"',
        'viewBox="0 0 40 20"',
        'width="1e6" height="5e5"',
    ],
)
def test_sizes_in_every_unit(head: str) -> None:
    assert picture(drawing("", head)).shape == (512, 1024, 3)


def test_a_drawing_says_what_it_is() -> None:
    data = '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><a><dc:title>A mill</dc:title></a></metadata>'
    assert look(drawing(data), 10**7).caption == "A mill"
    assert (
        look(drawing(data + "<title>Mill</title><desc>A mill  at <b>dusk</b></desc>"), 10**7).caption
        == "A mill at dusk"
    )
    assert look(drawing("<g><title>Layer 1</title></g>"), 10**7).caption == ""


def test_words_are_drawn() -> None:
    assert picture(drawing('<text x="2" y="15" font-family="serif">Hi</text>')).min() < 100


def test_nothing_outside_is_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (8, 8), "black").save(secret)
    inner = base64.b64encode(drawing(f'<image href="{secret}" width="40" height="20"/>')).decode()
    bodies = [
        f'<image href="{secret}" width="40" height="20"/>',
        f'<image xlink:href="{secret}" width="40" height="20"/>',
        f'<image href=" file://{secret}" width="40" height="20"/>',
        f'<filter id="f"><feImage href="{secret}"/></filter><rect filter="url(#f)" width="40" height="20"/>',
        f'<image href="data:image/svg+xml;base64,{inner}" width="40" height="20"/>',
    ]
    for body in bodies:
        assert picture(drawing(body)).min() == 255
    entity = f'<!DOCTYPE svg [<!ENTITY e SYSTEM "{secret}">]>'.encode() + drawing("<text>&e;</text>")
    with pytest.raises(BrokenDocument):
        picture(entity)


def test_what_is_inside_is_drawn() -> None:
    png = base64.b64encode(stored(quarters(), "PNG")).decode()
    pixels = picture(drawing(f'<image href="data:image/png;base64,{png}" width="40" height="20"/>'))
    assert np.abs(pixels[100, 300].astype(int) - RED).max() < 5
    assert picture(drawing('<rect id="r" width="9" height="9"/><use xlink:href="#r" x="20"/>'))[100, 600].max() == 0


@pytest.mark.parametrize(
    "content",
    [
        drawing("")[:-3],
        drawing("", 'width="0" height="4"'),
        b'<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "' + b"&a;" * 1000 + b'"><!ENTITY c "' + b"&b;" * 1000
        + b'"><!ENTITY d "' + b"&c;" * 1000 + b'">]>' + drawing("<text>&d;</text>"),
    ],
)  # fmt: skip
def test_a_broken_drawing_is_told(content: bytes) -> None:
    with pytest.raises(BrokenDocument, match="SVG"):
        look(content, 10**7)


def test_compressed_drawings_have_bounds() -> None:
    with pytest.raises(BrokenDocument, match="ends early"):
        look(gzip.compress(drawing(" " * 900))[:-12], 10**7)
    with pytest.raises(OversizedDocument):
        look(gzip.compress(drawing(" " * 2**26)), 10**7)
