"""Real manuals out of Debian's packages, and questions whose answers are known sections of them.

Questions are what others wrote and said of which section it holds: the entries of Debian policy's upgrading checklist,
Lintian's explanations that refer to a section of policy or of the developers' reference, and the entries of the
glossary and the index of PostgreSQL's manual that lead to one section. Checklist, glossary and index are no part of the
corpora.
"""

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from lxml import html

from tasks.chunk.structure import Span
from tasks.extract.read import extract

_FOLDERS = {
    "debian-policy": "usr/share/doc/debian-policy/policy.html/_sources",
    "developers-reference": "usr/share/developers-reference/_sources",
    "lintian": "usr/share/lintian/tags",
    "postgresql-doc-15": "usr/share/doc/postgresql-doc-15/html",
    "python3.11-doc": "usr/share/doc/python3.11/html/_sources",
    "git-doc": "usr/share/doc/git/html",
}
_TITLE = re.compile(r"^(?P<over>[=*#]{3,}\n)?(?P<title>\S.*)\n(?P<under>([=\-~^*#])\4{2,})$", re.MULTILINE)
_ENTRY = re.compile(r"^(?P<sections>[\d.]+(?:(?:,| &| and) [\d.]+)*)[^\n]*\n(?P<text>(?:(?: +.*)?\n)+)", re.MULTILINE)
_REFERENCE = re.compile(r"(debian-policy|developer-reference) ([\d.]+)")
_GLOSSARY = re.compile(
    r'<dd class="glossdef">(.*?)For more information, see\s*<a[^>]*href="([^"#]*)#?([^"]*)"', re.DOTALL
)
_MOST_OF_A_SECTION = 3  # questions that the index may ask of it


@dataclass(frozen=True, slots=True)
class Document:
    """A document as embedlake reads it."""

    name: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the spans in characters of the documents, by their names, that answer it."""

    text: str
    answers: tuple[tuple[str, Span], ...]


@dataclass(frozen=True, slots=True)
class Manual:
    """A corpus, and what is asked of it."""

    name: str
    documents: list[Document]
    questions: list[Question]


def folder_of(package: str, place: Path) -> Path:
    """Where a package's manual lies below a folder, fetched from Debian where it is not there yet."""
    root = place / package
    if not root.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-q", package], cwd=place, check=True, stdout=subprocess.DEVNULL)
        [file] = place.glob(f"{package}_*.deb")
        subprocess.run(["dpkg-deb", "-x", file, root], check=True)
    return root / _FOLDERS[package]


def documents_of(folder: Path, pattern: str) -> Iterator[Document]:
    """The files of a folder as embedlake reads them, those without text left out."""
    for file in sorted(folder.glob(pattern)):
        name = str(file.relative_to(folder)).removesuffix(".txt")
        found = extract(file.read_bytes(), Path(name).name, "auto", 2**30)
        if found.text.strip():
            yield Document(name, found.kind, found.text)


def policy(place: Path) -> list[Manual]:
    """Debian policy with its checklist; and with the developers' reference as Lintian refers to both."""
    corpora = {"debian-policy": "debian-policy", "developer-reference": "developers-reference"}
    documents: dict[str, list[Document]] = {}
    sections: dict[str, dict[str, tuple[str, Span]]] = {}
    for name, package in corpora.items():
        folder = folder_of(package, place)
        order = re.findall(r"^   ([a-z][\w-]*)$", (folder / "index.rst.txt").read_text("utf-8"), re.MULTILINE)
        found = {d.name.removesuffix(".rst"): d for d in documents_of(folder, "*.rst.txt")}
        found = {name: found[name] for name in order if name in found and name != "upgrading-checklist"}
        documents[name], sections[name] = list(found.values()), dict(_numbered(list(found.values())))
    text = (folder_of("debian-policy", place) / "upgrading-checklist.rst.txt").read_text("utf-8")
    asked = ((m["text"], m["sections"]) for m in _ENTRY.finditer(text))
    checklist = [_question(_plain(t), re.findall(r"[\d.]*\d", s), sections["debian-policy"]) for t, s in asked]
    tags = []
    for file in sorted(folder_of("lintian", place).rglob("*.tag")):
        explanation, _, rest = file.read_text("utf-8").partition("Explanation:")[2].partition("\nSee-Also:")
        references = _REFERENCE.findall(rest.partition("\n\n")[0])
        if references:
            known = {number: sections[name][number] for name, number in references if number in sections[name]}
            tags.append(_question(_plain(re.sub(r"&[a-z]+;|<[^>]*>", "", unescape(explanation))), list(known), known))
    return [
        Manual("policy, checklist", documents["debian-policy"], [q for q in checklist if q]),
        Manual("policy and reference, Lintian", [d for ds in documents.values() for d in ds], [q for q in tags if q]),
    ]


def postgresql(place: Path, chapters: int = 25) -> list[Manual]:
    """The chapters of PostgreSQL's manual that its index and its glossary speak of most."""
    folder = folder_of("postgresql-doc-15", place)
    index = list(_index((folder / "bookindex.html").read_bytes()))
    glossary = [
        (_plain(unescape(re.sub(r"<[^>]*>", "", text.rpartition('<dd class="glossdef">')[2]))), file, anchor)
        for text, file, anchor in _GLOSSARY.findall((folder / "glossary.html").read_text("utf-8"))
    ]
    names = [name for name, _ in Counter(f for _, f, _ in [*index, *glossary]).most_common(chapters)]
    found = {d.name: d for name in sorted(names) for d in documents_of(folder, name)}
    manual = []
    asked: Counter[tuple[str, str]] = Counter()
    for term, file, anchor in [*glossary, *index]:
        if file not in found or asked[file, anchor] == _MOST_OF_A_SECTION:
            continue
        span = _anchored(found[file], (folder / file).read_text("utf-8"), anchor)
        if span:
            asked[file, anchor] += 1
            manual.append(Question(term, ((file, span),)))
    return [Manual("PostgreSQL, glossary and index", list(found.values()), manual)]


def _index(page: bytes) -> Iterator[tuple[str, str, str]]:
    """The entries of an index that lead to one section: all the words above and of them, its file, its anchor."""
    for term in html.document_fromstring(page).iter("dt"):
        links = term.findall("a[@class='indexterm']")
        if len(links) != 1:
            continue
        above = [dd.getprevious() for dd in term.iterancestors("dd")]
        words = [(dt.text or "").strip(" ,\n") for dt in [*reversed(above), term] if dt is not None]
        file, _, anchor = links[0].get("href", "").partition("#")
        if anchor and len(" ".join(words).split()) > 1 and "_" not in "".join(words):
            yield " ".join(" ".join(words).split()), file, anchor


def _anchored(document: Document, page: str, anchor: str) -> Span | None:
    """The section of a page that an anchor, or none, names, by its title."""
    if not anchor:
        return 0, len(document.text)
    at = page.find(f'id="{anchor}"')
    title = re.search(r'<h[1-6] class="title"[^>]*>(.*?)</h[1-6]>', page[at:], re.DOTALL) if at >= 0 else None
    if title is None or title.start() > 300:
        return None
    words = " ".join(unescape(re.sub(r"<[^>]*>", "", title[1])).split())
    heads = [(m.start(), len(m[1]), _bare(m[2])) for m in re.finditer(r"^(#{1,6}) (.*)$", document.text, re.MULTILINE)]
    own = [(start, depth) for start, depth, head in heads if head == _bare(words)]
    if len(own) != 1:
        return None
    [(start, depth)] = own
    ends = [begin for begin, other, _ in heads if begin > start and other <= depth]
    return start, min(ends, default=len(document.text))


def _bare(title: str) -> str:
    return re.sub(r"\W+", "", title)


def _numbered(documents: list[Document]) -> Iterator[tuple[str, tuple[str, Span]]]:
    """The sections of reStructuredText chapters by their numbers, subsections included, as Sphinx counts them."""
    for chapter, document in enumerate(documents, 1):
        styles: list[tuple[bool, str]] = []
        numbers: list[int] = []
        found: list[tuple[str, int, int]] = []
        for match in _TITLE.finditer(document.text):
            if len(match["under"]) < len(match["title"]):
                continue
            style = (bool(match["over"]), match["under"][0])
            if style not in styles:
                styles.append(style)
            depth = styles.index(style)
            numbers = numbers[: depth + 1] + [0] * (depth + 1 - len(numbers))
            numbers[depth] += 1
            found.append((".".join(map(str, [chapter, *numbers[1:]])), depth, match.start()))
        for i, (number, depth, start) in enumerate(found):
            ends = [begin for _, other, begin in found[i + 1 :] if other <= depth]
            yield number, (document.name, (start, ends[0] if ends else len(document.text)))


def _question(text: str, numbers: list[str], sections: dict[str, tuple[str, Span]]) -> Question | None:
    answers = tuple(sections[number] for number in numbers if number in sections)
    return Question(text, answers) if answers and text else None


def _plain(text: str) -> str:
    """Words without markup, in one line."""
    text = re.sub(r":[\w:]+:`([^`<]*?)(?: *<[^`]*>)?`", r"\1", text)
    return " ".join(re.sub(r"[`*|]|^ \.$", "", text, flags=re.MULTILINE).split())
