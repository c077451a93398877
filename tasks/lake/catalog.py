"""The catalog: a line for each model's table, and the rules by which a table becomes live.

Reading a line and writing it back needs the lease on `catalog`; a table's own schema says all that its line says but
the state, so that a lost line can be written again.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from tasks.config.models import Model, kept_model
from tasks.config.settings import Corpus
from tasks.hashing import sealed
from tasks.lake.lease import writing
from tasks.lake.schemas import CATALOG, TEMPLATE_KEY, embeddings_schema
from tasks.lake.tables import Lake
from tasks.models.interface import TEXT
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
        "modalities": sorted(model.takes.modalities) if model.takes.modalities != TEXT else None,
        "calibration": json.dumps(model.calibration) if model.calibration else None,
    }  # fmt: skip
    provenance = {
        "embedlake.model": model.settings.model,
        "embedlake.revision": model.revision,
        "embedlake.provenance": json.dumps(settings),
        _ENTRY: json.dumps(entry),
    }
    if model.settings.template != "text":
        provenance[TEMPLATE_KEY] = model.settings.template
    store = pa.float16() if model.settings.store == "float16" else pa.float32()
    lake.create(table.removeprefix(lake.name("")), embeddings_schema(lake.corpus, dimension, provenance, store))
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
    """The settings that filled a table, with what the corpus file says of how a model of that name is run."""
    filled = kept_model(entry["settings"])
    named = next((model for model in corpus.models if model.name == entry["model"]), None)
    if named is None:
        return filled
    how = ("backend", "precision", "index")
    return filled.model_copy(update={name: getattr(named, name) for name in how}).asked_as(named)


def taken_by(entry: Entry) -> frozenset[str]:
    """The modalities of which a model's table has rows; text alone where its line says nothing."""
    return frozenset(entry.get("modalities") or TEXT)


def taken_into(lake: Lake, model: ResolvedModel) -> frozenset[str]:
    """The same of a model's table, whether it is there yet or not."""
    entry = entry_of(lake, lake.model_table(model))
    return taken_by(entry) if entry else model.takes.modalities


def model_named(corpus: Corpus, model: str) -> Model:
    """The settings of a model: the corpus file's, where it has one of that name or reference, else the defaults.

    Args:
        corpus: whose file.
        model: a name in it, or a reference as `model` takes it there.
    """
    named = next((settings for settings in corpus.models if model in (settings.name, settings.model)), None)
    return named or Model.model_validate(model)


def live_of(entries: Iterable[Entry]) -> Entry | None:
    """The line of the table that search uses by default."""
    return next((entry for entry in entries if entry["state"] == "live"), None)


def behind(entry: Entry) -> str:
    """What is to be told of a table that lacks chunks which no run gives it; empty where it lacks none."""
    since = entry.get("behind_since")
    return f"{entry['table']} is behind the sources since {since:%Y-%m-%d %H:%M} UTC" if since else ""


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
        """Whether so few texts failed that the table may serve: few of all, and no more than did not fail."""
        return self.failed <= min(few_failures(self.rows + self.failed), self.rows)


def few_failures(chunks: int) -> int:
    """On how many of some chunks a model may fail and its table serve all the same."""
    return max(_FEW, int(_SHARE * chunks))


def states_after(
    entries: list[Entry], standing: dict[str, Standing], kept: set[str], order: Sequence[str], whole: bool
) -> dict[str, str]:
    """The state of each table after a run. What is live stays so: a run makes a table live only where none is.

    Args:
        entries: the catalog.
        standing: of each table.
        kept: tables that this run keeps up to the chunks.
        order: tables of which the first that is complete and sound becomes live where none is.
        whole: whether the run keeps up all that are to be kept up; a backfill leaves other tables to their runs.
    """
    after: dict[str, str] = {}
    for entry in entries:
        table, state = entry["table"], entry["state"]
        if state == "live" or (not whole and table not in kept):
            after[table] = state
        else:
            after[table] = not_live(standing[table]) if table in kept else "frozen"
    if "live" not in after.values():
        ready = [table for table in order if after.get(table) == "ready" and standing[table].complete]
        first = next((table for table in ready if standing[table].sound), None)
        if first:
            after[first] = "live"
    return after


def changes_after(
    entries: list[Entry], standing: dict[str, Standing], kept: set[str], order: Sequence[str], whole: bool
) -> dict[str, Entry]:
    """The columns that a run changes in lines of the catalog, by table; see `states_after`. What is kept up is neither
    behind nor to be removed; of the others it is noted since when they lack chunks."""
    states = states_after(entries, standing, kept, order, whole)
    changes: dict[str, Entry] = {}
    for entry in entries:
        table = entry["table"]
        after: Entry = {"state": states[table]}
        if table in kept:
            after |= {"behind_since": None, "retire_at": None}
        elif whole:
            since = entry.get("behind_since") or datetime.now(UTC)
            after["behind_since"] = since if standing[table].pending else None
        changed = {name: value for name, value in after.items() if entry.get(name) != value}
        if changed:
            changes[table] = changed
    return changes


def not_live(standing: Standing) -> str:
    """The state of a table that is kept up and not live."""
    return "ready" if standing.complete else "building"


def _software() -> dict[str, str]:
    """The versions of what decides texts and vectors."""
    names = ("embedlake", "sentence-transformers", "transformers", "torch", "openvino", "tokenizers")
    return {name: version(name) for name in names}
