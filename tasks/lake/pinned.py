"""Models of the hub, kept at the commit that filled their table."""

from tasks.config.models import Model
from tasks.lake.tables import Lake


def pinned(lake: Lake, model: Model) -> Model:
    """A model at the commit of the hub that filled its latest table, where the corpus file names none: so a model that
    changes behind its name gets no new table, and nothing is asked of the hub.

    Args:
        lake: that has the tables.
        model: as the corpus file has it.
    """
    if model.hub_revision:
        return model
    same = [
        (entry["changed"], filled.hub_revision)
        for entry in lake.catalog()
        if entry["reference"] == model.model
        and (filled := Model.model_validate_json(entry["settings"])).hub_revision
        and filled.identity() == model.identity()
    ]
    return model.model_copy(update={"hub_revision": max(same)[1]}) if same else model
