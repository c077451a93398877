"""What is known of a file without reading it: its time, size and folder, and what the parts of its path say."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from tasks.sources.listing import File

_MARKS = re.compile(r"\{([^\W\d]\w*)\}|(\*\*/)|(\*\*)|(\*)")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def facts_of(file: File) -> dict[str, Any]:
    """`modified`, `size` in bytes as stored, and `folder`, from the source's."""
    changed = file.changed
    if isinstance(changed, int | float):
        changed = datetime.fromtimestamp(changed, UTC)
    return {"modified": changed, "size": file.size, "folder": file.key.rpartition("/")[0]}


def told_by_path(file: File, pattern: str | None) -> dict[str, str | None]:
    """What the path of a file says: by the pattern of its source, and by parts such as `year=2024`, as Hive and Spark
    write them.

    Args:
        file: to look at.
        pattern: as `path_pattern` takes it, or None.
    """
    parts = (part.partition("=") for part in file.key.split("/")[:-1])
    told: dict[str, str | None] = {
        unquote(name): None if value == _NO_VALUE else unquote(value) for name, mark, value in parts if name and mark
    }
    match = path_pattern(pattern).fullmatch(file.key) if pattern else None
    return told | match.groupdict() if match else told


@lru_cache(maxsize=64)
def path_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern of paths as an expression: `{name}` for one part or a part of it, `*` for what has no slash, `**` for
    any number of parts."""
    found, at = "", 0
    for mark in _MARKS.finditer(pattern):
        name, folders, anything, _ = mark.groups()
        found += re.escape(pattern[at : mark.start()])
        found += f"(?P<{name}>[^/]+?)" if name else "(?:.*/)?" if folders else ".*" if anything else "[^/]*"
        at = mark.end()
    return re.compile(found + re.escape(pattern[at:]), re.DOTALL)
