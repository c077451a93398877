"""The Batch APIs of Mistral, Voyage and Gemini."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from tasks.models.api.answers import Reply, tokens_in, vector_of
from tasks.models.api.batch_wires import (
    NAME,
    BatchWire,
    Failed,
    NotDone,
    Send,
    Stage,
    Told,
    dict_in,
    list_in,
    moment,
    text_in,
    told,
)
from tasks.models.api.wire import Asked, Wire


class MistralBatch(BatchWire):
    """The model stands in the job and not in its requests. Source: docs.mistral.ai/capabilities/batch, and its API
    reference, endpoints batch/jobs and files."""

    bytes = 500_000_000
    jobs_path = "/batch/jobs"

    def line(self, wire: Wire, asked: Asked, name: str, text: str) -> dict[str, Any]:
        """A request without its model."""
        body = wire.body(asked, [text], "document")
        return {"custom_id": name, "body": {key: value for key, value in body.items() if key != "model"}}

    def job_of(self, wire: Wire, asked: Asked, file: str, name: str) -> dict[str, Any]:
        """A job of one model and one file."""
        return {
            "input_files": [file], "endpoint": "/v1/embeddings", "model": asked.model, "timeout_hours": 24,
            "metadata": {NAME: name},
        }  # fmt: skip

    def jobs(self, send: Send) -> Iterator[Told]:
        """Page by page."""
        page = 0
        while entries := list_in(
            told(send("GET", self.jobs_path, params={"page": str(page), "page_size": "100"})), "data"
        ):
            yield from map(self.read, entries)
            page += 1

    def read(self, job: dict[str, Any]) -> Told:
        """Its stages are its own; a job that ran out of time or was cancelled has the answers that were done."""
        status = str(job.get("status"))
        files = [str(job[key]) for key in ("output_file", "error_file") if job.get(key)]
        ended: Stage = "failed" if status == "FAILED" and not files else "ended"
        wrong = "; ".join(str(error.get("message")) for error in list_in(job, "errors"))
        done = f"{job.get('succeeded_requests', 0)} of {job.get('total_requests', 0)}"
        return Told(
            text_in(job, "id"), str(dict_in(job, "metadata").get(NAME) or ""),
            ended if status in ("SUCCESS", "FAILED", "TIMEOUT_EXCEEDED", "CANCELLED") else "runs", files,
            f"{status.lower()}, {wrong or done}", moment(job.get("created_at")),
        )  # fmt: skip


class VoyageBatch(BatchWire):
    """What is asked of the model stands in the job: its requests have texts alone. Source:
    docs.voyageai.com/docs/batch-inference."""

    requests = 100_000
    bytes = 1_000_000_000
    share = 0.67

    def line(self, wire: Wire, asked: Asked, name: str, text: str) -> dict[str, Any]:
        """A text."""
        return {"custom_id": name, "body": {"input": [text]}}

    def job_of(self, wire: Wire, asked: Asked, file: str, name: str) -> dict[str, Any]:
        """Within twelve hours."""
        shared = {key: value for key, value in wire.body(asked, [], "document").items() if key != "input"}
        return {
            "input_file_id": file, "endpoint": "/v1/embeddings", "completion_window": "12h",
            "request_params": shared, "metadata": {NAME: name},
        }  # fmt: skip


class GeminiBatch(BatchWire):
    """Jobs have a display name, which is ours. Source: ai.google.dev/api/batch-api, method asyncBatchEmbedContent, and
    ai.google.dev/api/files."""

    bytes = 2_000_000_000

    def line(self, wire: Wire, asked: Asked, name: str, text: str) -> dict[str, Any]:
        """One content."""
        return {"key": name, "request": wire.body(asked, [text], "document")["requests"][0]}

    def upload(self, send: Send, file: Path, name: str) -> str:
        """By the protocol of resumable uploads, in one piece."""
        size = str(file.stat().st_size)
        begun = send(
            "POST", "/upload/files", json={"file": {"displayName": f"{name}.jsonl"}},
            headers={
                "X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Command": "start",
                "X-Goog-Upload-Header-Content-Length": size, "X-Goog-Upload-Header-Content-Type": "application/jsonl",
            },
        )  # fmt: skip
        place = text_in(dict(begun.headers), "x-goog-upload-url")
        with file.open("rb") as content:
            headers = {
                "X-Goog-Upload-Offset": "0", "X-Goog-Upload-Command": "upload, finalize", "Content-Length": size,
            }  # fmt: skip
            return text_in(dict_in(told(send("POST", place, content=content, headers=headers)), "file"), "name")

    def create(self, send: Send, wire: Wire, asked: Asked, file: str, name: str) -> Told:
        """A job of the model."""
        job = {"batch": {"displayName": name, "inputConfig": {"fileName": file}}}
        return self.read(told(send("POST", f"/models/{asked.model}:asyncBatchEmbedContent", json=job)))

    def look(self, send: Send, job: str) -> Told:
        """Its id is a path."""
        return self.read(told(send("GET", f"/{job}")))

    def jobs(self, send: Send) -> Iterator[Told]:
        """Page by page."""
        token: dict[str, str] = {}
        while True:
            page = told(send("GET", "/batches", params={"pageSize": "100", **token}))
            yield from map(self.read, list_in(page, "operations"))
            if not page.get("nextPageToken"):
                return
            token = {"pageToken": str(page["nextPageToken"])}

    def read(self, job: dict[str, Any]) -> Told:
        """An operation, whose metadata is the job."""
        about = dict_in(job, "metadata")
        state = str(about.get("state") or "").removeprefix("BATCH_STATE_").lower()
        outputs = (dict_in(job, "response"), dict_in(about, "output"))
        files = [str(output["responsesFile"]) for output in outputs if output.get("responsesFile")][:1]
        over = bool(job.get("done")) or state in ("succeeded", "failed", "cancelled", "expired")
        ended: Stage = "ended" if files or state in ("succeeded", "expired", "cancelled") else "failed"
        stats = dict_in(about, "batchStats")
        wrong = dict_in(job, "error").get("message")
        done = f"{stats.get('successfulRequestCount', 0)} of {stats.get('requestCount', 0)}"
        return Told(
            text_in(job, "name"), str(about.get("displayName") or ""), ended if over else "runs", files,
            f"{state}, {wrong or done}", moment(about.get("createTime")),
        )  # fmt: skip

    def files_named(self, send: Send, name: str) -> Iterator[str]:
        """By their display names."""
        token: dict[str, str] = {}
        while True:
            page = told(send("GET", "/files", params={"pageSize": "100", **token}))
            for file in list_in(page, "files"):
                if file.get("displayName") == f"{name}.jsonl":
                    yield text_in(file, "name")
            if not page.get("nextPageToken"):
                return
            token = {"pageToken": str(page["nextPageToken"])}

    def content_path(self, file: str) -> str:
        """Where downloads are."""
        return f"/download/{file}:download?alt=media"

    def remove(self, send: Send, file: str) -> None:
        """Its id is a path."""
        send("DELETE", f"/{file}")

    def answer(self, wire: Wire, line: dict[str, Any]) -> tuple[str, Reply]:
        """A content's vector, or Google's status of what went wrong."""
        name = str(line.get("key"))
        response = dict_in(line, "response")
        error = dict_in(line, "error") or dict_in(response, "error")
        code = error.get("code")
        status = _HTTP.get(code, code) if isinstance(code, int) else None if error else 200
        if not isinstance(status, int) or (not error and not response):
            raise Failed(name, NotDone(str(error.get("message") or "the request was not done")))
        if status >= 300:
            raise Failed(name, wire.fault(status, {}, orjson.dumps({"error": error}), 1))
        count = response.get("tokenCount")  # which Google's JSON has as a text, being of 64 bits
        tokens = int(count) if isinstance(count, str) and count.isdecimal() else tokens_in(response, "tokenCount")
        return name, Reply([vector_of(dict_in(response, "embedding").get("values"))], tokens)


_HTTP = {1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 9: 400, 10: 409, 13: 500, 14: 503, 16: 401}
"""Of google.rpc.Code."""
