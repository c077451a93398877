"""Protocols of Batch APIs: a file of requests out, a job that runs for hours, a file of answers back, for less money.

Each request has one text and is named by us; answers are in any order and say the name. OpenAI's protocol is here, and
what all have in common; `batch_others` has those of Mistral, Voyage and Gemini. Source: developers.openai.com, guide
on the Batch API, and the reference of its endpoints batches and files.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import orjson

from tasks.errors import ServiceError
from tasks.models.api.answers import Reply, UnusableAnswer
from tasks.models.api.wire import Asked, Wire

if TYPE_CHECKING:
    import httpx

NAME = "embedlake"
"""Key of a job's metadata under which our name of it stands."""

Stage = Literal["runs", "ended", "failed"]


class Send(Protocol):
    """Sends a request to the service and gives its answer; see `batch_client`."""

    def __call__(self, method: str, path: str, **content: Any) -> "httpx.Response": ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Told:
    """What a service tells of a job.

    Attributes:
        job: the service's id.
        name: ours; empty where it does not tell one.
        stage: runs; ended, wholly or in part, with answers to fetch; or failed as a whole, with nothing done.
        files: with answers and errors.
        says: its own word for the stage, and how far it is; what went wrong.
        created: when.
    """

    job: str
    name: str
    stage: Stage
    files: list[str]
    says: str
    created: datetime | None = None


class NotDone(Exception):
    """A request of a job was not done, and costs nothing: the job expired or was cancelled, or the service failed."""


class BatchWire:
    """A Batch API: OpenAI's, which others are like, unless a method says otherwise.

    Attributes:
        requests: in a job at most.
        bytes: of a file at most.
        share: of the price that a request costs otherwise.
    """

    requests = 50_000  # which is also the most texts that an embedding job may have
    bytes = 200_000_000
    share = 0.5

    def line(self, wire: Wire, asked: Asked, name: str, text: str) -> dict[str, Any]:
        """A request in the file."""
        body = wire.body(asked, [text], "document")
        return {"custom_id": name, "method": "POST", "url": "/v1/embeddings", "body": body}

    def upload(self, send: Send, file: Path, name: str) -> str:
        """Send a file of requests; its id. That costs nothing."""
        with file.open("rb") as content:
            sent = {"file": (f"{name}.jsonl", content, "application/jsonl")}
            return text_in(told(send("POST", "/files", files=sent, data={"purpose": "batch"})), "id")

    def create(self, send: Send, wire: Wire, asked: Asked, file: str, name: str) -> Told:
        """Have a file of requests done: from here on it costs."""
        return self.read(told(send("POST", self.jobs_path, json=self.job_of(wire, asked, file, name))))

    jobs_path = "/batches"

    def job_of(self, wire: Wire, asked: Asked, file: str, name: str) -> dict[str, Any]:
        """What creates a job."""
        return {
            "input_file_id": file, "endpoint": "/v1/embeddings", "completion_window": "24h", "metadata": {NAME: name},
        }  # fmt: skip

    def look(self, send: Send, job: str) -> Told:
        """How a job stands."""
        return self.read(told(send("GET", f"{self.jobs_path}/{job}")))

    def jobs(self, send: Send) -> Iterator[Told]:
        """All jobs, the newest first."""
        after: dict[str, str] = {}
        while True:
            page = told(send("GET", self.jobs_path, params={"limit": "100", **after}))
            entries = list_in(page, "data")
            yield from map(self.read, entries)
            if not page.get("has_more") or not entries:
                return
            after = {"after": text_in(entries[-1], "id")}

    def read(self, job: dict[str, Any]) -> Told:
        """What a service tells of a job."""
        status = str(job.get("status"))
        counts = dict_in(job, "request_counts")
        errors = dict_in(job, "errors").get("data") or []
        wrong = "; ".join(f"{e.get('code')}: {e.get('message')}" for e in errors if isinstance(e, dict))
        done = f"{counts.get('completed', 0)} of {counts.get('total', 0)}"
        stage: Stage = "ended" if status in ("completed", "expired", "cancelled") else "runs"
        return Told(
            text_in(job, "id"), str(dict_in(job, "metadata").get(NAME) or ""),
            "failed" if status == "failed" else stage,
            [str(job[key]) for key in ("output_file_id", "error_file_id") if job.get(key)],
            f"{status}, {wrong or done}", moment(job.get("created_at")),
        )  # fmt: skip

    def files_named(self, send: Send, name: str) -> Iterator[str]:
        """The ids of files of requests that have our name of a job."""
        for file in list_in(told(send("GET", "/files", params={"purpose": "batch"})), "data"):
            if file.get("filename") == f"{name}.jsonl":
                yield text_in(file, "id")

    def content_path(self, file: str) -> str:
        """Where a file's content is."""
        return f"/files/{file}/content"

    def remove(self, send: Send, file: str) -> None:
        """Remove a file."""
        send("DELETE", f"/files/{file}")

    def answer(self, wire: Wire, line: dict[str, Any]) -> tuple[str, Reply]:
        """Our name of a request, and its answer.

        Raises:
            Failed: there is none, and why.
        """
        name = str(line.get("custom_id"))
        response = line.get("response")
        if not isinstance(response, dict) or not isinstance(response.get("status_code"), int):
            raise Failed(name, NotDone(str(dict_in(line, "error").get("message") or "the request was not done")))
        body = response.get("body")
        if response["status_code"] >= 300:
            raise Failed(name, wire.fault(response["status_code"], {}, orjson.dumps(body), 1))
        try:
            return name, wire.reply(body, 1)
        except UnusableAnswer:
            return name, Reply([None], None)


class Failed(Exception):
    """A request of a job has no answer.

    Args:
        name: ours, of the request.
        cause: as `faults` has them, or NotDone.
    """

    def __init__(self, name: str, cause: Exception) -> None:
        super().__init__(name)
        self.name, self.cause = name, cause


def told(answer: "httpx.Response") -> dict[str, Any]:
    """The object in an answer.

    Raises:
        ServiceError: there is none; it may be asked for again.
    """
    try:
        found = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise ServiceError("the service gives an answer that is no object", "Does it speak this protocol?", True)
    return found


def text_in(value: dict[str, Any], key: str) -> str:
    """A text that must be there.

    Raises:
        ServiceError: it is not.
    """
    found = value.get(key)
    if not isinstance(found, str) or not found:
        raise ServiceError(f"the service gives an answer without {key!r}", "Does it speak this protocol?", True)
    return found


def list_in(value: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Objects in a list; none where there is no list."""
    found = value.get(key)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def dict_in(value: dict[str, Any], key: str) -> dict[str, Any]:
    """An object in an object; an empty one where there is none."""
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def moment(value: Any) -> datetime | None:
    """A time, told in seconds of the epoch or as ISO 8601 has it."""
    try:
        return datetime.fromtimestamp(value, UTC) if isinstance(value, int) else datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        return None
