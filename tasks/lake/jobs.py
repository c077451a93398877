"""Jobs of Batch APIs, kept before they are paid for: which texts are under way, and where their answers will be.

| state | means | found by a later run |
|---|---|---|
| prepared | a file of requests is sent | there is no job: its file is removed, if there is one |
| uploaded | the job is created | there may be a job: it is looked for by its name |
| submitted | the provider works on it, or has its answers | it is looked at |
| landed | its answers are in the table | its files are removed |
| done | nothing is left of it | |

What it embeds is not pending again from `uploaded` until `landed`.
"""

from collections import Counter
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import pyarrow as pa

from tasks.hashing import sealed
from tasks.lake.literals import quoted
from tasks.lake.schemas import JOBS
from tasks.lake.tables import Lake

State = Literal["prepared", "uploaded", "submitted", "landed", "done"]


@dataclass(frozen=True, slots=True)
class Job:
    """A job; see tasks.lake.schemas.JOBS for what its fields hold."""

    name: str
    table: str
    state: State
    texts: int
    tokens: int
    cost: float | None
    created: datetime
    contents: tuple[str, ...] = ()
    file: str | None = None
    job: str | None = None
    unusable: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    told: str = ""

    @property
    def under_way(self) -> bool:
        """Whether its texts wait for its answers."""
        return self.state in ("uploaded", "submitted")


def write_job(lake: Lake, job: Job, /, **changes: Any) -> Job:
    """Write a job with some of its fields changed; the job as it is then.

    Raises:
        LeaseLost: another run has taken over.
    """
    job = replace(job, **changes)
    row = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(job).items()}
    lake.create("jobs", JOBS)
    lake.merge(lake.name("jobs"), pa.Table.from_pylist([sealed(row | {"changed": datetime.now(UTC)})], schema=JOBS))
    return job


def open_jobs(lake: Lake, table: str) -> list[Job]:
    """The jobs of a model's table of which something is left; the oldest first."""
    return _jobs(lake, f"state != 'done' AND table = {quoted(table)}")


def _jobs(lake: Lake, where: str) -> list[Job]:
    names = [name for name in JOBS.names if name not in ("changed", "version")]
    rows = lake.read(lake.name("jobs"), names, where).to_pylist()
    found = [Job(**_untyped(row)) for row in rows]
    return sorted(found, key=lambda job: job.created)


def _untyped(row: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}


def times_unusable(lake: Lake, table: str) -> Counter[str]:
    """How often an answer without a usable vector came for what is embedded into a table, by its hash."""
    rows = lake.read(lake.name("jobs"), ["unusable"], f"table = {quoted(table)}")["unusable"].to_pylist()
    return Counter(content for contents in rows for content in contents or ())


def forget_unusable(lake: Lake, table: str, contents: set[str]) -> None:
    """Some contents count anew: they failed for good, until somebody has them tried again."""
    for job in _jobs(lake, f"table = {quoted(table)} AND array_length(unusable) > 0"):
        if not contents.isdisjoint(job.unusable):
            write_job(lake, job, unusable=tuple(content for content in job.unusable if content not in contents))


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Jobs of a table that are not landed.

    Attributes:
        jobs, texts, tokens: how many.
        cost: USD that they are expected to cost; None where nobody knows.
        since: the oldest of them; None where there is none.
        told: what the provider said of it last.
    """

    jobs: int = 0
    texts: int = 0
    tokens: int = 0
    cost: float | None = 0.0
    since: datetime | None = None
    told: str = ""


def contents_under_way(lake: Lake, table: str) -> list[str]:
    """Hashes of what is under way for a table."""
    return [content for job in open_jobs(lake, table) if job.under_way for content in job.contents]


def under_way(lake: Lake, table: str) -> UnderWay:
    """What is under way for a table."""
    return summed([job for job in open_jobs(lake, table) if job.under_way])


def summed(jobs: list[Job]) -> UnderWay:
    """Jobs together, the oldest first."""
    costs = [job.cost for job in jobs]
    cost = None if None in costs else sum(cost or 0.0 for cost in costs)
    texts, tokens = sum(job.texts for job in jobs), sum(job.tokens for job in jobs)
    return UnderWay(len(jobs), texts, tokens, cost, jobs[0].created if jobs else None, jobs[0].told if jobs else "")
