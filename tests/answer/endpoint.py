"""A FAKE chat endpoint on loopback: no model is behind it.

It speaks OpenAI's protocol over server-sent events as the real ones do, and says what a test puts into it; every answer
carries the header `X-Fake: yes`.
"""

import json
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

DONE = b"data: [DONE]\n\n"


def chunk(content: str | None = None, finish: str | None = None, **delta: Any) -> bytes:
    """One server-sent event as OpenAI's endpoint sends it."""
    said = {**({} if content is None else {"content": content}), **delta}
    value = {
        "id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 1, "model": "fake",
        "choices": [{"index": 0, "delta": said, "finish_reason": finish}],
    }  # fmt: skip
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def streamed(text: str, size: int = 5) -> list[bytes]:
    """A whole answer, so many characters a chunk."""
    parts = [chunk(text[i : i + size]) for i in range(0, len(text), size)]
    return [chunk("", role="assistant"), *parts, chunk(finish="stop"), DONE]


class FakeChat:
    """Answers every request in the same way.

    Attributes:
        status, headers: of its answers.
        body: what it writes, piece by piece.
        lost: whether it then drops the connection where the protocol says that more comes.
        requests: headers and body of each request.
    """

    def __init__(self) -> None:
        self.status = 200
        self.headers = {"Content-Type": "text/event-stream"}
        self.body: list[bytes] = []
        self.lost = False
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []
        fake = self

        class Answers(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                fake.requests.append(({k.lower(): v for k, v in self.headers.items()}, {"path": self.path, **asked}))
                self.send_response(fake.status)
                for name, value in {**fake.headers, "X-Fake": "yes", "Transfer-Encoding": "chunked"}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.close_connection = True
                with suppress(ConnectionError):  # nobody listens any more
                    for piece in fake.body:
                        self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                        self.wfile.flush()
                    if not fake.lost:
                        self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def says(self, text: str, size: int = 5) -> None:
        """Have it answer well."""
        self.body = streamed(text, size)

    def close(self) -> None:
        """Nobody answers from now on."""
        self.server.shutdown()
        self.server.server_close()
