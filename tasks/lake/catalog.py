"""The catalog: a line for each model's table, and the rules by which a table becomes live.

Reading a line and writing it back needs the lease on `catalog`; a table's own schema says all that its line says but
the state, so that a lost line can be written again.
"""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from tasks.config.models import Model
from tasks.config.settings import Corpus
from tasks.hashing import sealed
from tasks.lake.lease import writing
from tasks.lake.schemas import CATALOG, embeddings_schema
from tasks.lake.tables import Lake
from tasks.models.resolved import ResolvedModel

Entry = dict[str, Any]

_FEW = 10  # texts that a model may fail on and its table be promoted all the same,
_SHARE = 0.01  # or this share of its rows, if that is more
_ENTRY = "embedlake.entry"
STATES = ("building", "ready", "live", "frozen")


def open_model(lake: Lake, model: ResolvedModel, dimension: int, max_tokens: int) -> str:
    """Make sure that a model has its table and its line in the catalog; the table's full name."""
    table = lake.model_table(model)
    settings = model.provenance() | {"chunking": lake.corpus.chunking.model_dump(), "software": _software()}
    entry = {
        "table": table, "model": model.name, "reference": model.settings.model, "revision": model.revision,
        "dimension": dimension, "max_tokens": max_tokens, "settings": model.settings.model_dump_json(),
        "calibration": json.dumps(model.calibration) if model.calibration else None,
    }  # fmt: skip
    provenance = {
        "embedlake.model": model.settings.model,
        "embedlake.revision": model.revision,
        "embedlake.provenance": json.dumps(settings),
        _ENTRY: json.dumps(entry),
    }
    lake.create(table.removeprefix(lake.name("")), embeddings_schema(lake.corpus, dimension, provenance))
    if entry_of(lake, table) is None:
        write_entries(lake, [entry | {"state": "building"}])
    return table


def entry_of(lake: Lake, table: str) -> Entry | None:
    """A table's line."""
    return next((row for row in lake.catalog() if row["table"] == table), None)


def written_in_schema(lake: Lake, table: str) -> Entry | None:
    """A table's line as its own schema has it, without its state."""
    told = lake.provenance(table).get(_ENTRY)
    return json.loads(told) if told else None


def agrees(lake: Lake, entry: Entry) -> bool:
    """Whether a line says of its table what that one's own schema says; those of an older embedlake say nothing."""
    if not lake.has(entry["table"]):
        return False
    told = written_in_schema(lake, entry["table"]) or {}
    return all(value == entry[name] for name, value in told.items())


def unconfirmed(lake: Lake, entries: list[Entry]) -> list[str]:
    """Model tables whose schema tells another line than the catalog has, or that have none there."""
    lines = {entry["table"]: entry for entry in entries}
    return [
        table
        for table in lake.model_tables()
        if written_in_schema(lake, table) and not (table in lines and agrees(lake, lines[table]))
    ]


def ensure_entry(lake: Lake, table: str, holder: str) -> None:
    """Make sure that a model's table that is there has its line: should it be lost or damaged, its schema has it.

    Args:
        lake: that has the table.
        table: full name.
        holder: the run's id.
    """
    told = written_in_schema(lake, table)
    if told is None:
        return
    entry = entry_of(lake, table)
    if entry is None:
        write_entries(lake, [told | {"state": "building"}])
    elif not agrees(lake, entry):
        change_catalog(lake, holder, lambda _: {table: told})


def write_entries(lake: Lake, entries: list[Entry]) -> None:
    """Write lines. Of known tables, only under the lease on `catalog`."""
    rows = [sealed(entry | {"changed": datetime.now(UTC)}) for entry in entries]
    lake.merge(lake.name("catalog"), pa.Table.from_pylist(rows, schema=CATALOG))


def change_catalog(lake: Lake, holder: str, change: Callable[[list[Entry]], dict[str, Entry]]) -> None:
    """Change lines in one commit, while no other run does.

    Args:
        lake: whose catalog.
        holder: the run's id.
        change: gives the columns to change, by table, for the lines as they are.
    """
    if not change(lake.catalog()):
        return
    with catalog_lease(lake, holder):
        entries = lake.catalog()
        changes = change(entries)
        if changes:
            write_entries(lake, [entry | changes[entry["table"]] for entry in entries if entry["table"] in changes])


def catalog_lease(lake: Lake, holder: str) -> AbstractContextManager[Any]:
    """The lease on the catalog, waited for: it is held for moments only."""
    return writing(lake, ["catalog"], holder, wait=True)


def model_of(corpus: Corpus, entry: Entry) -> Model:
    """The settings of a table's model: the corpus file's, where it still names it, else those that filled it."""
    named = next((model for model in corpus.models if model.name == entry["model"]), None)
    return named or Model.model_validate_json(entry["settings"])


def model_named(corpus: Corpus, model: str) -> Model:
    """The settings of a model: the corpus file's, where it has one of that name or reference, else the defaults.

    Args:
        corpus: whose file.
        model: a name in it, or a reference as `model` takes it there.
    """
    named = next((settings for settings in corpus.models if model in (settings.name, settings.model)), None)
    return named or Model.model_validate(model)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a model's table stands at the end of a run.

    Attributes:
        pending: chunks without a vector.
        failed: chunks that could not be embedded, unless the corpus refuses them or someone chose to ignore that.
        rows: of the table.
    """

    pending: int
    failed: int
    rows: int

    @property
    def complete(self) -> bool:
        """Whether every chunk has its vector or its failure."""
        return self.pending == 0

    @property
    def sound(self) -> bool:
        """Whether so few texts failed that the table may serve."""
        return self.failed <= few_failures(self.rows + self.failed)


def few_failures(chunks: int) -> int:
    """On how many of some chunks a model may fail and its table serve all the same."""
    return max(_FEW, int(_SHARE * chunks))


def states_after(
    entries: list[Entry], standing: dict[str, Standing], kept: set[str], primary: str | None
) -> dict[str, str]:
    """The state of each table after a run.

    Args:
        entries: the catalog.
        standing: of each table.
        kept: tables that this run keeps up to the chunks.
        primary: the table that search is to use. None, as of a backfill: the one that it uses stays, unless there is
            none yet, and tables of other runs are left to them.
    """
    before = {entry["table"]: entry["state"] for entry in entries}
    after = {}
    for table, state in before.items():
        stands = standing[table]
        if state == "live" or (primary is None and table not in kept):
            after[table] = state
        elif table not in kept and state == "frozen":
            after[table] = "frozen"
        else:
            after[table] = _not_live(stands, table in kept)
    live = next((table for table, state in after.items() if state == "live"), None)
    if primary is None and live is None:
        primary = next((table for table in sorted(kept) if after.get(table) == "ready"), None)
    if primary and after.get(primary) == "ready" and standing[primary].sound:
        for table, state in after.items():
            if state == "live":
                after[table] = _not_live(standing[table], table in kept)
        after[primary] = "live"
    return after


def _not_live(standing: Standing, kept: bool) -> str:
    return "ready" if standing.complete else "building" if kept else "frozen"


def _software() -> dict[str, str]:
    """The versions of what decides texts and vectors."""
    names = ("embedlake", "sentence-transformers", "transformers", "torch", "openvino", "tokenizers")
    return {name: version(name) for name in names}
