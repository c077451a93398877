"""Cuts through what belongs together in real manuals: of the things that would fit into a chunk, how many are cut.

    python -m tests.benchmarks.cuts FOLDER [SIZE...]

FOLDER keeps the packages, fetched from Debian where they are missing (see tests.benchmarks.manuals). What belongs
together is told by rules that are not the chunker's: indented or fenced lines. A block of code is cut by any boundary
in it; a directive, a term and a heading by one between them and the first paragraph that follows. Those are counted
that fit, with that paragraph, into a chunk. Beside it stands how many are cut anywhere that would fit as a whole: a
directive with all that is indented below it, a term with its whole definition, a section with its text.
"""

import re
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tasks.chunk.split import split
from tasks.chunk.tokens import count_tokens, load_counter
from tasks.config.settings import Chunking
from tasks.models.find import find_model
from tests.benchmarks.known_items import MODEL, SIZES
from tests.benchmarks.manuals import Document, documents_of, folder_of

MANUALS = [
    ("Python's library", "python3.11-doc", "library/[a-d]*.rst.txt"),
    ("Debian policy", "debian-policy", "*.rst.txt"),
    ("Debian developers' reference", "developers-reference", "*.rst.txt"),
    ("Git", "git-doc", "git-[c-m]*.html"),
    ("PostgreSQL", "postgresql-doc-15", "[l-r]*.html"),
]
CODE, DIRECTIVE, TERM, HEADING = KINDS = ("code block", "directive", "term", "heading")
_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>```+)[^\n]*\n(?:.*\n)*?(?P=indent)(?P=fence)$", re.MULTILINE)
_MARKDOWN_TERM = re.compile(r"^[^\s:#|>*-].*\n\n?: ", re.MULTILINE)
_MARKDOWN_HEADING = re.compile(r"^(#{1,6}) .+$", re.MULTILINE)
_RST_HEADING = re.compile(r"^\S.*\n([=\-~^*#'\"+])\1{2,}$", re.MULTILINE)
_RST_DIRECTIVE = re.compile(r"\.\. [\w:-]+::")
_RST_CODE = re.compile(r"\.\. (?:code|code-block|sourcecode|highlight)::|(?!\.\. ).*::$")


class Together(NamedTuple):
    """What belongs together: a kind, where it starts, where its text starts, where its first paragraph ends, and it."""

    kind: str
    start: int
    body: int
    paragraph: int
    end: int


def together(document: Document) -> Iterator[Together]:
    """What belongs together in a document."""
    return _in_markdown(document.text) if document.kind == "markdown" else _in_rst(document.text)


def _in_markdown(text: str) -> Iterator[Together]:
    fences = [match.span() for match in _FENCE.finditer(text)]
    for start, end in fences:
        yield Together(CODE, start, start + 1, end, end)
    for match in _MARKDOWN_TERM.finditer(text):
        if not _within(match.start(), fences):
            end = _paragraph_end(text, match.end())
            yield Together(TERM, match.start(), match.end() - 2, end, end)
    heads = [
        (m.start(), m.end(), len(m[1])) for m in _MARKDOWN_HEADING.finditer(text) if not _within(m.start(), fences)
    ]
    yield from _sections(text, heads)


def _in_rst(text: str) -> Iterator[Together]:
    lines = [(m.start(), len(m[0]) - len(m[0].lstrip()), m[0].strip()) for m in re.finditer(r".*\n?", text) if m[0]]
    code: list[tuple[int, int]] = []
    for i, (start, indent, line) in enumerate(lines):
        if not line or _within(start, code):
            continue
        after = next((j for j in range(i + 1, len(lines)) if lines[j][2] and lines[j][1] <= indent), len(lines))
        inner = [j for j in range(i + 1, after) if lines[j][2]]
        if not inner:
            continue
        end = lines[inner[-1]][0] + lines[inner[-1]][1] + len(lines[inner[-1]][2])
        blank = next((j for j in range(i + 1, after) if not lines[j][2]), None)
        if _RST_CODE.match(line) and blank is not None and inner[-1] > blank:
            body = lines[next(j for j in inner if j > blank)][0]
            code.append((body, end))
            yield Together(CODE, body, body + 1, end, end)
        elif _RST_DIRECTIVE.match(line):
            if blank is not None and inner[-1] > blank:
                body = lines[next(j for j in inner if j > blank)][0]
                yield Together(DIRECTIVE, start, body, _paragraph_end(text, body), end)
        elif inner[0] == i + 1 and not re.match(r"[-*+:|>]|#\.|\d+\.|\.\. ", line) and (not i or not lines[i - 1][2]):
            yield Together(TERM, start, lines[i + 1][0], _paragraph_end(text, lines[i + 1][0]), end)
    styles: list[str] = []
    heads = []
    for match in _RST_HEADING.finditer(text):
        if not _within(match.start(), code):
            styles += [match[1]] if match[1] not in styles else []
            heads.append((match.start(), match.end(), styles.index(match[1])))
    yield from _sections(text, heads)


def _sections(text: str, heads: list[tuple[int, int, int]]) -> Iterator[Together]:
    for i, (start, end, depth) in enumerate(heads):
        last = next((begin for begin, _, other in heads[i + 1 :] if other <= depth), len(text))
        body = re.compile(r"\s*").match(text, end)
        if body and body.end() < last:
            yield Together(HEADING, start, body.end(), _paragraph_end(text, body.end()), last)


def _paragraph_end(text: str, start: int) -> int:
    found = re.compile(r"\n[^\S\n]*\n").search(text, start)
    return found.start() if found else len(text)


def _within(place: int, spans: list[tuple[int, int]]) -> bool:
    at = bisect_right(spans, (place, sys.maxsize)) - 1
    return at >= 0 and place < spans[at][1]


def counted(documents: list[Document], size: int) -> tuple[Counter[tuple[str, bool]], Counter[tuple[str, bool]]]:
    """By kind and whether as a whole: how many would fit into a chunk of so many tokens, and how many of them are
    cut."""
    would_fit, cut = Counter[tuple[str, bool]](), Counter[tuple[str, bool]]()
    counter = load_counter(str(find_model(MODEL)))
    for document, tokens in zip(documents, count_tokens([d.text for d in documents], counter), strict=True):
        starts = [c.start for c in split(document.text, document.kind, Chunking(size=size), tokens)]
        for kind, start, body, paragraph, end in together(document):
            for whole, last, until in ((False, end if kind == CODE else body, paragraph), (True, end - 1, end)):
                if tokens.count(start, until) <= size:
                    would_fit[kind, whole] += 1
                    cut[kind, whole] += bisect_right(starts, start) < bisect_right(starts, last)
    return would_fit, cut


def main() -> None:
    """Print a Markdown table."""
    place, sizes = Path(sys.argv[1]), [int(size) for size in sys.argv[2:]] or list(SIZES)
    print("| manual | tokens |", " | ".join(KINDS), "|", " | ".join(f"whole {kind}" for kind in KINDS[1:]), "|")
    print("|---|---|" + "---|" * 7)
    every: dict[int, tuple[Counter[tuple[str, bool]], Counter[tuple[str, bool]]]] = {}
    for name, package, pattern in MANUALS:
        documents = list(documents_of(folder_of(package, place), pattern))
        for size in sizes:
            would_fit, cut = counted(documents, size)
            total = every.setdefault(size, (Counter(), Counter()))
            total[0].update(would_fit)
            total[1].update(cut)
            _print(name, size, would_fit, cut)
    for size, total in every.items():
        _print("all", size, *total)


def _print(name: str, size: int, would_fit: Counter[tuple[str, bool]], cut: Counter[tuple[str, bool]]) -> None:
    cells = [
        f"{cut[key] / would_fit[key]:.1%} of {would_fit[key]:,}" if would_fit[key] else ""
        for key in [*((kind, False) for kind in KINDS), *((kind, True) for kind in KINDS[1:])]
    ]
    print(f"| {name} | {size} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
