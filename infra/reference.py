"""Write what the documentation takes from the code: the keys of a corpus file, the commands and their options.

    python -m infra.reference

It replaces what stands between two markers, `BEGIN` and `END`, in configs/README.md and flows/cli/README.md, and writes
configs/corpus.schema.json.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from flows.cli.main import app
from tasks.config.loading import schema
from tasks.config.settings import Corpus

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- reference: `make docs` writes it -->", "<!-- end of reference -->"
_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
_NAMES = {"object": "keys and values", "array": "list"}


def documents() -> dict[Path, str]:
    """Every file that is written from the code, and what it has to hold."""
    parts = {"configs/README.md": corpus_reference(), "flows/cli/README.md": command_reference()}
    written = {ROOT / name: with_reference((ROOT / name).read_text("utf-8"), part) for name, part in parts.items()}
    return written | {ROOT / "configs/corpus.schema.json": schema()}


def with_reference(text: str, part: str) -> str:
    """A document with the part between its markers replaced."""
    before, marker, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (marker and end):
        raise ValueError(f"expected the markers {BEGIN} and {END}, in this order")
    return f"{before}{BEGIN}\n\n{part.strip()}\n\n{END}{after}"


def corpus_reference() -> str:
    """The keys of a corpus file: a section for each group of them."""
    full = Corpus.model_json_schema()
    full["$defs"] = {name: _long_form(part) for name, part in full["$defs"].items()}
    groups = {name: (path, full["$defs"][name]) for name, path in _paths(full)}
    sections = [_group("The corpus itself", full, groups)]
    sections += [_group(f"`{path}`", part, groups) for path, part in groups.values()]
    return "\n\n".join(sections)


def command_reference() -> str:
    """The commands: a section for each, with its arguments and options."""
    group: Any = get_command(app)
    return "\n\n".join(_command(["embedlake", *path], command) for path, command in commands(group))


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and the words that name it after `embedlake`; first that one itself."""
    if not path:
        yield path, group
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def _paths(full: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The groups of keys below the corpus and where they stand, such as ("Fields", "sources[].fields")."""

    def below(part: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
        for key, value in part["properties"].items():
            name, many = _refers(value)
            if name:
                place = f"{path}{key}{'[]' if many else ''}"
                yield name, place
                yield from below(full["$defs"][name], f"{place}.")

    return below(full, "")


def _long_form(part: dict[str, Any]) -> dict[str, Any]:
    """A group of keys, also where one text may stand for it."""
    if "anyOf" not in part:
        return part
    long: dict[str, Any] = part["anyOf"][-1]
    return long | {"short": True}


def _refers(value: dict[str, Any]) -> tuple[str | None, bool]:
    """The group of keys that a value is, or None; and whether it is a list of them."""
    if "items" in value:
        return _refers(value["items"])[0], True
    for choice in [value, *value.get("anyOf", []), *value.get("allOf", [])]:
        if "$ref" in choice:
            return str(choice["$ref"]).rpartition("/")[2], False
    return None, False


def _group(title: str, part: dict[str, Any], groups: dict[str, tuple[str, Any]]) -> str:
    rows = [["key", "type", "default", "what it says"]]
    for key, value in part["properties"].items():
        name, many = _refers(value)
        path, below = groups.get(name or "", ("", {}))
        short = ("list, each text or " if many else "text or ") if below.get("short") else ""
        kind = f"{short}[{path}](#{_anchor(path)})" if path else _kind(value)
        default = "required" if key in part.get("required", []) else _default(value)
        rows.append([f"`{key}`", kind, default, value.get("description", below.get("description", ""))])
    return f"### {title}\n\n{part.get('description', '')}\n\n{_table(rows)}"


def _anchor(title: str) -> str:
    """What a heading is called in a link: lower case, without punctuation."""
    return re.sub(r"[^a-z0-9_ -]", "", title.lower()).replace(" ", "-")


def _kind(value: dict[str, Any]) -> str:
    """A type in words, with its limits."""
    if "anyOf" in value:
        return " or ".join(_kind(choice) for choice in value["anyOf"] if choice.get("type") != "null")
    if "enum" in value or "const" in value:
        return ", ".join(f"`{choice}`" for choice in value.get("enum", [value.get("const")]))
    if value.get("type") == "array":
        return f"list of {_kind(value['items'])}"
    if value.get("type") == "object" and isinstance(value.get("additionalProperties"), dict):
        return f"{_NAMES['object']}: {_kind(value['additionalProperties'])}"
    if "maxLength" in value:
        return f"name: letters, digits, `_`, `-`; at most {value['maxLength']}"
    words = _TYPES.get(value.get("type", ""), _NAMES.get(value.get("type", ""), "anything"))
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {value[limit]:,}" for limit, sign in signs.items() if limit in value]
    return f"{words} {', '.join(limits)}".strip()


def _default(value: dict[str, Any]) -> str:
    default = value.get("default")
    if default in (None, ""):
        return "–"
    if isinstance(default, list | dict):
        return f"`{json.dumps(default)}`"
    return f"`{str(default).lower()}`" if isinstance(default, bool) else f"`{default}`"


def _command(words: list[str], command: Any) -> str:
    arguments = [param for param in command.params if not _is_option(param)]
    options = [param for param in command.params if _is_option(param)]
    required = [f"{param.opts[0]} {param.name.upper()}" for param in options if param.required]
    usage = [*words, "[OPTIONS]", *required, *(_argument(param) for param in arguments)]
    if len(words) == 1:
        usage += ["COMMAND", "..."]
    text = re.sub(r"^Example: (.*)$", r"Example: `\1`", (command.help or "").strip(), flags=re.MULTILINE)
    parts = [f"### {' '.join(words)}", f"```\n{' '.join(usage)}\n```", text]
    if arguments:
        parts.append(_table([["argument", "what it says"], *([f"`{_argument(p)}`", _help(p)] for p in arguments)]))
    options_rows = [[_option(param), _value(param), _help(param)] for param in options]
    options_rows.append(["`--help`", "", "Show this message and exit."])
    parts.append(_table([["option", "value", "what it does"], *options_rows]))
    return "\n\n".join(part for part in parts if part)


def _is_option(param: Any) -> bool:
    return all(name.startswith("-") for name in param.opts)


def _argument(param: Any) -> str:
    return str(param.metavar or param.name.upper())


def _option(param: Any) -> str:
    names = ", ".join(f"`{name}`" for name in param.opts)
    return names + "".join(f" / `{name}`" for name in param.secondary_opts)


def _value(param: Any) -> str:
    """What an option takes, and its limits and default; nothing for one that is just given or not."""
    if param.is_flag:
        return ""
    described = param.type_descriptor
    about = getattr(described, "parameter_info", None)
    annotation = getattr(described, "annotation", str)
    words = param.metavar or {int: "NUMBER", float: "NUMBER"}.get(annotation, param.name.upper())
    low, high = getattr(about, "min", None), getattr(about, "max", None)
    limits = [f"{sign} {limit:,}" for sign, limit in (("≥", low), ("≤", high)) if limit is not None]
    again = ["may be given again"] if getattr(param, "multiple", False) else []
    required = ["required"] if param.required else []
    default = [f"default `{param.default}`"] if isinstance(param.default, int | float | str) else []
    return ", ".join([f"`{words}`", *limits, *again, *required, *default])


def _help(param: Any) -> str:
    return str(param.help or "")


def _table(rows: list[list[str]]) -> str:
    """A Markdown table; its first row is the head."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def main() -> None:
    """Write every file whose content differs."""
    for path, text in documents().items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
