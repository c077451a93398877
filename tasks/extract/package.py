"""Files that are zip archives of XML parts: which kind one is, its parts, and what leads from one part to another."""

import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from lxml import etree

from tasks.errors import BrokenDocument, EncryptedDocument, OversizedDocument
from tasks.extract.xml_repair import parse

_INFLATION = 200  # times its compressed size; what inflates further is taken for a zip bomb
_REL = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"

Element = Any


class Package:
    """An archive's parts. One that cannot be read is as one that is not there: it does not lose the others.

    Args:
        data: the file.
        extension: of its name, for messages.
        max_bytes: most bytes that the archive may inflate to.

    Attributes:
        max_bytes: the same.

    Raises:
        BrokenDocument: it is no archive.
        EncryptedDocument: a part of it needs a password.
        OversizedDocument: it inflates to more than `max_bytes`.
    """

    def __init__(self, data: bytes, extension: str, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._extension = extension or "zip"
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
            raise BrokenDocument(
                f"not a readable {self._extension} file: it is no whole zip archive", "Is it complete? Store it again."
            ) from None
        entries = self._archive.infolist()
        if any(entry.flag_bits & 1 for entry in entries):
            raise EncryptedDocument("the archive needs a password", "Store a copy without a password.")
        inflated = sum(entry.file_size for entry in entries)
        if inflated > max_bytes or inflated > _INFLATION * len(data) + 2**20:
            raise OversizedDocument(
                f"it inflates from {len(data):,} to {inflated:,} bytes",
                "Raise `extraction.max_bytes` if it is to be trusted.",
            )
        self._names = {_key(entry.filename): entry.filename for entry in entries}

    @property
    def names(self) -> list[str]:
        """Of all parts, in the archive's order."""
        return list(self._names.values())

    def read(self, name: str) -> bytes | None:
        """A part's bytes, or None where there are none that can be read."""
        stored = self._names.get(_key(name))
        if stored is None:
            return None
        try:
            return self._archive.read(stored)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError):
            return None

    def xml(self, name: str) -> Element | None:
        """A part's root element, as far as it can be parsed, or None.

        Raises:
            BrokenDocument: it declares entities, which no program writes into a document; an attack does.
        """
        root = parse_xml(self.read(name))
        declared = root.getroottree().docinfo.internalDTD if root is not None else None
        if declared is not None and any(True for _ in declared.iterentities()):
            raise BrokenDocument(f"not a readable {self._extension} file: {name} declares entities")
        return root

    def related(self, name: str, kind: str = "") -> dict[str, str]:
        """The parts that a part leads to, by relationship id.

        Args:
            name: of the part; empty for the package itself.
            kind: the last word of the relationship's type, such as `slide`; empty for all.
        """
        folder, file = posixpath.split(name)
        root = self.xml(posixpath.join(folder, "_rels", f"{file}.rels"))
        if root is None:
            return {}
        return {
            link.get("Id", ""): _key(posixpath.join("/", folder, unquote(link.get("Target", ""))))
            for link in root.iter(_REL)
            if link.get("TargetMode") != "External" and link.get("Type", "").rpartition("/")[2].endswith(kind)
        }

    def first_related(self, name: str, kind: str) -> str | None:
        """The first part of a kind that a part leads to."""
        return next(iter(self.related(name, kind).values()), None)


def parse_xml(data: bytes | None) -> Element | None:
    """The root of some XML, as far as it can be parsed, without what lies elsewhere or a limit to its depth."""
    if not data:
        return None
    parser = etree.XMLParser(
        recover=True, resolve_entities=False, no_network=True, huge_tree=True, remove_comments=True, remove_pis=True
    )
    return parse(data, parser)


def local(element: Element) -> str:
    """An element's name without its namespace; that differs between editions of a format."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: Element, name: str) -> str | None:
    """An attribute by its name without its namespace."""
    plain = element.get(name)
    if plain is not None:
        return str(plain)
    return next((str(value) for key, value in element.attrib.items() if key.endswith(f"}}{name}")), None)


def child(element: Element | None, *path: str) -> Element | None:
    """The element that a path of names leads to, or None."""
    for name in path:
        if element is None:
            return None
        element = next((inner for inner in element if local(inner) == name), None)
    return element


def children(element: Element | None, name: str) -> Iterator[Element]:
    """The elements of a name directly in one."""
    return (inner for inner in (element if element is not None else ()) if local(inner) == name)


_CORE = {
    "title": "title", "creator": "author", "created": "created", "modified": "modified", "subject": "subject",
    "keywords": "keywords", "keyword": "keywords", "description": "description", "language": "language",
    "category": "category", "initial-creator": "author", "creation-date": "created", "date": "modified",
}  # fmt: skip


def properties(root: Element | None) -> dict[str, str]:
    """A document's properties (`title` among them) by embedlake's names, from Dublin Core and its kin."""
    found: dict[str, str] = {}
    for element in root.iter() if root is not None else ():
        name = _CORE.get(local(element))
        text = " ".join((element.text or "").split())
        if not name or not text:
            continue
        if name == "keywords" and name in found:
            found[name] += f", {text}"
        else:
            found.setdefault(name, text)
    return found


def _key(name: str) -> str:
    """Part names are the same in upper and lower case, and in spite of a leading slash."""
    return posixpath.normpath(name.replace("\\", "/")).lstrip("/").lower()
