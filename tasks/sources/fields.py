"""What a record says in the columns that a source names, and what is wrong where it says nothing there.

A name with dots reaches into objects, and through lists: `payload.body`, `messages.content`. A column whose own name
has that dot comes first.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from typing import Any

from tasks.errors import BrokenDocument, DocumentError
from tasks.text.decode import decode

Record = Mapping[str, Any]

_SHOWN = 20  # names of columns in a message
_LONGEST_SHOWN = 40  # characters


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
        BrokenDocument: it is an object, bytes that are no text, or stands for a value that cannot be read.
    """
    if isinstance(value, str):
        return value
    if value is None or value != value:  # NaN
        return ""
    if isinstance(value, DocumentError):
        raise value
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


def bytes_at(record: Record, column: str) -> bytes | None:
    """The bytes in a column, or in an object there that has them as `bytes`, as data sets of images and sounds have;
    None where there is nothing.

    Raises:
        BrokenDocument: something else is there.
    """
    value = value_at(record, column)
    if isinstance(value, Mapping):
        value = value.get("bytes")
    if isinstance(value, DocumentError):
        raise value
    if value is None or isinstance(value, bytes):
        return value or None
    raise BrokenDocument(
        f"column {column!r} holds {type(value).__name__}; expected the bytes of a file, or an object with `bytes`",
        "Set `fields: image`, or `audio`, to the column that has them.",
    )


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
        return _no_column([], [identity], list(names))
    return unfit or (_no_column(texts, [], list(names)) if lacking and not blank else None)


def check_columns(names: Sequence[str], identity: str | None, texts: list[str], more: str = "") -> None:
    """Refuse a table by the names of its columns. What lies in a column is left to `unusable`.

    Args:
        names: of its columns.
        identity: the column with the id, if one is named.
        texts: the columns with the text, if any are named.
        more: what else may be done.

    Raises:
        BrokenDocument: it has no column for the id, or none of those for the text.
    """
    there = {*names}
    ids = [identity] if identity else []
    lacking = {name for name in (*texts, *ids) if not {name, name.partition(".")[0]} & there}
    texts, ids = texts if lacking.issuperset(texts) else [], [name for name in ids if name in lacking]
    if texts or ids:
        raise _no_column(texts, ids, names, more)


def _no_column(texts: list[str], ids: list[str], names: Sequence[str], more: str = "") -> BrokenDocument:
    """What is wrong where a file has none of the columns that a source names for its texts, or its ids."""
    keys = [f"`fields: {key}`" for key, columns in (("id", ids), ("text", texts)) if columns]
    return BrokenDocument(
        f"no column {' or '.join(map(repr, (*texts, *ids)))}; there are {_listed(names) or 'none'}",
        f"Set {' and '.join(keys)} to columns that it has{more}.",
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
    return isinstance(value, str | bool | int | float | date | time | DocumentError) and bool(as_text(value).strip())


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(name[:_LONGEST_SHOWN] for name in names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
