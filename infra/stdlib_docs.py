"""Write the documentation of Python's standard library, as it lies in every Python, as JSON Lines.

    python infra/stdlib_docs.py build/stdlib.jsonl

A record for each public module, class and function: its name, how it is called, its docstring.
"""

import contextlib
import importlib
import inspect
import io
import json
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LEFT_OUT = {"antigravity", "this", "idlelib", "lib2to3", "tkinter", "turtle", "turtledemo", "test"}


def describe(name: str, thing: Any, module: str) -> dict[str, str] | None:
    """The record of a public name, or None where it says nothing."""
    text = inspect.getdoc(thing)
    if not text or len(text) < 20:
        return None
    try:
        call = f"{name}{inspect.signature(thing)}" if callable(thing) else name
    except (ValueError, TypeError):
        call = name
    call = re.sub(r" at 0x[0-9a-f]+", "", call)[:200]  # an address differs from run to run
    return {"id": name, "title": call, "text": text, "module": module}


def records() -> Iterator[dict[str, str]]:
    """Every record, in the order of the names."""
    for name in sorted(sys.stdlib_module_names - LEFT_OUT):
        if name.startswith("_"):
            continue
        try:
            module = importlib.import_module(name)
        except Exception:  # modules of other systems
            continue
        things = [(name, module)] + [
            (f"{name}.{attribute}", thing)
            for attribute, thing in sorted(vars(module).items())
            if not attribute.startswith("_")
            and (inspect.isclass(thing) or inspect.isroutine(thing))
            and getattr(thing, "__module__", name) in (name, f"_{name}", None, "builtins")
        ]
        for full, thing in things:
            record = describe(full, thing, name)
            if record:
                yield record


def main() -> None:
    """Write all records to the file that the command line names, unless it holds them already."""
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        text = "".join(json.dumps(record) + "\n" for record in records())
    if not target.exists() or target.read_text("utf-8") != text:
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
