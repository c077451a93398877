"""Write what the demo embeds: the documentation of Python's standard library, and the sources of some of its modules.

    python infra/stdlib_docs.py build [MODULE...]

`stdlib.jsonl` has a record for each public module, class and function: its name, how it is called, its docstring. The
folder `stdlib` has copies of the sources. With names of modules, only those are written.
"""

import contextlib
import importlib
import inspect
import io
import json
import os
import re
import sys
import sysconfig
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

SOURCES = ("contextlib", "difflib", "functools", "heapq", "sched", "tempfile", "weakref")
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
    call = call.replace(repr(os.environ), "os.environ")  # a default of the module cgi
    call = re.sub(r" at 0x[0-9a-f]+", "", call)[:200]  # an address differs from run to run
    return {"id": name, "title": call, "text": text, "module": module}


def records(modules: Iterable[str]) -> Iterator[dict[str, str]]:
    """Every record of modules, in the order of the names."""
    for name in sorted(modules):
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


def write(target: Path, text: str) -> None:
    """Write a file, unless it holds just that: what is not touched is not read again."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists() or target.read_text("utf-8") != text:
        target.write_text(text, encoding="utf-8")


def main() -> None:
    """Write the records and the sources below the folder that the command line names."""
    folder, chosen = Path(sys.argv[1]), set(sys.argv[2:])
    modules = {name for name in sys.stdlib_module_names - LEFT_OUT if not name.startswith("_")}
    modules = modules & chosen if chosen else modules
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        text = "".join(json.dumps(record) + "\n" for record in records(modules))
    write(folder / "stdlib.jsonl", text)
    for name in modules.intersection(SOURCES):
        source = Path(sysconfig.get_path("stdlib")) / f"{name}.py"
        write(folder / "stdlib" / source.name, source.read_text("utf-8"))


if __name__ == "__main__":
    main()
