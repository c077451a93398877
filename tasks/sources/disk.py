"""What lies below a folder on disk: every file once, whatever its name and however many links lead to it."""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_OTHER_KINDS = {
    stat.S_IFIFO: "named pipe", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFBLK: "device",
}  # fmt: skip
_LEADS_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)


@dataclass(frozen=True, slots=True)
class Found:
    """A file, or what is none.

    Attributes:
        path: its own, also where it is a link.
        size: in bytes.
        tag: its version: times of content and inode, size, and inode; of the target where it is a link.
        kind: empty for a file, else what it is: named pipe, socket, device, broken link.
        changed: when its content last did, in seconds since 1970.
    """

    path: str
    size: int = 0
    tag: str = ""
    kind: str = ""
    changed: float | None = None


def found_at(path: str) -> Found:
    """What is at a path."""
    state = os.stat(path)
    if not stat.S_ISREG(state.st_mode):
        return Found(path, kind=_OTHER_KINDS.get(stat.S_IFMT(state.st_mode), "no file"))
    tag = f"mtime {state.st_mtime_ns} size {state.st_size} changed {state.st_ctime_ns} inode {state.st_ino}"
    return Found(path, state.st_size, tag, changed=state.st_mtime)


class Walk:
    """All that a folder holds and a test lets in, a folder at a time, since what is told of a million files takes a
    gigabyte.

    Links are followed when all else is listed, in the order of their paths, so that the order in which a disk lists
    a folder decides nothing. What a link leads to and is listed without it is left to that; the first link to
    anything else has it.

    Args:
        root: the folder.
        wanted: whether a path relative to the folder is let in.
        closed: whether a folder, as a relative path that ends with `/`, is left out: that it cannot be read is then
            no error.
        depth: most parts of a relative path; None for any.
        hidden: also walk folders whose name begins with a dot.
        without: the real path of a folder to leave out with all that is in it, by whatever way it is met.
        patterns: whether `wanted` may let in one of two paths to the same file; a folder that two links lead to is
            then walked for each.
    """

    def __init__(
        self, root: str, wanted: Callable[[str], bool], closed: Callable[[str], bool], *,
        depth: int | None = None, hidden: bool = False, without: str = "", patterns: bool = False,
    ) -> None:  # fmt: skip
        self._root = root.rstrip("/")
        self._real_root = os.path.realpath(root).rstrip("/")
        self._identity = _identity(root)
        self._wanted = wanted
        self._closed = closed
        self._depth = depth
        self._hidden = hidden
        self._patterns = patterns
        self._without = without
        self._links: list[str] = []
        self._given: set[str] = set()  # real paths of what links led to

    def __iter__(self) -> Iterator[Found]:
        yield from self._below(self._root, self._real_root, None, set())
        walked: set[str] = set()
        rounds = [(link, walked) for link in self._taken()]
        while rounds:
            following = []
            for link, seen in rounds:
                seen = set() if self._patterns and seen is walked else seen
                yield from self._behind(link, seen)
                following += [(inner, seen) for inner in self._taken()]
            rounds = sorted(following, key=lambda pair: pair[0])

    def _taken(self) -> list[str]:
        links, self._links = sorted(self._links), []
        return links

    def _behind(self, link: str, walked: set[str]) -> Iterator[Found]:
        try:
            real = os.path.realpath(link, strict=True)
            if os.path.isdir(real):
                yield from self._below(link, real.rstrip("/"), link, walked)
                return
            found = found_at(link)
        except PermissionError:
            if not self._closed(f"{self._key(link)}/"):
                raise
            return
        except OSError as error:
            if error.errno not in _LEADS_NOWHERE:  # a disk that does not answer may do so later
                raise
            folder, _, name = link.rpartition("/")
            real, found = f"{os.path.realpath(folder or '/').rstrip('/')}/{name}", Found(link, kind="broken link")
        yield from self._once(found, real)

    def _below(self, folder: str, real: str, link: str | None, walked: set[str]) -> Iterator[Found]:
        """What is in a folder and its folders; what is behind links in it is noted for later."""
        folders = [(folder, real)]
        while folders:
            folder, real = folders.pop()
            if self._without and f"{real}/".startswith(f"{self._without}/"):
                continue
            if link is not None:
                if real in walked:
                    continue
                walked.add(real)
            try:
                with os.scandir(folder or "/") as entries:
                    for entry in entries:
                        path = f"{folder}/{entry.name}"
                        if entry.is_symlink():
                            if self._may_hold(path, is_folder=False):
                                self._links.append(path)
                        elif entry.is_dir(follow_symlinks=False):
                            if self._may_hold(path, is_folder=True):
                                folders.append((path, f"{real}/{entry.name}"))
                        elif self._wanted(self._key(path)):
                            yield from self._file(path, f"{real}/{entry.name}", link)
            except PermissionError:
                if not self._closed(f"{self._key(folder)}/"):
                    raise
            except (FileNotFoundError, NotADirectoryError):  # gone since its parent was listed
                if _identity(self._root) != self._identity:  # with the disk that it was on
                    raise

    def _file(self, path: str, real: str, link: str | None) -> Iterator[Found]:
        try:
            found = found_at(path)
        except FileNotFoundError:
            return
        if link is None:
            yield found
        else:
            yield from self._once(found, real)

    def _once(self, found: Found, real: str) -> Iterator[Found]:
        """What is behind a link, unless it is listed without it or another link led there before."""
        if not self._wanted(self._key(found.path)):
            return
        if real.startswith(f"{self._real_root}/"):
            own = real[len(self._real_root) + 1 :]
            if own != self._key(found.path) and self._wanted(own):
                return
        if real in self._given:
            return
        self._given.add(real)
        yield found

    def _may_hold(self, path: str, is_folder: bool) -> bool:
        """Whether something below a path may be let in: not behind a hidden name, not too deep."""
        name = path.rpartition("/")[2]
        deep = self._depth is not None and self._key(path).count("/") + (2 if is_folder else 1) > self._depth
        return not deep and (self._hidden or not name.startswith("."))

    def _key(self, path: str) -> str:
        return path[len(self._root) :].lstrip("/")


def readable(path: str) -> str:
    """A path that any file and table can hold: bytes that are no UTF-8 as `\\xff`."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path).decode("utf-8", "backslashreplace")
    return path


def unmistakable(path: str) -> str:
    """The same, and with a part of a hash where something had to be replaced, since that may make two paths equal."""
    shown = readable(path)
    return shown if shown == path else f"{shown}~{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"


def path_at(shown: str) -> str:
    """The path that `unmistakable` shows so, where it had to replace something; else the same."""
    shortened = re.fullmatch(r"(.*)~[0-9a-f]{8}", shown, re.DOTALL)
    if shortened is None or "\\x" not in shown:
        return shown
    data = re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), shortened[1].encode())
    path = os.fsdecode(data)
    return path if unmistakable(path) == shown else shown


def _identity(path: str) -> tuple[int, int]:
    state = os.stat(path or "/")
    return state.st_dev, state.st_ino
