"""What a picture's file says of it: its caption, and when it was taken."""

import re
import struct
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lxml import etree

if TYPE_CHECKING:
    from PIL.Image import Exif
    from PIL.ImageFile import ImageFile

_EXIF_IFD = 0x8769
_DESCRIPTION, _COMMENT, _TITLE = 0x010E, 0x9286, 0x9C9B
_TAKEN = ((0x9003, 0x9011), (0x9004, 0x9012))  # original, digitised: time and offset from UTC
_IPTC_CAPTION = (2, 120)
_XMP_CAPTIONS = ("AltTextAccessibility", "ExtDescrAccessibility", "description", "Headline", "title")
_XMP_TIMES = ("DateTimeOriginal", "DateCreated", "DateTimeDigitized")
_PNG_CAPTIONS = ("Description", "Caption", "Title", "Comment", "comment")
_CHARSETS = {b"ASCII\0\0\0": "utf-8", b"UNICODE\0": "utf-16", b"JIS\0\0\0\0\0": "euc-jp", b"\0" * 8: "utf-8"}
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_TIME = re.compile(
    r"(\d{4})[:-](\d\d)[:-](\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?\s*(Z|[+-]\d\d:?\d\d)?\s*\Z", re.ASCII
)
_FILLED_IN = re.compile(  # by cameras and programs, whatever the picture shows
    r"(?:OLYMPUS |MINOLTA |KONICA |SONY |SAMSUNG |KODAK |CASIO )?DIGITAL (?:STILL )?CAMERA|SONY DSC|DCIM|SAMSUNG|"
    r"DSC\w*|Created with (?:The )?GIMP.*|Exif_JPEG_\w*|Screenshot|default|charset=.*|(?:Processed|Edited) with .*|"
    r"binary comment|CREATOR: .*|File written by Adobe Photoshop.*|LEAD Technologies.*|AppleMark|untitled|\W*",
    re.IGNORECASE | re.DOTALL,
)


def caption(source: "ImageFile") -> str:
    """The text that describes a picture; empty where none is told, or only what cameras and programs fill in.

    The first of: XMP (alternative text, description, headline, title), IPTC caption, EXIF ImageDescription and
    UserComment, PNG text, the comment of a GIF.
    """
    exif = exif_of(source)
    xmp = _xmp(source)
    told = [_xmp_text(xmp, name) for name in _XMP_CAPTIONS] if xmp is not None else []
    told += [_iptc(source), _text(exif.get(_DESCRIPTION)), _user_comment(exif), _windows(exif)]
    told += [_text(source.info.get(name)) for name in _PNG_CAPTIONS]
    return next((text for text in told if not _FILLED_IN.fullmatch(text)), "")


def taken(source: "ImageFile") -> str | None:
    """When a picture was taken, in ISO 8601, with the zone where it is told; None where the file does not say.

    The first of: EXIF DateTimeOriginal and DateTimeDigitized, the same in XMP with photoshop:DateCreated, PNG's
    Creation Time.
    """
    exif = _camera(exif_of(source))
    for time, offset in _TAKEN:
        if found := _iso(f"{_text(exif.get(time))} {_text(exif.get(offset))}".strip()):
            return found
    xmp = _xmp(source)
    told = [_xmp_text(xmp, name) for name in _XMP_TIMES] if xmp is not None else []
    return next(filter(None, map(_iso, [*told, _text(source.info.get("Creation Time"))])), None)


def exif_of(source: "ImageFile") -> "Exif":
    """A picture's EXIF; nothing where it is damaged, since the picture may still be good."""
    from PIL.Image import Exif

    try:
        return source.getexif()
    except (SyntaxError, ValueError, KeyError, IndexError, TypeError, OSError, struct.error):
        return Exif()


def _camera(exif: "Exif") -> dict[int, Any]:
    """What a camera writes: the part of EXIF that tells how a picture was taken."""
    try:
        return exif.get_ifd(_EXIF_IFD)
    except (SyntaxError, ValueError, KeyError, IndexError, TypeError, OSError, struct.error):
        return {}


def _iso(text: str) -> str | None:
    found = _TIME.match(text)
    if found is None or found[1] == "0000":
        return None
    year, month, day, hour, minute, second, zone = found.groups()
    zone = "+00:00" if zone == "Z" else zone or ""
    zone = zone if not zone or ":" in zone else f"{zone[:3]}:{zone[3:]}"
    try:
        return datetime.fromisoformat(
            f"{year}-{month}-{day}" + (f"T{hour}:{minute}:{second or '00'}{zone}" if hour else "")
        ).isoformat()
    except ValueError:  # no such day or time
        return None


def _text(value: object) -> str:
    """A text as files store it: with zeros at its end, in UTF-8 that was taken for Latin-1, or in bytes."""
    if isinstance(value, tuple | list):
        value = value[0] if value else ""
    if isinstance(value, str):
        try:
            value = value.encode("latin-1")
        except UnicodeEncodeError:
            return " ".join(str(value).split("\0")[0].split())
    if not isinstance(value, bytes):
        return ""
    value = value.split(b"\0")[0]
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = value.decode("cp1252", "replace")
    return " ".join(text.split())


def _user_comment(exif: "Exif") -> str:
    value = _camera(exif).get(_COMMENT)
    if not isinstance(value, bytes) or (charset := _CHARSETS.get(value[:8])) is None:
        return _text(value)
    body = value[8:]
    if charset == "utf-16" and body[:2] not in (b"\xff\xfe", b"\xfe\xff"):  # programs differ on the order of bytes
        charset = "utf-16-le" if body[1::2].count(0) >= body[::2].count(0) else "utf-16-be"
    return _text(body) if charset == "utf-8" else " ".join(body.decode(charset, "replace").split("\0")[0].split())


def _windows(exif: "Exif") -> str:
    value = exif.get(_TITLE)
    data = bytes(value) if isinstance(value, bytes | tuple) else b""
    return " ".join(data.decode("utf-16-le", "replace").split("\0")[0].split())


def _iptc(source: "ImageFile") -> str:
    from PIL.IptcImagePlugin import getiptcinfo

    try:
        fields = getiptcinfo(source) or {}
    except (SyntaxError, ValueError, OSError, IndexError):
        return ""
    return _text(fields.get(_IPTC_CAPTION))


def _xmp(source: "ImageFile") -> Any:
    packet = source.info.get("xmp")
    if not packet:
        return None
    data = packet.encode() if isinstance(packet, str) else bytes(packet)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    try:
        return etree.fromstring(data.strip(b"\0 \r\n\t"), parser)
    except etree.XMLSyntaxError:
        return None


def _xmp_text(packet: Any, name: str) -> str:
    """A property: an attribute, a text, or the default of its languages."""
    for element in packet.iter("{*}" + name):
        items = [item for item in element.iter("{*}li") if item.text and item.text.strip()]
        items.sort(key=lambda item: item.get(_LANGUAGE) != "x-default")
        text = items[0].text if items else element.text
        if text and text.strip():
            return " ".join(text.split())
    for element in packet.iter("{*}Description"):
        for key, value in element.attrib.items():
            if etree.QName(key).localname == name and value.strip():
                return " ".join(value.split())
    return ""
