"""What documents say by programs that know nothing of embedlake: w3m, pdftotext, pandoc. The references of `recall`."""

import json
import re
import subprocess
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lxml.html

from tests.benchmarks.recall_documents import package_of

_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"(?:(?:chapter|appendix|part|section)\s+)?(?:[\divx]+|[a-z])(?:\.\d+)*(?:[.:]\s*|\s+)(?=\S)")
_DIGITS = re.compile(r"\d+|\b[ivxlc]+\b")
_PICTURE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_OUTLINE = re.compile(r"<item[^>]*>(.*?)</item>", re.DOTALL)
_REPEATED = 3  # pages at whose edge a line stands that is a running head


@dataclass(frozen=True, slots=True)
class Said:
    """What a document says: its words, and its headings."""

    words: Counter[str]
    headings: list[str]


def words_of(text: str) -> Counter[str]:
    """Runs of letters and digits, without regard to case and ligatures."""
    return Counter(_WORD.findall(unicodedata.normalize("NFKC", text.replace("\xad", "")).casefold()))


def letters_of(heading: str) -> str:
    """A heading for comparison: letters and digits alone, without a number before them."""
    text = unicodedata.normalize("NFKC", heading).casefold().strip()
    return "".join(_WORD.findall(_NUMBER.sub("", text, count=1) if _NUMBER.match(text) else text)) or "".join(
        _WORD.findall(text)
    )


def reference(kind: str, document: Path, pandoc: Path, markdown: Path) -> Said | None:
    """What a document says; None where the other program cannot read it.

    Args:
        kind: html, pdf, docx or markdown.
        document: the file.
        pandoc: the program.
        markdown: where the Markdown documents are that DOCX were made of.
    """
    try:
        return _reference(kind, document, pandoc, markdown)
    except subprocess.CalledProcessError:  # a fuzzer's file, or one with a password
        return None


def _reference(kind: str, document: Path, pandoc: Path, markdown: Path) -> Said:
    if kind == "html":
        return _of_page(document)
    if kind == "pdf":
        return _of_pdf(document)
    if kind == "docx" and document.name.startswith("pandoc-of-"):
        document = markdown / f"{document.stem.removeprefix('pandoc-of-')}.md"
    return _by_pandoc(document, pandoc, kind == "markdown")


def _run(*command: object, data: bytes | None = None) -> str:
    done = subprocess.run([str(part) for part in command], input=data, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")


def _of_page(document: Path) -> Said:
    """The part of a page that its generator names as its text, as w3m shows it."""
    package = package_of(document)
    tree = lxml.html.fromstring(document.read_bytes(), parser=lxml.html.HTMLParser(encoding="utf-8"))
    part = tree.xpath(package.page)[0]
    unwanted = package.without and f".{package.without.replace(' | /', ' | ./')}"
    for element in part.xpath(f".//script | .//style | .//svg{unwanted and f' | {unwanted}'}"):
        element.drop_tree()
    headings = [" ".join(e.itertext()) for e in part.iter("h1", "h2", "h3", "h4", "h5", "h6")]
    page = lxml.html.tostring(part, encoding="unicode")
    return Said(words_of(_shown(page)), headings)


def _shown(body: str) -> str:
    """What w3m shows of HTML."""
    page = f"<html><head><meta charset=utf-8></head><body>{_PICTURE.sub('', body)}</body></html>"
    options = ("-T", "text/html", "-I", "UTF-8", "-O", "UTF-8", "-dump", "-cols", 5000)
    return _run("w3m", *options, data=page.encode())


def _of_pdf(document: Path) -> Said:
    """What pdftotext shows, without the running heads, and the titles of the outline by pdftohtml."""
    pages = [
        [line for line in page.split("\n") if line.strip()] for page in _run("pdftotext", document, "-").split("\f")
    ]
    edges = Counter(line for page in pages for line in {_DIGITS.sub("", line) for line in (*page[:2], *page[-2:])})
    kept = [
        line for page in pages for number, line in enumerate(page)
        if 2 <= number < len(page) - 2 or edges[_DIGITS.sub("", line)] < _REPEATED
    ]  # fmt: skip
    xml = _run("pdftohtml", "-xml", "-i", "-stdout", "-l", 1, document)
    titles = re.sub(r"<[^>]*>", "", "\n".join(_OUTLINE.findall(xml))).split("\n")
    text = "\n".join(kept)
    shown = letters_of(text)
    headings = [lxml.html.fromstring(f"<p>{title}</p>").text_content() for title in titles if title.strip()]
    return Said(words_of(text), [title for title in headings if letters_of(title) and letters_of(title) in shown])


def _by_pandoc(document: Path, pandoc: Path, seen_as_page: bool) -> Said:
    """What pandoc makes of a document; of Markdown, what w3m shows of its page, so that HTML in it counts."""
    form = "docx" if document.suffix == ".docx" else "gfm+yaml_metadata_block"
    tree = json.loads(_run(pandoc, "--quiet", "-f", form, "-t", "json", document))
    data = json.dumps(tree).encode()
    if seen_as_page:
        text = _shown(_run(pandoc, "--quiet", "-f", "json", "-t", "html", "--mathml", "--wrap=none", data=data))
    else:
        text = _run(pandoc, "--quiet", "-f", "json", "-t", "plain", "--wrap=none", data=data)
    return Said(words_of(text), list(_headings(tree["blocks"])))


def _headings(node: Any) -> Iterator[str]:
    """The headings of a tree of pandoc's."""
    if isinstance(node, list):
        for inner in node:
            yield from _headings(inner)
    elif isinstance(node, dict):
        if node.get("t") == "Header":
            yield "".join(_inline(node["c"][2]))
        elif "c" in node:
            yield from _headings(node["c"])


def _inline(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for inner in node:
            yield from _inline(inner)
    elif isinstance(node, dict):
        name, content = node.get("t"), node.get("c")
        if name == "Str":
            yield content
        elif name in ("Code", "Math", "RawInline"):
            yield content[1] if name != "RawInline" else ""
        elif name in ("Space", "SoftBreak", "LineBreak"):
            yield " "
        elif name in ("Link", "Image", "Span") or name == "Quoted":
            yield from _inline(content[1])
        elif name != "Note":
            yield from _inline(content)
