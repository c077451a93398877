"""Jupyter notebooks into Markdown: their texts, their code, and what it printed."""

import json
import re

from tasks.errors import BrokenDocument, EmptyDocument
from tasks.extract.blocks import Blocks, Converted

_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PICTURE = re.compile(r"!\[([^\]]*)\]\((?:data:|attachment:)[^)]*\)|<img\b[^>]*\bsrc=[\"']data:[^>]*>")
_OBJECT = re.compile(r"<(?:Figure|[\w.]+ at 0x[0-9a-f]+|IPython\.[\w.]+)[^>]*>")


def read_notebook(text: str) -> Converted:
    """Cells in their order; of outputs, printed text and results, without pictures and other media.

    Args:
        text: JSON in the notebook format, version 3 or 4.

    Raises:
        BrokenDocument: it is none.
        EmptyDocument: its cells are empty.
    """
    try:
        book = json.loads(text)
        cells = book.get("cells")
        if cells is None:
            cells = [cell for sheet in book["worksheets"] for cell in sheet["cells"]]
        facts = book.get("metadata") or {}
        language = (facts.get("language_info") or facts.get("kernelspec") or {}).get("name") or "python"
        blocks = Blocks()
        for cell in cells:
            _add(blocks, cell, "python" if language.startswith("python") else str(language))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BrokenDocument(
            f"not a readable notebook: {type(error).__name__}: {error}"[:300], "Is it complete? Store it again."
        ) from None
    if blocks.is_empty:
        raise EmptyDocument("the notebook's cells are empty")
    title = facts.get("title")
    return blocks.converted(title if isinstance(title, str) else None)


def _add(blocks: Blocks, cell: dict[str, object], language: str) -> None:
    kind, source = cell["cell_type"], _joined(cell.get("source", cell.get("input", "")))
    if kind == "markdown":
        blocks.markdown(_PICTURE.sub(r"\1", source))
    elif kind == "heading":
        level = cell.get("level")
        blocks.heading(level if isinstance(level, int) else 1, source)
    elif kind == "code":
        blocks.code(source, language)
        for output in cell.get("outputs") or ():  # type: ignore[attr-defined]
            blocks.code(_output(output))
    else:
        blocks.paragraph(source)


def _output(output: dict[str, object]) -> str:
    """What an output says in plain text."""
    if output.get("output_type") in ("error", "pyerr"):
        return f"{output.get('ename')}: {_ESCAPES.sub('', str(output.get('evalue')))}"
    data = output.get("data")
    text = _joined(output.get("text") or (data.get("text/plain") if isinstance(data, dict) else "") or "")
    text = _ESCAPES.sub("", text)
    return "" if _OBJECT.fullmatch(text.strip()) else text


def _joined(source: object) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source)
