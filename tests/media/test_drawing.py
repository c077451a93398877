"""Drawings, and that they open nothing."""

import base64
import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.errors import BrokenDocument
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
        gzip.compress(drawing(""))[:-20],
        b'<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "' + b"&a;" * 1000 + b'"><!ENTITY c "' + b"&b;" * 1000
        + b'"><!ENTITY d "' + b"&c;" * 1000 + b'">]>' + drawing("<text>&d;</text>"),
    ],
)  # fmt: skip
def test_a_broken_drawing_is_told(content: bytes) -> None:
    with pytest.raises(BrokenDocument, match="SVG"):
        look(content, 10**7)
