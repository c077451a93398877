"""Which of the paths of a source its patterns let in."""

from collections.abc import Callable

from pathspec import GitIgnoreSpec

from tasks.config.sources import Source
from tasks.sources.disk import readable
from tasks.sources.formats import is_archive
from tasks.sources.sidecars import is_like_sidecar


class Patterns:
    """Which paths, relative to its folder, a source lets in: also those that may be sidecars, and archives, whose
    members have paths of their own."""

    def __init__(self, source: Source) -> None:
        self.any = bool(source.include or source.exclude)
        self._hidden = source.hidden
        self._include = GitIgnoreSpec.from_lines(source.include) if source.include else None
        self._exclude = GitIgnoreSpec.from_lines(source.exclude)
        self._sidecar = source.sidecar

    def let_in(self, key: str) -> bool:
        """Whether a file is listed: as a document, or as what may be a sidecar."""
        if not self._hidden and any(part.startswith(".") for part in key.split("/")):
            return False
        return bool(self._sidecar and is_like_sidecar(key, self._sidecar)) or self.names(key)

    def names(self, key: str) -> bool:
        """Whether `include` and `exclude` let a file in."""
        shown = readable(key)
        included = self._include is None or self._include.match_file(shown) or is_archive(shown)
        return included and not self._exclude.match_file(shown)

    def excluded(self, folder: str) -> bool:
        """Whether nothing in a folder is let in."""
        return bool(self._exclude.match_file(readable(folder)))


def is_pattern(path: str) -> bool:
    """Whether a path has one of the signs of a glob."""
    return any(mark in path for mark in "*?[")


def split_glob(path: str, exists: Callable[[str], bool]) -> tuple[str, str]:
    """The longest leading part of a path that is there as it is written, and the pattern that is left."""
    root, _, pattern = path.rpartition("/")
    while is_pattern(root) and not exists(root):
        root, _, last = root.rpartition("/")
        pattern = f"{last}/{pattern}"
    return root, pattern
