"""Queries and judgments in files: BEIR's form (queries.jsonl, qrels/*.tsv), TREC's (topics a line, qrels of four
columns), and lists of ids.

Whatever stands in a line that cannot be read, the error names the file and the line.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.errors import ConfigurationError
from tasks.hashing import hash_fields

_IDS = ("_id", "query_id", "qid", "query-id", "id", "num")
_TEXTS = ("text", "query", "question", "title")
_HEADS = {"query-id", "query_id", "qid", "query", "topic", "_id", "id"}
_QRELS_HINT = (
    "A line is query id, document id and grade, with tabs between them, or TREC's four columns: query id, 0,"
    " document id, grade."
)
_QUERIES_HINT = 'Give JSON Lines such as {"_id": "1", "text": "a question"}, or lines of id, tab, text.'


@dataclass(frozen=True, slots=True)
class Judged:
    """Queries with what answers them.

    Attributes:
        queries: their texts, by id.
        grades: of documents as the file names them, by query id; 0 is not relevant.
    """

    queries: dict[str, str]
    grades: dict[str, dict[str, int]]

    def hash(self) -> str:
        """What tells these queries and judgments from others: 32 hexadecimal digits."""
        return hash_fields(sorted(self.queries.items()), sorted((q, sorted(g.items())) for q, g in self.grades.items()))

    def only(self, queries: Iterator[str] | list[str]) -> "Judged":
        """Some of the queries, with their judgments."""
        kept = list(queries)
        return Judged({q: self.queries[q] for q in kept}, {q: self.grades[q] for q in kept if q in self.grades})


def read_queries(file: Path) -> dict[str, str]:
    """The queries of a file: their texts, by id.

    Raises:
        ConfigurationError: the file is not there, or is not in a form that is known.
    """
    text = text_of(file, "queries")
    found = _from_json(file, text) if file.suffix.lower() == ".json" else list(_from_lines(file, text))
    queries: dict[str, str] = {}
    for place, identity, query in found:
        if not query.strip():
            raise _wrong(file, place, f"query {identity!r} has no text", _QUERIES_HINT)
        if queries.setdefault(identity, query) != query:
            raise _wrong(file, place, f"query {identity!r} stands there twice, with different texts", "Rename one.")
    if not queries:
        raise ConfigurationError(f"{file} holds no queries", _QUERIES_HINT)
    return queries


def read_qrels(file: Path) -> dict[str, dict[str, int]]:
    """The judgments of a file: grades by query id and document id. Of one that stands there twice, the last counts.

    Raises:
        ConfigurationError: the file is not there, or is not in a form that is known.
    """
    grades: dict[str, dict[str, int]] = {}
    for place, fields in _rows(file, "judgments"):
        if len(fields) not in (3, 4):
            raise _wrong(file, place, f"expected 3 or 4 columns, found {len(fields)}", _QRELS_HINT)
        try:
            grade = float(fields[-1])
        except ValueError:
            if not grades and fields[0].lower() in _HEADS:
                continue
            raise _wrong(file, place, f"expected a grade, found {fields[-1]!r}", _QRELS_HINT) from None
        if not grade.is_integer():
            raise _wrong(
                file,
                place,
                f"the grade {fields[-1]!r} is not a whole number",
                "Write 0, 1, 2 and so on; 0 is not relevant.",
            )
        grades.setdefault(fields[0], {})[fields[-2]] = max(int(grade), 0)  # below 0: TREC's spam and junk
    if not grades:
        raise ConfigurationError(f"{file} holds no judgments", _QRELS_HINT)
    return grades


def read_documents(file: Path) -> set[str]:
    """Ids of documents: a line each, or those that judgments call relevant.

    Raises:
        ConfigurationError: the file is not there, or names no document.
    """
    found: set[str] = set()
    for place, fields in _rows(file, "document ids"):
        if len(fields) in (3, 4) and re.fullmatch(r"[+-]?[0-9]+", fields[-1]):
            found |= {fields[-2]} if int(fields[-1]) > 0 else set()
        elif len(fields) == 1:
            found.add(fields[0])
        elif fields[0].lower() not in _HEADS:
            raise _wrong(file, place, f"expected an id or a judgment, found {len(fields)} columns", _QRELS_HINT)
    if not found:
        raise ConfigurationError(f"{file} names no document", "Give an id in each line, or the training set's qrels.")
    return found


def read_ids(file: Path) -> set[str]:
    """Ids of queries, a line each.

    Raises:
        ConfigurationError: the file is not there, or empty.
    """
    found = {line.strip() for line in text_of(file, "query ids").splitlines()} - {""}
    if not found:
        raise ConfigurationError(f"{file} names no query", "Give a query id in each line.")
    return found


def _rows(file: Path, what: str) -> Iterator[tuple[int, list[str]]]:
    """Lines in columns: between tabs, where there are any, else between spaces."""
    for place, line in enumerate(text_of(file, what).splitlines(), 1):
        if line.strip():
            fields = line.split("\t") if "\t" in line else line.split()
            yield place, [field.strip() for field in fields]


def _from_lines(file: Path, text: str) -> Iterator[tuple[int, str, str]]:
    """JSON Lines, or lines of id, tab, text."""
    for place, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if line.lstrip().startswith("{"):
            try:
                yield (place, *_query_of(json.loads(line), file, place))
            except ValueError as error:
                raise _wrong(file, place, f"it is not valid JSON: {error}", _QUERIES_HINT) from None
            continue
        identity, tab, query = line.partition("\t")
        if not tab:
            raise _wrong(file, place, "expected an id, a tab and a text", _QUERIES_HINT)
        if place == 1 and identity.strip().lower() in _HEADS and query.strip().lower() in _TEXTS:
            continue
        yield place, identity.strip(), query.strip()


def _from_json(file: Path, text: str) -> list[tuple[int, str, str]]:
    """A list of objects, or one object of texts by id."""
    try:
        value = json.loads(text)
    except ValueError:
        return list(_from_lines(file, text))  # JSON Lines under another name
    if isinstance(value, list):
        return [(place, *_query_of(one, file, place)) for place, one in enumerate(value, 1)]
    if isinstance(value, dict) and not any(name in value for name in _IDS):
        return [(place, str(identity), str(query)) for place, (identity, query) in enumerate(value.items(), 1)]
    return [(1, *_query_of(value, file, 1))]


def _query_of(value: Any, file: Path, place: int) -> tuple[str, str]:
    found = value if isinstance(value, dict) else {}
    identity = next((found[name] for name in _IDS if found.get(name) is not None), None)
    text = next((found[name] for name in _TEXTS if isinstance(found.get(name), str)), None)
    if identity is None or text is None:
        raise _wrong(file, place, "it has no id or no text", _QUERIES_HINT)
    return str(identity), text


def text_of(file: Path, what: str) -> str:
    """A file's text.

    Args:
        file: to read.
        what: it holds, for messages.

    Raises:
        ConfigurationError: it is not there, or is no text.
    """
    try:
        return Path(os.path.expanduser(file)).read_text("utf-8-sig")
    except FileNotFoundError:
        raise ConfigurationError(f"the file of {what} {file} is not there", "Look at its path.") from None
    except IsADirectoryError:
        raise ConfigurationError(f"the file of {what} {file} is a folder", "Name a file in it.") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"the file of {what} {file} is not UTF-8: {error.reason}", "Save it as UTF-8."
        ) from None
    except OSError as error:
        raise ConfigurationError(f"the file of {what} {file} cannot be read: {error.strerror}", "Look at it.") from None


def _wrong(file: Path, place: int, problem: str, hint: str) -> ConfigurationError:
    return ConfigurationError(f"{file}, line {place}: {problem}", hint)
