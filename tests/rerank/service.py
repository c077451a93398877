"""A made-up reranking service on loopback: it speaks the protocols as they are documented, and counts equal words."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Answer = tuple[int, dict[str, str], bytes]
PATHS = {"/v2/rerank": "cohere", "/v1/rerank": "jina", "/rerank": "tei"}


class FakeRerankService:
    """Answers in order what is in `answers`, then as the protocol says; keeps what it was asked.

    Attributes:
        answers: what comes first: status, headers and body, or a function of the request.
        requests: path, headers and body of each request.
        most: texts that it takes at once; 413 for more.
    """

    def __init__(self, voyage: bool = False) -> None:
        self.answers: list[Answer | Callable[[], None]] = []
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.most = 1000
        service = self

        class Answers(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, asked))
                answer = service.answers.pop(0) if service.answers else service.answered(self.path, asked, voyage)
                if callable(answer):
                    answer()
                    return
                status, headers, body = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def answered(self, path: str, asked: dict[str, Any], voyage: bool) -> Answer:
        texts = asked["texts" if PATHS[path] == "tei" else "documents"]
        if len(texts) > self.most:
            error = {"error": f"batch size {len(texts)} > maximum allowed batch size", "error_type": "Validation"}
            return 413, {}, json.dumps(error).encode()
        words = set(asked["query"].lower().split())
        scores = [len(words & set(text.lower().split())) / len(words) for text in texts]
        best = sorted(range(len(texts)), key=lambda i: -scores[i])
        if PATHS[path] == "tei":
            return 200, {}, json.dumps([{"index": i, "score": scores[i]} for i in best]).encode()
        results = [{"index": i, "relevance_score": scores[i]} for i in best]
        if voyage:
            return 200, {}, json.dumps({"object": "list", "data": results, "model": asked["model"]}).encode()
        return 200, {}, json.dumps({"id": "1", "results": results, "meta": {}}).encode()
