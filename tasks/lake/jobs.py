"""Jobs of Batch APIs, kept before they are paid for: which texts are under way, and where their answers will be.

| state | means | what a later run does |
|---|---|---|
| prepared | its file of requests is sent | it removes the file, if there is one: there is no job |
| uploaded | it is created | it looks for the job by its name: there may be one |
| submitted | the provider works on it, or has its answers | it looks at it |
| landed | its answers are in the table | it removes its files |
| done | nothing is left of it | |

What it embeds is under way, and not put into another job, while it is uploaded or submitted.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from tasks.hashing import sealed
from tasks.lake.literals import quoted
from tasks.lake.schemas import JOBS
from tasks.lake.tables import Lake

State = Literal["prepared", "uploaded", "submitted", "landed", "done"]
_UNDER_WAY = "state IN ('uploaded', 'submitted')"


@dataclass(frozen=True, slots=True)
class Job:
    """A job; see tasks.lake.schemas.JOBS for what its fields hold. Its contents are left in the lake: there may be
    millions under way."""

    name: str
    table: str
    state: State
    texts: int
    tokens: int
    cost: float | None
    created: datetime
    file: str | None = None
    job: str | None = None
    unusable: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    told: str = ""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Jobs of a table that are not landed.

    Attributes:
        jobs, texts, tokens: how many.
        cost: USD that they are expected to cost; None where nobody knows.
        since: when the oldest of them was created; None where there is none.
        told: what the provider said of it last.
    """

    jobs: int = 0
    texts: int = 0
    tokens: int = 0
    cost: float | None = 0.0
    since: datetime | None = None
    told: str = ""


def write_job(lake: Lake, job: Job, contents: Collection[str] | None = None, /, **changes: Any) -> Job:
    """Write a job with some of its fields changed; the job as it is then.

    Args:
        lake: that has it.
        job: as it was.
        contents: hashes of what it embeds; as they are in the lake by default.
        changes: fields.

    Raises:
        LeaseLost: another run has taken over.
    """
    job = replace(job, **changes)
    lake.create("jobs", JOBS)
    told = contents_of(lake, job.name).to_pylist() if contents is None else list(contents)
    row = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(job).items()}
    row = sealed(row | {"contents": told, "changed": datetime.now(UTC)})
    lake.merge(lake.name("jobs"), pa.Table.from_pylist([row], schema=JOBS))
    return job


def open_jobs(lake: Lake, table: str) -> list[Job]:
    """The jobs of a model's table of which something is left; the oldest first."""
    return _jobs(lake, _open(table))


def are_open(lake: Lake, table: str) -> bool:
    """Whether something is left of a job of a model's table."""
    return len(lake.read(lake.name("jobs"), ["name"], _open(table))) > 0


def contents_of(lake: Lake, name: str) -> pa.ChunkedArray:
    """Hashes of what a job embeds."""
    return _contents(lake, f"name = {quoted(name)}")


def contents_under_way(lake: Lake, table: str) -> pa.ChunkedArray:
    """Hashes of what is under way for a table."""
    return _contents(lake, f"table = {quoted(table)} AND {_UNDER_WAY}")


def under_way(lake: Lake, table: str) -> UnderWay:
    """What is under way for a table."""
    return summed(_jobs(lake, f"table = {quoted(table)} AND {_UNDER_WAY}"))


def summed(jobs: list[Job]) -> UnderWay:
    """Jobs together, the oldest first."""
    costs = [job.cost for job in jobs]
    cost = None if None in costs else sum(cost or 0.0 for cost in costs)
    texts, tokens = sum(job.texts for job in jobs), sum(job.tokens for job in jobs)
    return UnderWay(len(jobs), texts, tokens, cost, jobs[0].created if jobs else None, jobs[0].told if jobs else "")


def times_unusable(lake: Lake, table: str) -> Counter[str]:
    """How often an answer without a usable vector came for what is embedded into a table, by its hash."""
    rows = lake.read(lake.name("jobs"), ["unusable"], f"table = {quoted(table)}")["unusable"].to_pylist()
    return Counter(content for contents in rows for content in contents or ())


def forget_unusable(lake: Lake, table: str, contents: set[str]) -> None:
    """Some contents count anew: they failed for good, until somebody has them tried again."""
    for job in _jobs(lake, f"table = {quoted(table)} AND array_length(unusable) > 0"):
        if not contents.isdisjoint(job.unusable):
            write_job(lake, job, unusable=tuple(content for content in job.unusable if content not in contents))


def _open(table: str) -> str:
    return f"state != 'done' AND table = {quoted(table)}"


def _jobs(lake: Lake, where: str) -> list[Job]:
    names = [name for name in JOBS.names if name not in ("contents", "changed", "version")]
    rows = lake.read(lake.name("jobs"), names, where).to_pylist()
    return sorted((Job(**_untyped(row)) for row in rows), key=lambda job: job.created)


def _untyped(row: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}


def _contents(lake: Lake, where: str) -> pa.ChunkedArray:
    rows = lake.read(lake.name("jobs"), ["contents"], where)["contents"]
    return pc.list_flatten(rows) if len(rows) else pa.chunked_array([], pa.string())
