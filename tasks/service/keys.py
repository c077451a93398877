"""API keys: who may ask."""

import hashlib
import hmac
import os
import time
from collections.abc import Iterable
from pathlib import Path

from tasks.errors import ConfigurationError

ENVIRONMENT = "EMBEDLAKE_API_KEYS"
"""Keys, with commas between them."""

_SHORTEST = 16  # characters
_EVERY = 1.0  # seconds after which a file of keys is looked at again


class Keys:
    """The keys that are valid now: those of the environment, and those of a file, which may change at any time.

    Args:
        file: a key on each line; empty lines and lines that begin with # are left out. None for no file.

    Raises:
        ConfigurationError: the file cannot be read, or a key is too short to be one.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._fixed = _digests(os.environ.get(ENVIRONMENT, "").split(","), f"${ENVIRONMENT}")
        self._stamp: tuple[int, int] | None = None
        self._looked = 0.0
        self._digests = self._fixed
        if file is not None:
            try:
                self._read(file)
            except OSError as error:
                raise ConfigurationError(
                    f"the file of API keys {file} cannot be read: {error}", "Give a readable one with --keys."
                ) from None

    @property
    def wanted(self) -> bool:
        """Whether a key is asked for at all; a file without keys lets nobody in."""
        return self._file is not None or bool(self._fixed)

    def valid(self, key: str) -> bool:
        """Whether it is one of the keys, in a time that says nothing of how much of it is right."""
        self._refresh()
        digest = _digest(key)
        found = False
        for known in self._digests:
            found |= hmac.compare_digest(digest, known)
        return found

    def _refresh(self) -> None:
        if self._file is None or time.monotonic() - self._looked < _EVERY:
            return
        self._looked = time.monotonic()
        try:
            self._read(self._file)
        except (OSError, ConfigurationError):  # it is being written, or is gone: no key of it is valid meanwhile
            self._digests, self._stamp = self._fixed, None

    def _read(self, file: Path) -> None:
        state = file.stat()
        stamp = state.st_mtime_ns, state.st_size
        if stamp != self._stamp:
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            self._digests = self._fixed + _digests((line for line in lines if not line.startswith("#")), str(file))
            self._stamp = stamp


def _digests(keys: Iterable[str], place: str) -> list[bytes]:
    found = [key.strip() for key in keys if key.strip()]
    if any(len(key) < _SHORTEST for key in found):
        raise ConfigurationError(
            f"a key in {place} has fewer than {_SHORTEST} characters",
            "Make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return [_digest(key) for key in found]


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
