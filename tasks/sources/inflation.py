"""What may come out of an archive: more than it may hold is taken for a bomb, however it is packed."""

import io
from typing import Any

from tasks.errors import OversizedDocument

_MOST_MEMBERS = 500_000
_INFLATION = 200  # times its stored size; what inflates further, and beyond `extraction.max_bytes`, is taken for a bomb


class Budget:
    """What may come out of an archive, whatever lies in it.

    Args:
        stored: bytes of the archive as stored.
        max_bytes: that may come out of any.
        inflation: times its stored size that may come out too.

    Attributes:
        most_members: how many it may have.
        taken: bytes that came out.
        spent: whether it is used up: not a member fails then, but the whole archive.
    """

    def __init__(self, stored: int, max_bytes: int, inflation: int = _INFLATION) -> None:
        self._stored = stored
        self._most = max(inflation * stored, max_bytes)
        self.most_members = _MOST_MEMBERS
        self.taken = self._members = 0
        self.spent = False

    def take(self, size: int) -> None:
        """Note that so many bytes come out.

        Raises:
            OversizedDocument: they are too many.
        """
        self.taken += size
        self.check(self.taken)

    def check(self, size: int) -> None:
        """Refuse so many bytes in all, if they are too many."""
        if size > self._most:
            self.spent = True
            raise OversizedDocument(
                f"it inflates from {self._stored:,} to more than {self._most:,} bytes",
                "Raise `extraction.max_bytes` if it is to be trusted.",
            )

    def take_member(self) -> None:
        """Note one more member.

        Raises:
            OversizedDocument: they are too many.
        """
        self._members += 1
        self.check_members(self._members)

    def check_members(self, count: int) -> None:
        """Refuse so many members, if they are too many."""
        if count > self.most_members:
            self.spent = True
            raise OversizedDocument(
                f"it has more than {self.most_members:,} members", "Unpack it, or store it in parts."
            )


class Counted(io.RawIOBase):
    """A stream whose bytes a budget pays for: the archive may not say truly how many there are.

    Args:
        stream: with `read`.
        budget: of the archive.
    """

    def __init__(self, stream: Any, budget: Budget) -> None:
        self._stream = stream
        self._budget = budget

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As much as fits, or less; 0 at the end."""
        data = self._stream.read(len(buffer))
        self._budget.take(len(data))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the stream too."""
        self._stream.close()
        super().close()
