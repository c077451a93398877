"""A FAKE of Batch APIs, beside that of the services: files of requests, jobs that take a while, files of answers.

It speaks the protocols of OpenAI and Voyage (/v1/files, /v1/batches), Mistral (/v1/batch/jobs) and Gemini as they are
documented, enforces their limits, and notes on the bill what was done, once it was done.
"""

import base64
import json
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from tests.models.api.fake import Fake


@dataclass
class BatchFaults:
    """How often each fault is met, from 0 to 1.

    Attributes:
        too_many: 429 to any request.
        broken: 500 to any request but the creation of a job.
        lost: a job is created, and the answer to that is a 500.
        never: a job is not created, and the answer is a 500.
        cut: a file of answers ends in the middle, as does the connection.
        refused: a request of a job is refused by a filter.
        failing: a request of a job fails with a 500.
        missing: a request of a job has no line in any file.
        zero: a vector is zero.
        doubled: a request is answered twice.
        stranger: an answer is to a request that nobody made.
        expires: a job ends before all is done.
        fails: a job fails as a whole.
    """

    too_many: float = 0.0
    broken: float = 0.0
    lost: float = 0.0
    never: float = 0.0
    cut: float = 0.0
    refused: float = 0.0
    failing: float = 0.0
    missing: float = 0.0
    zero: float = 0.0
    doubled: float = 0.0
    stranger: float = 0.0
    expires: float = 0.0
    fails: float = 0.0
    seed: int = 1


@dataclass
class FakeJob:
    id: str
    name: str
    file: str
    endpoint: str
    asked: dict[str, Any]
    created: float
    state: str = "in_progress"  # completed, expired, failed
    output: str | None = None
    errors: str | None = None
    total: int = 0
    done: int = 0
    why: str = ""


@dataclass
class FakeBatches:
    """Files and jobs.

    Attributes:
        fake: whose key, model and bill are shared.
        seconds: that a job takes.
        requests, bytes: of a job at most.
        enqueued: tokens in jobs that are under way, at most; None for any number.
        script: faults of the next creations of jobs, before chance decides.
    """

    fake: "Fake"
    faults: BatchFaults = field(default_factory=BatchFaults)
    seconds: float = 0.0
    requests: int = 50_000
    bytes: int = 200_000_000
    enqueued: int | None = None
    script: list[str] = field(default_factory=list)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    jobs: dict[str, FakeJob] = field(default_factory=dict)
    cuts: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.faults.seed)

    def routes(self) -> list[Route]:
        def route(path: str, **answers: Callable[[Request], Awaitable[Response]]) -> list[Route]:
            return [Route(path, self._guarded(answer), methods=[method]) for method, answer in answers.items()]

        return [
            *route("/v1/files", POST=self._upload, GET=self._list_files),
            *route("/v1/files/{file}/content", GET=self._content),
            *route("/v1/files/{file}", DELETE=self._delete),
            *route("/v1/batches", POST=self._create, GET=self._list),
            *route("/v1/batches/{job}", GET=self._look),
            *route("/v1/batch/jobs", POST=self._create_mistral, GET=self._list_mistral),
            *route("/v1/batch/jobs/{job}", GET=self._look_mistral),
            *route("/upload/v1beta/files", POST=self._begin_upload),
            *route("/upload/v1beta/place/{place}", POST=self._end_upload),
            *route("/v1beta/files", GET=self._list_gemini_files),
            *route("/v1beta/files/{file}", DELETE=self._delete),
            *route("/download/v1beta/files/{file}:download", GET=self._content),
            *route("/v1beta/models/{model}:asyncBatchEmbedContent", POST=self._create_gemini),
            *route("/v1beta/batches", GET=self._list_gemini),
            *route("/v1beta/batches/{job}", GET=self._look_gemini),
        ]

    def _guarded(self, answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """With the faults that any request may meet."""

        async def guarded(request: Request) -> Response:
            self.fake.requests += 1
            given = request.headers.get("x-goog-api-key") or request.headers.get("authorization", "")[len("Bearer ") :]
            if given != self.fake.key or self.fake.state == "revoked":
                return self._error(401, f"Incorrect API key provided: {given}.")
            creates = request.method == "POST" and ("batch" in request.url.path.lower())
            if self._meets("too_many"):
                return JSONResponse({"error": {"message": "Rate limit reached"}}, 429, {"retry-after": "0.01"})
            if not creates and self._meets("broken"):
                return self._error(500, "The server had an error")
            for name, job in list(self.jobs.items()):
                self._go_on(self.jobs[name], job)
            return await answer(request)

        return guarded

    def _meets(self, fault: str) -> bool:
        return self._random.random() < getattr(self.faults, fault)

    def _error(self, status: int, message: str) -> Response:
        return JSONResponse({"error": {"message": message, "type": "error", "code": None}}, status)

    def _keep(self, name: str, content: bytes, prefix: str = "file-") -> str:
        file = f"{prefix}{uuid.uuid4().hex[:16]}"
        self.files[file] = (name, content)
        return file

    async def _upload(self, request: Request) -> Response:
        async with request.form() as form:
            upload: Any = form["file"]
            content = await upload.read()
            if form["purpose"] != "batch":
                return self._error(400, "purpose")
            file = self._keep(upload.filename, content)
            return JSONResponse({"id": file, "object": "file", "filename": upload.filename, "bytes": len(content)})

    async def _list_files(self, _: Request) -> Response:
        data = [{"id": file, "filename": name, "purpose": "batch"} for file, (name, _) in self.files.items()]
        return JSONResponse({"object": "list", "data": data, "has_more": False})

    async def _content(self, request: Request) -> Response:
        found = self.files.get(request.path_params["file"])
        if found is None:
            return self._error(404, "No such file")
        content = found[1]
        if self._meets("cut"):
            self.cuts += 1
            return _Cut(content)
        return Response(content, media_type="application/jsonl")

    async def _delete(self, request: Request) -> Response:
        file = request.path_params["file"]
        if self.files.pop(file, None) is None:
            return self._error(404, "No such file")
        return JSONResponse({"id": file, "deleted": True})

    def _made(self, name: str, file: str, endpoint: str, asked: dict[str, Any]) -> FakeJob | Response:
        fault = self.script.pop(0) if self.script else next((f for f in ("never", "lost") if self._meets(f)), "")
        if fault == "never":
            return self._error(500, "The server had an error")
        if file not in self.files:
            return self._error(400, f"Invalid input_file_id: {file} does not exist")
        job = FakeJob(f"batch_{uuid.uuid4().hex[:16]}", name, file, endpoint, asked, time.time())
        content = self.files[file][1]
        lines = content.splitlines()
        job.total = len(lines)
        if len(lines) > self.requests or len(content) > self.bytes:
            self.fake.violations.append(f"a batch of {len(lines)} requests and {len(content)} bytes")
        names = [json.loads(line).get("custom_id") or json.loads(line).get("key") for line in lines]
        if len({*names}) < len(names):
            self.fake.violations.append("two requests of one name")
        running = sum(self._tokens(other) for other in self.jobs.values() if other.state == "in_progress")
        if self.enqueued is not None and running + self._tokens(job) > self.enqueued:
            job.state, job.why = "failed", "Enqueued token limit reached"
        self.jobs[job.id] = job
        return self._error(500, "The server had an error") if fault == "lost" else job

    def _texts(self, line: dict[str, Any]) -> list[str]:
        if "request" in line:
            return ["".join(part["text"] for part in line["request"]["content"]["parts"])]
        given = line["body"]["input"]
        return [given] if isinstance(given, str) else list(given)

    def _tokens(self, job: FakeJob) -> int:
        from tests.models.api.fake import tokens_of

        lines = map(json.loads, self.files[job.file][1].splitlines()) if job.file in self.files else []
        return sum(tokens_of(text) for line in lines for text in self._texts(line))

    async def _create(self, request: Request) -> Response:
        asked = await request.json()
        if asked["completion_window"] != ("12h" if "request_params" in asked else "24h"):
            return self._error(400, "completion_window")
        job = self._made((asked.get("metadata") or {}).get("embedlake", ""), asked["input_file_id"], "openai", asked)
        return job if isinstance(job, Response) else JSONResponse(self._told(job))

    def _told(self, job: FakeJob) -> dict[str, Any]:
        code = "token_limit_exceeded" if "Enqueued" in job.why else "invalid_file"
        errors = {"object": "list", "data": [{"code": code, "message": job.why}]} if job.why else None
        return {
            "id": job.id, "object": "batch", "endpoint": "/v1/embeddings", "status": job.state,
            "input_file_id": job.file, "output_file_id": job.output, "error_file_id": job.errors, "errors": errors,
            "created_at": int(job.created), "metadata": {"embedlake": job.name},
            "request_counts": {"total": job.total, "completed": job.done, "failed": 0},
        }  # fmt: skip

    async def _look(self, request: Request) -> Response:
        job = self.jobs.get(request.path_params["job"])
        return JSONResponse(self._told(job)) if job else self._error(404, "No such batch")

    async def _list(self, request: Request) -> Response:
        """Two a page, so that pages are turned."""
        newest = list(reversed(self.jobs.values()))
        after = request.query_params.get("after")
        start = next((i + 1 for i, job in enumerate(newest) if job.id == after), 0)
        page = newest[start : start + 2]
        told = {"object": "list", "data": [self._told(job) for job in page], "has_more": start + 2 < len(newest)}
        return JSONResponse(told)

    async def _create_mistral(self, request: Request) -> Response:
        asked = await request.json()
        job = self._made(asked["metadata"]["embedlake"], asked["input_files"][0], "mistral", asked)
        return job if isinstance(job, Response) else JSONResponse(self._told_mistral(job))

    def _told_mistral(self, job: FakeJob) -> dict[str, Any]:
        states = {
            "in_progress": "RUNNING", "completed": "SUCCESS", "expired": "TIMEOUT_EXCEEDED", "failed": "FAILED",
        }  # fmt: skip
        return {
            "id": job.id, "object": "batch", "input_files": [job.file], "metadata": {"embedlake": job.name},
            "endpoint": "/v1/embeddings", "model": job.asked["model"], "output_file": job.output,
            "error_file": job.errors, "errors": [{"message": job.why, "count": 1}] if job.why else [],
            "status": states[job.state], "created_at": int(job.created), "total_requests": job.total,
            "completed_requests": job.done, "succeeded_requests": job.done, "failed_requests": 0,
        }  # fmt: skip

    async def _look_mistral(self, request: Request) -> Response:
        job = self.jobs.get(request.path_params["job"])
        return JSONResponse(self._told_mistral(job)) if job else self._error(404, "No such job")

    async def _list_mistral(self, request: Request) -> Response:
        page = int(request.query_params["page"])
        newest = list(reversed(self.jobs.values()))[page * 2 : page * 2 + 2]
        return JSONResponse({"object": "list", "data": [self._told_mistral(job) for job in newest], "total": 2})

    async def _begin_upload(self, request: Request) -> Response:
        assert request.headers["x-goog-upload-command"] == "start"
        name = (await request.json())["file"]["displayName"]
        place = f"{request.url.scheme}://{request.url.netloc}/upload/v1beta/place/{name}"
        return Response(status_code=200, headers={"x-goog-upload-url": place})

    async def _end_upload(self, request: Request) -> Response:
        assert request.headers["x-goog-upload-command"] == "upload, finalize"
        name = request.path_params["place"]
        file = self._keep(name, await request.body(), "")
        return JSONResponse({"file": {"name": f"files/{file}", "displayName": name}})

    async def _list_gemini_files(self, _: Request) -> Response:
        files = [{"name": f"files/{file}", "displayName": name} for file, (name, _) in self.files.items()]
        return JSONResponse({"files": files})

    async def _create_gemini(self, request: Request) -> Response:
        batch = (await request.json())["batch"]
        file = batch["inputConfig"]["fileName"].removeprefix("files/")
        job = self._made(batch["displayName"], file, "gemini", batch)
        return job if isinstance(job, Response) else JSONResponse(self._told_gemini(job))

    def _told_gemini(self, job: FakeJob) -> dict[str, Any]:
        states = {"in_progress": "RUNNING", "completed": "SUCCEEDED", "expired": "EXPIRED", "failed": "FAILED"}
        told: dict[str, Any] = {
            "name": f"batches/{job.id}",
            "metadata": {
                "displayName": job.name, "state": f"BATCH_STATE_{states[job.state]}",
                "createTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(job.created)),
                "batchStats": {"requestCount": str(job.total), "successfulRequestCount": str(job.done)},
            },
        }  # fmt: skip
        if job.state != "in_progress":
            told["done"] = True
        if job.output:
            told["response"] = {"responsesFile": f"files/{job.output}"}
        if job.why:
            told["error"] = {"code": 8, "message": job.why}
        return told

    async def _look_gemini(self, request: Request) -> Response:
        job = self.jobs.get(request.path_params["job"])
        return JSONResponse(self._told_gemini(job)) if job else self._error(404, "No such batch")

    async def _list_gemini(self, request: Request) -> Response:
        """Two a page."""
        start = int(request.query_params.get("pageToken", "0"))
        newest = list(reversed(self.jobs.values()))
        told: dict[str, Any] = {"operations": [self._told_gemini(job) for job in newest[start : start + 2]]}
        if start + 2 < len(newest):
            told["nextPageToken"] = str(start + 2)
        return JSONResponse(told)

    def _go_on(self, job: FakeJob, _: FakeJob) -> None:
        """Do a job, once its time has come."""
        if job.state != "in_progress" or time.time() - job.created < self.seconds:
            return
        if self._meets("fails") or job.file not in self.files:
            job.state, job.why = "failed", "the file cannot be read"
            return
        lines = [json.loads(line) for line in self.files[job.file][1].splitlines()]
        job.state = "expired" if self._meets("expires") else "completed"
        done = lines[: len(lines) // 2] if job.state == "expired" else lines
        outputs, errors = [], []
        for line in done:
            into, answers = self._answers(job, line)
            (outputs if into else errors).extend(answers)
        if job.state == "expired" and job.endpoint != "gemini":
            errors += [
                {"custom_id": line["custom_id"], "response": None, "error": {"code": "batch_expired", "message": "-"}}
                for line in lines[len(done) :]
            ]  # fmt: skip
        job.done = len(outputs)
        self._random.shuffle(outputs)
        if job.endpoint == "gemini":
            outputs, errors = outputs + errors, []
        job.output, job.errors = (
            self._keep("answers", b"".join(json.dumps(line).encode() + b"\n" for line in part), prefix)
            if part
            else None
            for part, prefix in ((outputs, "file-" * (job.endpoint != "gemini")), (errors, "file-"))
        )

    def _answers(self, job: FakeJob, line: dict[str, Any]) -> tuple[bool, list[dict[str, Any]]]:
        """Whether a request was done, and its lines."""
        from tests.models.api.fake import FILTERED, Paid, tokens_of, vector_of

        name = line.get("custom_id") or line["key"]
        [text] = self._texts(line)
        probe = name.startswith("probe")
        if not name.startswith("probe") and tokens_of(text) > self.fake.longest:
            message = f"This model's maximum context length is {self.fake.longest} tokens"
            return False, [self._line(job, name, 400, {"error": {"message": message, "code": 400}})]
        for fault, status, message in (
            ("refused", 400, "The response was filtered by the content management policy."),
            ("failing", 500, "The server had an error"),
        ):
            if (not probe and self._meets(fault)) or (fault == "refused" and FILTERED in text):
                return False, [self._line(job, name, status, {"error": {"message": message, "code": status}})]
        if not probe and self._meets("missing"):
            return True, []
        tokens = tokens_of(text)
        self.fake.bill.append(Paid([text], "document", tokens, time.time(), time.time()))
        asked = line.get("body") or line["request"]
        asked = asked | (job.asked.get("request_params") or {})
        size = self.fake.size(
            asked.get("dimensions") or asked.get("output_dimension") or asked.get("outputDimensionality")
        )
        vector = vector_of(text, size, self.fake.drift)
        if not probe and self._meets("zero"):
            vector = 0 * vector
        answer = self._line(job, name, 200, self._body(job, asked, vector, tokens))
        found = [answer, answer] if self._meets("doubled") else [answer]
        if self._meets("stranger"):
            found.append(self._line(job, "0" * 32, 200, self._body(job, asked, vector, tokens)))
        return True, found

    def _body(self, job: FakeJob, asked: dict[str, Any], vector: Any, tokens: int) -> dict[str, Any]:
        if job.endpoint == "gemini":
            return {"embedding": {"values": (3 * vector).tolist()}, "tokenCount": str(tokens)}
        as_base64 = asked.get("encoding_format") == "base64"
        written = base64.b64encode(vector.astype("<f4").tobytes()).decode() if as_base64 else vector.tolist()
        return {
            "object": "list", "data": [{"object": "embedding", "index": 0, "embedding": written}],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }  # fmt: skip

    def _line(self, job: FakeJob, name: str, status: int, body: dict[str, Any]) -> dict[str, Any]:
        if job.endpoint == "gemini":
            return {"key": name, "response": body} if status == 200 else {"key": name, "error": body["error"]}
        response = {"status_code": status, "request_id": "fake", "body": body}
        return {"id": f"batch_req_{name[:8]}", "custom_id": name, "response": response, "error": None}


class _Cut(Response):
    """A file that ends in the middle."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content, 200, media_type="application/jsonl")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        raise ConnectionAbortedError
