"""Models of the corpus file, as the tables of a lake have them."""

import json
from datetime import datetime

from tasks.config.models import Model, kept_model
from tasks.lake.catalog import Entry
from tasks.lake.tables import Lake
from tasks.models.find import former, resolve_model
from tasks.models.resolved import ResolvedModel


def resolve_in(lake: Lake, model: Model) -> ResolvedModel:
    """Find a model for a lake: at the commit that its tables have, and under the revision that an older embedlake gave
    it where only that one has a table.

    Args:
        lake: that has the tables.
        model: as the corpus file has it.

    Raises:
        ModelError: there is no such model, or it cannot be fetched.
    """
    found = resolve_model(pinned(lake, model))
    tables = {entry["table"] for entry in lake.catalog()}
    if not tables or lake.model_table(found) in tables:
        return found
    before = former(found)
    return before if lake.model_table(before) in tables else found


def pinned(lake: Lake, model: Model) -> Model:
    """A model at the commit of the hub that filled the table in use, where the corpus file names none: so a model that
    changes behind its name gets no new table, and nothing is asked of the hub. In use is the live table; else one that
    runs keep up, and of several the one that was filled first.

    Args:
        lake: that has the tables.
        model: as the corpus file has it.
    """
    if model.hub_revision:
        return model
    same = [
        (entry, filled.hub_revision)
        for entry in lake.catalog()
        if entry["reference"] == model.model
        and (filled := kept_model(entry["settings"])).hub_revision
        and filled.identity() == model.identity()
    ]
    if not same:
        return model
    first = _first_filled(lake) if len(same) > 1 else {}
    _, commit = min(same, key=lambda one: (_disuse(one[0]), first.get(one[0]["table"], one[0]["changed"])))
    return model.model_copy(update={"hub_revision": commit})


def _disuse(entry: Entry) -> int:
    """How far a table is from being in use. One that is to be removed comes last, so that it keeps its mark."""
    if entry["state"] == "live":
        return 0
    return 3 if entry.get("retire_at") else 2 if entry["state"] == "frozen" else 1


def _first_filled(lake: Lake) -> dict[str, datetime]:
    """When the first run began that filled a table, by its name."""
    runs = lake.read(lake.name("runs"), ["started", "counts"]).to_pylist()
    first: dict[str, datetime] = {}
    for run in sorted(runs, key=lambda run: run["started"], reverse=True):
        first |= {counts["table"]: run["started"] for counts in json.loads(run["counts"])["models"]}
    return first
