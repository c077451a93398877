"""A server that misbehaves: a proxy before a real one."""

import contextlib
import random
import socket
import threading
import time

_ERROR = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
_SLOW_DOWN = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    + f"Content-Length: {len(_ERROR)}\r\n\r\n".encode()
    + _ERROR
)


class FaultyProxy:
    """Passes TCP connections on to a port, and all of them are dropped while it is `gone`.

    Args:
        port: where to.
        dropped: share of the connections that are closed at once.
        throttled: share that is answered with 503 Slow Down.
        delay: most seconds that a packet is kept back.
    """

    def __init__(self, port: int, dropped: float = 0.0, throttled: float = 0.0, delay: float = 0.0) -> None:
        self.dropped = self.throttled = 0
        self.gone = False
        self._shares = dropped, dropped + throttled
        self._delay = delay
        self._to = port
        self._chance = random.Random(7)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        chance = self._chance.random()
        if self.gone or chance < self._shares[0]:
            self.dropped += 1
            client.close()
            return
        if chance < self._shares[1]:
            self.throttled += 1
            with contextlib.suppress(OSError):
                client.recv(65536)
                client.sendall(_SLOW_DOWN)
                client.shutdown(socket.SHUT_WR)
                client.recv(65536)
            client.close()
            return
        server = socket.create_connection(("127.0.0.1", self._to))
        other = threading.Thread(target=self._pump, args=(server, client), daemon=True)
        other.start()
        self._pump(client, server)
        other.join()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                if self.gone:
                    break
                if self._delay:
                    time.sleep(self._chance.uniform(0, self._delay))
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
