"""What files say of their pictures."""

from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from tasks.media.image import look
from tests.media.pictures import chunk, quarters, stored

MANY = 10**7


def xmp(inner: str = "", attributes: str = "") -> bytes:
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exif="http://ns.adobe.com/exif/1.0/"'
        ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:iptc="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"'
        f" {attributes}>{inner}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"
    ).encode()


def languages(name: str, **texts: str) -> str:
    items = "".join(f'<rdf:li xml:lang="{key.replace("_", "-")}">{text}</rdf:li>' for key, text in texts.items())
    return f"<{name}><rdf:Alt>{items}</rdf:Alt></{name}>"


def exif(described: str = "", **more: Any) -> Image.Exif:
    data = Image.Exif()
    if described:
        data[0x010E] = described
    inner = data.get_ifd(0x8769)
    for name, value in more.items():
        inner[{"taken": 0x9003, "offset": 0x9011, "digitised": 0x9004, "comment": 0x9286}[name]] = value
    return data


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_exif(kind: str) -> None:
    told = exif("A mill  by the river\0\0", taken="2024:05:03 14:02:11", offset="+02:00")
    options: dict[str, Any] = {"exif": told}
    if kind == "TIFF":  # Pillow leaves the camera's part out there unless it is told so
        options = {"tiffinfo": {270: told[0x010E], 0x8769: dict(told.get_ifd(0x8769))}}
    seen = look(stored(quarters(), kind, **options), MANY)
    assert seen.caption == "A mill by the river"
    assert seen.taken == "2024-05-03T14:02:11+02:00"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_xmp(kind: str) -> None:
    packet = xmp(
        languages("dc:description", de="Eine Mühle", x_default="A mill"), 'exif:DateTimeOriginal="2020-01-02T03:04:05Z"'
    )
    options: dict[str, Any] = {"xmp": packet}
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", packet.decode())
        options = {"pnginfo": text}
    if kind == "TIFF":
        options = {"tiffinfo": {700: packet}}
    seen = look(stored(quarters(), kind, **options), MANY)
    assert seen.caption == "A mill"
    assert seen.taken == "2020-01-02T03:04:05+00:00"


def test_alternative_text_comes_first() -> None:
    packet = xmp(languages("dc:description", en="Mills") + languages("iptc:AltTextAccessibility", en="A mill at dusk"))
    assert look(stored(quarters(), "JPEG", xmp=packet, exif=exif("A photograph")), MANY).caption == "A mill at dusk"


def test_iptc_captions() -> None:
    text = "Mühle".encode()
    field = b"\x1c\x02\x78" + len(text).to_bytes(2, "big") + text
    block = b"8BIM\x04\x04\0\0" + len(field).to_bytes(4, "big") + field + b"\0" * (len(field) % 2)
    segment = b"Photoshop 3.0\0" + block
    content = stored(quarters(), "JPEG")
    marked = content[:2] + b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment + content[2:]
    assert look(marked, MANY).caption == "Mühle"


def test_user_comments_in_their_character_sets() -> None:
    for value in (
        b"ASCII\0\0\0A mill",
        b"\0" * 8 + b"A mill",
        b"UNICODE\0" + "A mill".encode("utf-16-le"),
        b"A mill\0\0\0",
    ):
        assert look(stored(quarters(), "JPEG", exif=exif(comment=value)), MANY).caption == "A mill"
    assert look(stored(quarters(), "JPEG", exif=exif(comment=b"ASCII\0\0\0" + b"\0" * 64)), MANY).caption == ""


def test_texts_in_png_and_gif() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "A mill")
    text.add_text("Creation Time", "2021-02-03 04:05:06")
    seen = look(stored(quarters(), "PNG", pnginfo=text), MANY)
    assert (seen.caption, seen.taken) == ("A mill", "2021-02-03T04:05:06")
    content = stored(quarters(), "PNG")
    end = content.rindex(b"IEND") - 4
    late = content[:end] + chunk(b"tEXt", "Description\0Mühle".encode("latin-1")) + content[end:]
    assert look(late, MANY).caption == "Mühle"
    assert look(stored(quarters(), "GIF", comment="A mill"), MANY).caption == "A mill"


def test_what_cameras_and_programs_fill_in_is_no_caption() -> None:
    for text in ("OLYMPUS DIGITAL CAMERA", "SONY DSC", "Created with GIMP", "DSC00012", " - ", "Exif_JPEG_420"):
        assert look(stored(quarters(), "JPEG", exif=exif(text)), MANY).caption == ""
    assert look(stored(quarters(), "GIF", comment="Created with GIMP"), MANY).caption == ""


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        ("2024:05:03 14:02:11", "2024-05-03T14:02:11"),
        ("2024:05:03 14:02", "2024-05-03T14:02:00"),
        ("0000:00:00 00:00:00", None),
        ("    :  :     :  :  ", None),
        ("2024:13:45 14:02:11", None),
        ("yesterday", None),
    ],
)
def test_times_as_cameras_write_them(told: str, taken: str | None) -> None:
    assert look(stored(quarters(), "JPEG", exif=exif(taken=told)), MANY).taken == taken


def test_damaged_metadata_does_not_hide_the_picture() -> None:
    content = stored(quarters(), "JPEG", exif=exif("A mill", taken="2024:05:03 14:02:11"), xmp=b"<x:xmpmeta")
    for cut in (b"MM\0\x2a", b"II\x2a\0"):
        if cut in content:
            assert look(content.replace(cut, b"XX\0\0", 1), MANY).width == 64
    assert look(stored(quarters(), "PNG", exif=b"Exif\0\0garbage garbage"), MANY).width == 64
    assert look(stored(quarters(), "WEBP", xmp=b"\0\0not xml"), MANY).caption == ""
