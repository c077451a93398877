"""Connections that wait for a request, and how long."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class PromptProtocol(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, on a connection that is closed where no whole head of a request arrives in time.

    Uvicorn itself waits for ever, so that clients who open connections and say little take them from all others. Once
    the head is there, the guard has its own times.
    """

    seconds = 15.0
    """For the head of a request, from the opening of the connection or from the head's first byte."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A client came."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """A client said something."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._expect()
        else:
            self._forget()

    def connection_lost(self, exc: Exception | None) -> None:
        """A client went, or was sent away."""
        self._forget()
        super().connection_lost(exc)

    def _expect(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.seconds, self.transport.close)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
