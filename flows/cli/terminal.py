"""The terminal: text of others made harmless, JSON, rows of names and values, errors."""

import json
import re
import sys
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tasks.errors import EmbedlakeError
from tasks.secrets import redact

out = Console(highlight=False, emoji=False)
err = Console(stderr=True, highlight=False, emoji=False)

# What steers a terminal, turns the direction of a text, or is half a character. Control characters below a space have
# pictures of their own.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
PICTURES = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}


def shown(text: str) -> str:
    """Text of others as it may go to a terminal: nothing in it is obeyed, neither by the terminal nor as markup."""
    return escape(harmless(text))


def harmless(text: str) -> str:
    """Text of others that steers no terminal; what it has of markup stays."""
    return _STEERING.sub(lambda match: PICTURES.get(ord(match[0]), "\ufffd"), text)


def size_told(size: int) -> str:
    """Bytes, for a person."""
    if size >= 1e9:
        return f"{size / 1e9:,.1f} GB"
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"


def print_json(value: Any) -> None:
    """One JSON value on standard output."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    sys.stdout.write(_STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n")


def print_json_line(value: Any) -> None:
    """One JSON value on a line of standard output."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    sys.stdout.write(_STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n")


def print_rows(rows: list[tuple[str, str]]) -> None:
    """Names and values in two columns."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(shown(name), shown(value))
    out.print(table)


def error_value(error: EmbedlakeError) -> dict[str, Any]:
    """What failed and what to do next, as JSON has it; secrets hidden."""
    told = {"kind": type(error).__name__, "message": redact(error.message), "hint": redact(error.hint)}
    return {"error": told}


def print_error(error: EmbedlakeError, as_json: bool) -> None:
    """What failed and what to do next; secrets hidden."""
    if as_json:
        print_json(error_value(error))
        return
    message, hint = redact(error.message), redact(error.hint)
    err.print(f"[bold red]error:[/] {shown(message)}", soft_wrap=True)
    if hint:
        err.print(f"[bold]next:[/] {shown(hint)}", soft_wrap=True)
