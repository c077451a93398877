"""What another tool makes of documents, for `recall`; runs in that tool's environment, and imports nothing of ours.

    python recall_peer.py TOOL < paths > lines

A line of JSON for each path: its text, and its headings.
"""

import json
import re
import sys
import warnings
from collections.abc import Callable, Iterator

_HEADING = re.compile(r"^#{1,6} +(.+?)#* *$", re.MULTILINE)


def markitdown() -> Callable[[str], tuple[str, list[str]]]:
    from markitdown import MarkItDown

    converter = MarkItDown()

    def read(path: str) -> tuple[str, list[str]]:
        text = converter.convert(path).markdown
        return text, _HEADING.findall(text)

    return read


def unstructured() -> Callable[[str], tuple[str, list[str]]]:
    from unstructured.partition.auto import partition

    def read(path: str) -> tuple[str, list[str]]:
        elements = partition(filename=path, strategy="fast")
        return "\n\n".join(e.text for e in elements), [e.text for e in elements if e.category == "Title"]

    return read


def pypdf() -> Callable[[str], tuple[str, list[str]]]:
    from pypdf import PdfReader

    def read(path: str) -> tuple[str, list[str]]:
        return "\n\n".join(page.extract_text() for page in PdfReader(path).pages), []

    return read


TOOLS = {"markitdown": markitdown, "unstructured": unstructured, "pypdf": pypdf}


def lines(tool: str, paths: list[str]) -> Iterator[str]:
    read = TOOLS[tool]()
    for path in paths:
        try:
            text, headings = read(path)
        except Exception as error:  # whatever it raises, it read nothing
            print(f"{tool}: {path}: {type(error).__name__}: {error}"[:300], file=sys.stderr)
            text, headings = "", []
        yield json.dumps({"text": text, "headings": headings})


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    out = sys.stdout
    sys.stdout = sys.stderr  # what they print
    for line in lines(sys.argv[1], sys.stdin.read().split("\n")):
        print(line, file=out, flush=True)
