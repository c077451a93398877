"""A file of requests for a batch while it is written, up to what the provider takes."""

from pathlib import Path

from tasks.models.api.batch_client import BatchApi

PROBE = "probe-"  # begins the names of the requests by which a model is known again
_ANSWER_BYTES = 256_000_000  # of the vectors of one job, which are in memory together


class Draft:
    """Requests for a job.

    Args:
        api: whose limits they keep.
        file: to write.
        dimension: of the vectors that come back.
        probes: texts by which the model is known again, as they are sent, and the tokens of each.

    Attributes:
        contents: hashes of what is to be embedded, which are the names of the requests.
        tokens: that they are billed with, at most.
    """

    def __init__(self, api: BatchApi, file: Path, dimension: int, probes: list[tuple[str, int]]) -> None:
        self._api = api
        self.path = file
        self._file = file.open("wb")
        self._most = min(api.batch.requests - len(probes), max(_ANSWER_BYTES // (4 * dimension), 1))
        self._bytes = 0
        self.contents: list[str] = []
        self.tokens = 0
        for number, (text, tokens) in enumerate(probes):
            self._write(self._api.line(f"{PROBE}{number}", text))
            self.tokens += tokens

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
