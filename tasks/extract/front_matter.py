"""The front matter of a Markdown file: YAML between lines of ---, or TOML between lines of +++."""

import re
import tomllib
from io import StringIO

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

_FRONT_MATTER = re.compile(
    r"\s*(?:---[ \t]*\n(?P<yaml>.*?)^(?:---|\.\.\.)|\+\+\+[ \t]*\n(?P<toml>.*?)^\+\+\+)[ \t]*(?:\n|\Z)",
    re.DOTALL | re.MULTILINE,
)
_LONGEST = 100_000  # characters


def split_front_matter(text: str) -> tuple[dict[str, object], str]:
    """What a text says of itself, and the rest of it; what cannot be read as front matter is text."""
    if text.lstrip()[:3] not in ("---", "+++"):
        return {}, text
    text = text.replace("\r\n", "\n")
    match = _FRONT_MATTER.match(text[:_LONGEST])
    if match is None:
        return {}, text
    try:
        if match["toml"] is not None:
            found: object = tomllib.loads(match["toml"])
        else:
            found = YAML(typ="safe", pure=True).load(StringIO(match["yaml"]))
    except (YAMLError, ValueError, RecursionError):
        return {}, text
    if found is not None and not isinstance(found, dict):
        return {}, text
    return {str(name): value for name, value in (found or {}).items()}, text[match.end() :]
