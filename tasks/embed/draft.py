"""A file of requests for a batch while it is written, up to what the provider takes."""

from pathlib import Path

from tasks.models.api.batch_client import BatchApi
from tasks.models.api.fingerprint import PROBES
from tasks.models.interface import texts_of

PROBE = "probe-"  # begins the names of the requests by which a model is known again
_ANSWER_BYTES = 256_000_000  # of the vectors of one job, which are in memory together


class Draft:
    """Requests for a job.

    Args:
        api: whose limits they keep.
        file: to write.
        dimension: of the vectors that come back.

    Attributes:
        contents: hashes of what is to be embedded, which are the names of the requests.
        tokens: that they are billed with, at most.
    """

    def __init__(self, api: BatchApi, file: Path, dimension: int) -> None:
        self._api = api
        self.path = file
        self._file = file.open("wb")
        self._most = min(api.batch.requests - len(PROBES), max(_ANSWER_BYTES // (4 * dimension), 1))
        self._bytes = 0
        self.contents: list[str] = []
        self.tokens = 0
        for number, text in enumerate(texts_of(PROBES)):
            self._write(self._api.line(f"{PROBE}{number}", text))

    def add(self, content: str, text: str, tokens: int) -> bool:
        """Add a text, if there is room for it; whether there was."""
        line = self._api.line(content, text)
        if len(self.contents) >= self._most or self._bytes + len(line) > self._api.batch.bytes:
            return False
        self._write(line)
        self.contents.append(content)
        self.tokens += tokens
        return True

    def close(self) -> None:
        """Nothing more is added."""
        self._file.close()

    def _write(self, line: bytes) -> None:
        self._file.write(line)
        self._bytes += len(line)
