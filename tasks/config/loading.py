"""Reading a corpus file: YAML with line numbers, `${ENV}` values, errors that say what to change."""

import difflib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tasks.config.settings import Corpus
from tasks.errors import ConfigurationError
from tasks.secrets import hide

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def load_corpus(path: str | Path) -> Corpus:
    """The corpus that a YAML file describes.

    Relative paths in it are relative to the file. `${NAME}` is replaced by that environment variable,
    `${NAME:-default}` by the default where it is unset; such values are hidden in every message.

    Raises:
        ConfigurationError: naming the file, the line and key, what was expected and what came.
    """
    file = Path(path)
    document = _parse(file)
    resolved = _resolve(document, file, [], document)
    try:
        corpus = Corpus.model_validate(resolved)
    except ValidationError as error:
        lines = [_explain(problem, document) for problem in error.errors(include_url=False)]
        raise ConfigurationError(
            "\n".join(f"{file}{line}" for line in lines), "What may stand there: embedlake schema"
        ) from None
    return _anchored(corpus, file.resolve().parent)


def schema() -> str:
    """The JSON Schema of a corpus file, for editors that complete and check it."""
    return json.dumps(Corpus.model_json_schema(), indent=2) + "\n"


def secret_from(variable: str) -> str | None:
    """The key in an environment variable, hidden in every message from now on; None where it is unset or empty.

    Raises:
        ConfigurationError: it has characters that no key has.
    """
    return keep_secret(os.environ.get(variable, ""), f"the environment variable {variable}")


def keep_secret(value: str, where: str) -> str | None:
    """A key from somewhere, hidden in every message from now on; None where it is empty.

    Raises:
        ConfigurationError: it has characters that no key has.
    """
    value = value.strip()
    if not (value.isascii() and value.isprintable()):
        raise ConfigurationError(f"{where} holds no key: it has other than ASCII characters")
    hide(value)
    return value or None


def _parse(file: Path) -> Any:
    try:
        document = YAML(typ="rt").load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        near = difflib.get_close_matches(file.name, [p.name for p in file.parent.glob("*.y*ml")] or [""], n=1)
        hint = f"Did you mean {file.parent / near[0]}?" if near and near[0] else "Write one with: embedlake init FOLDER"
        raise ConfigurationError(f"{file}: there is no such file", hint) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read as UTF-8 text: {error}") from None
    except MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigurationError(
            f"{file}{line}: not valid YAML: {error.problem}", "Check indentation and quotes."
        ) from None
    except YAMLError as error:
        raise ConfigurationError(f"{file}: not valid YAML: {error}") from None
    if not isinstance(document, dict):
        came = "an empty file" if document is None else type(document).__name__
        raise ConfigurationError(f"{file}: expected keys such as name, sources and models; came {came}")
    return document


def _resolve(value: Any, file: Path, path: list[Any], document: Any) -> Any:
    """Plain dicts and lists, with `${NAME}` replaced."""
    if isinstance(value, dict):
        return {str(name): _resolve(item, file, [*path, name], document) for name, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, file, [*path, i], document) for i, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        name, default = match.groups()
        found = os.environ.get(name, default)
        if found is None:
            raise ConfigurationError(
                f"{file}:{_line_of(document, path)}: {_key(path)}: the environment variable {name} is not set",
                f"Set it (export {name}=…), or give a default: ${{{name}:-value}}",
            )
        if found != default:
            hide(found)
        return found

    return _VARIABLE.sub(replace, str(value))


def _explain(problem: Any, document: Any) -> str:
    path = [part for part in problem["loc"] if isinstance(part, int) or not str(part).startswith("function-")]
    line = _line_of(document, path)
    place = f":{line}: {_key(path)}" if path else f":{line}"
    if problem["type"] == "extra_forbidden":
        known = _keys_at(path[:-1])
        near = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.5)
        advice = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known)}"
        return f"{place}: unknown key; {advice}"
    message = problem["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    message = message.replace("Field required", "this key is required")
    came = _value_at(document, path)
    if problem["type"] in ("missing", "value_error") or isinstance(came, dict | list):
        return f"{place}: {message}"
    return f"{place}: {message}; came {came!r}"


def _key(path: Iterable[Any]) -> str:
    """A place in the file, such as sources[0].uri."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _value_at(document: Any, path: Iterable[Any]) -> Any:
    """What the file says there, with `${NAME}` left as written."""
    for part in path:
        try:
            document = document[part]
        except (KeyError, IndexError, TypeError):
            break
    return document


def _line_of(document: Any, path: list[Any]) -> int:
    line = 1
    for part in path:
        try:
            line = document.lc.data[part][0] + 1
            document = document[part]
        except (KeyError, IndexError, TypeError, AttributeError):
            break
    return line


def _keys_at(path: Iterable[Any]) -> list[str]:
    """The keys that may stand at a place of a corpus file."""
    current: Any = Corpus
    for part in path:
        if isinstance(part, int):
            current = next(iter(get_args(current)), None)
        elif isinstance(current, type) and issubclass(current, BaseModel):
            current = current.model_fields[part].annotation
        if get_origin(current) in (Union, UnionType):
            current = next((a for a in get_args(current) if isinstance(a, type) and issubclass(a, BaseModel)), None)
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def _anchored(corpus: Corpus, folder: Path) -> Corpus:
    """The corpus with relative paths made absolute."""

    def anchor(uri: str) -> str:
        return uri if "://" in uri or "::" in uri else str((folder / Path(uri).expanduser()).absolute())

    def normal(uri: str) -> str:
        return os.path.normpath(uri) if "://" not in uri and "::" not in uri else uri

    def model(reference: str) -> str:
        return normal(anchor(reference)) if reference.startswith((".", "/", "~")) else reference

    data = corpus.model_dump(exclude_unset=True)
    data.setdefault("lake", {})["uri"] = normal(anchor(corpus.lake.uri))
    for source in data["sources"]:
        source["uri"] = normal(anchor(source["uri"]))
    for entry in data["models"]:
        entry["model"] = model(entry["model"])
    if corpus.search.rerank:
        data["search"]["rerank"]["model"] = model(corpus.search.rerank.model)
    if corpus.chunking.tokenizer:
        data["chunking"]["tokenizer"] = model(corpus.chunking.tokenizer)
    if corpus.extraction.transcribe:
        data["extraction"]["transcribe"]["model"] = model(corpus.extraction.transcribe.model)
    if corpus.evaluations:
        files = corpus.evaluations.model_dump(include={"queries", "qrels"}, exclude_none=True)
        data["evaluations"] |= {name: normal(anchor(file)) for name, file in files.items()}
    return Corpus.model_validate(data)
