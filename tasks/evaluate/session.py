"""A session of judging: queries, and for each the passages that searches find."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import ConfigurationError
from tasks.evaluate.arms import Arm, Shown, arms_of
from tasks.evaluate.evaluation import entries_of
from tasks.evaluate.judged import read_queries
from tasks.evaluate.known import POOL, pool_of
from tasks.evaluate.opened import Opened
from tasks.evaluate.pooling import pooled
from tasks.lake.nearest import View
from tasks.lake.tables import Lake
from tasks.search.retrieve import Way


@dataclass(frozen=True, slots=True)
class Session:
    """What is judged.

    Attributes:
        queries: their texts, by id.
        file: that holds them.
    """

    queries: dict[str, str]
    file: Path
    _lake: Opened
    _arms: Sequence[Arm]
    _depth: int

    def pool(self, identity: str) -> list[Shown]:
        """The passages to judge for a query."""
        query = self.queries[identity]
        lists = [
            [Shown.of(one) for one in self._lake.search(query, arm.table, self._depth, by=arm.way, per_document=1)]
            for arm in self._arms
        ]
        return pooled(identity, lists, self._depth)


def open_session(
    lake: Lake, queries: Path | None, qrels: Path, models: Sequence[str], ways: Sequence[Way], depth: int
) -> Session:
    """A session over a file of queries; without one, over queries made from the corpus, in a file beside the judgments.

    Raises:
        ConfigurationError: a file or a name is wrong, or the corpus gives no queries.
    """
    opened = Opened(lake)
    entries = entries_of(lake, opened, models)
    views = {entry["table"]: View(lake, entry["table"]) for entry in entries}
    arms = arms_of(lake.corpus, entries, ways, False, lambda table: views[table].has_text_index)
    file = queries or qrels.with_suffix(".queries.jsonl")
    if queries is None and not file.exists():
        _write(file, pool_of(list(views.values()), POOL).queries)
    return Session(read_queries(file), file, opened, arms, depth)


def _write(file: Path, queries: dict[str, str]) -> None:
    lines = [json.dumps({"_id": identity, "text": text}, ensure_ascii=False) for identity, text in queries.items()]
    try:
        file.write_text("\n".join(lines) + "\n", "utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"queries cannot be written to {file}: {error.strerror}", "Name another file with --qrels."
        ) from None
