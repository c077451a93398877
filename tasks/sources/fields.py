"""What a record says in the columns that a source names, and what is wrong where it says nothing there.

A name with dots reaches into objects, and through lists: `payload.body`, `messages.content`. A column whose own name
has that dot comes first.
"""

from collections.abc import Iterable, Mapping
from datetime import date, time
from typing import Any

from tasks.errors import BrokenDocument, DocumentError
from tasks.text.decode import decode

Record = Mapping[str, Any]

_SHOWN = 20  # names of columns in a message


def value_at(record: Record, name: str) -> Any:
    """The value of a column, by a dotted name that of what is in it: through a list, a list of the values that are
    there. None where there is nothing."""
    if name in record or "." not in name:
        return record.get(name)
    first, _, rest = name.partition(".")
    return _inner(record.get(first), rest)


def _inner(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value_at(value, name)
    if isinstance(value, list | tuple):
        found = [_inner(item, name) for item in value]
        return [item for item in found if item is not None] or None
    return None


def text_of(record: Record, columns: Iterable[str]) -> str:
    """The texts of some columns, a line feed between them, and between the texts of a list.

    Raises:
        BrokenDocument: a column holds an object, or bytes that are no text.
    """
    texts = (as_text(value_at(record, column), column) for column in columns)
    return "\n".join(text for text in texts if text.strip())


def all_text(record: Record) -> str:
    """All that a record says in words and numbers, each with the name of its column: for records of which nobody said
    which column is the text."""
    return "\n".join(f"{name}: {as_text(value, name)}" for name, value in record.items() if _says_something(value))


def as_text(value: Any, column: str = "") -> str:
    """A value as a person writes it; the items of a list on lines of their own.

    Args:
        value: of a record.
        column: it stands in, for messages.

    Raises:
        BrokenDocument: it is an object, or bytes that are no text.
    """
    if isinstance(value, str):
        return value
    if value is None or value != value:  # NaN
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return decode(value).text
    if isinstance(value, list | tuple):
        return "\n".join(text for item in value if (text := as_text(item, column)).strip())
    if isinstance(value, Mapping):
        names = [f"{column}.{name}" for name in value]
        raise BrokenDocument(
            f"column {column!r} holds an object; name what is meant: {_listed(names)}"
            if names
            else f"column {column!r} holds an empty object",
            f"Set `fields: text`, for example to {names[0] if names else 'another column'}.",
        )
    return str(value)


def has_column(record: Record | DocumentError | None, name: str) -> bool | None:
    """Whether a record has a column, be it null; None where a null or an empty list on the way to it leaves that
    open."""
    if record is None or isinstance(record, DocumentError):
        return False
    if name in record:
        return True
    first, _, rest = name.partition(".")
    if not rest or first not in record:
        return False
    value = record[first]
    items = [item for item in (value if isinstance(value, list | tuple) else [value]) if item is not None]
    found = [has_column(item, rest) for item in items if isinstance(item, Mapping)]
    return any(found) or (None if not items or None in found else False)


def unusable(
    records: Iterable[Record | DocumentError | None], identity: str | None, texts: list[str]
) -> DocumentError | None:
    """What is wrong where none of the first records of a file can be used, whatever their values; None as soon as one
    is met that can be.

    Args:
        records: a few, or errors that tell why one cannot be read.
        identity: the column with the id, if there is one.
        texts: the columns with the text; empty where all are.
    """
    names: dict[str, None] = {}
    unread: list[DocumentError] = []
    unfit: DocumentError | None = None
    identified = count = 0
    blank = lacking = False
    for record in records:
        if isinstance(record, DocumentError):
            unread.append(record)
        if record is None or isinstance(record, DocumentError):
            continue
        count += 1
        named = identity is None or bool(has_column(record, identity))
        identified += named
        there = [has_column(record, column) for column in texts]
        lacking = lacking or (bool(texts) and not any(there) and None not in there)
        try:
            text = text_of(record, texts) if texts else all_text(record)
            if named and text.strip():
                return None
            blank = blank or any(there)
        except DocumentError as error:
            unfit = unfit or error
        for name, value in record.items():
            names.setdefault(name)
            names |= dict.fromkeys(f"{name}.{inner}" for inner in _keys(value))
    if not count:
        broken = len(unread) > 1 and all(isinstance(error, BrokenDocument) for error in unread)
        return BrokenDocument(f"it holds no record: {unread[0].message}", unread[0].hint) if broken else None
    if not identified and identity:
        return no_column("id", [identity], list(names))
    return unfit or (no_column("text", texts, list(names)) if lacking and not blank else None)


def no_column(what: str, wanted: list[str], names: list[str]) -> BrokenDocument:
    """What is wrong where a file has none of the columns that a source names.

    Args:
        what: id or text.
        wanted: the columns.
        names: of those that there are.
    """
    return BrokenDocument(
        f"no column {' or '.join(map(repr, wanted))}; there are {_listed(names) or 'none'}",
        f"Set `fields: {what}` to {'the column that holds it' if what == 'id' else 'the columns that hold it'}.",
    )


def _keys(value: Any) -> Iterable[str]:
    """Names in an object, or in the objects of a list."""
    if isinstance(value, Mapping):
        return value
    objects = (item for item in value if isinstance(item, Mapping)) if isinstance(value, list | tuple) else iter(())
    return next(objects, {})


def _says_something(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(item, str) for item in value)
    return isinstance(value, str | bool | int | float | date | time) and bool(as_text(value).strip())


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
