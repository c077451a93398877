"""Which tables a run keeps up to the chunks: those of the corpus file's models, and the live one, whatever model it
has, so that what a search finds never grows old because someone changed a file."""

from dataclasses import dataclass, replace

from tasks.config.settings import Corpus
from tasks.errors import ConfigurationError, ModelError
from tasks.lake.catalog import Entry, entry_of, model_named, model_of, taken_into
from tasks.lake.pinned import resolve_in
from tasks.lake.switches import last_live
from tasks.lake.tables import Lake
from tasks.models.api.providers import image_price_of, price_of, see_key
from tasks.models.find import resolve_entry
from tasks.models.resolved import ResolvedModel, Served


@dataclass(frozen=True, slots=True)
class Kept:
    """Models whose tables are kept up.

    Attributes:
        models: the live table's first, as searches wait for it; then the corpus file's, in its order.
        named: the tables of the corpus file's models, in its order.
        unkept: why the live table cannot be kept up; empty if it can.
    """

    models: list[ResolvedModel]
    named: list[str]
    unkept: str = ""


def kept_models(lake: Lake, asked: bool = True) -> Kept:
    """Find the files of every model whose table is to be kept up.

    Args:
        lake: that has the tables.
        asked: whether the models are going to be: then the keys of services must be there.

    Raises:
        ConfigurationError: the file has a budget, and nobody knows what one of its models costs.
        ModelError: of a model of the corpus file. The live table's, where the file does not name it, stops nothing.
    """
    models = [_ready(lake.corpus, _as_begun(lake, resolve_in(lake, model)), asked) for model in lake.corpus.models]
    named = [lake.model_table(model) for model in models]
    live = last_live(lake, lake.catalog())
    unkept = ""
    if live and live["table"] not in named:
        try:
            model = model_of_table(lake, live)
            if asked:
                see_key(model.settings)
            models.append(model)
        except ModelError as error:
            unkept = unkept_for(live["table"], error)
    models.sort(key=lambda model: live is None or lake.model_table(model) != live["table"])
    return Kept(models, named, unkept)


def model_to_fill(lake: Lake, model: str, asked: bool = True) -> ResolvedModel:
    """The model that a backfill is to fill the table of.

    Args:
        lake: that has the chunks.
        model: a table's full name, which means the settings that filled it, else as `model_named` takes it.
        asked: as of `kept_models`.

    Raises:
        ConfigurationError: the corpus file has a budget, and nobody knows what the model costs.
        ModelError: there is no such model on this machine, or with other weights than the table's.
    """
    entry = entry_of(lake, model)
    found = model_of_table(lake, entry) if entry else resolve_in(lake, model_named(lake.corpus, model))
    return _ready(lake.corpus, _as_begun(lake, found), asked)


def _as_begun(lake: Lake, model: ResolvedModel) -> ResolvedModel:
    """A model that takes what its table does: one that was begun with texts alone, as of an older embedlake that asked
    a service for nothing else, goes on so."""
    takes = replace(model.takes, modalities=taken_into(lake, model))
    return model if takes == model.takes else replace(model, origin=replace(model.origin, takes=takes))


def _ready(corpus: Corpus, model: ResolvedModel, asked: bool) -> ResolvedModel:
    """The model, if a budget can bound what it costs and its key is there; seen to before anything is read."""
    if asked:
        see_key(model.settings)
    if corpus.budget is not None and isinstance(model.origin, Served) and price_of(model.settings) is None:
        raise ConfigurationError(
            f"the corpus file has a `budget`, and nobody knows what {model.settings.model} costs",
            "Say it, in USD for a million tokens: api: { price: 0.02 }",
        )
    media = corpus.extraction
    seen = "image" in model.takes.modalities and (media.images != "none" or media.video)
    if (
        corpus.budget is not None
        and isinstance(model.origin, Served)
        and seen
        and image_price_of(model.settings) is None
    ):
        raise ConfigurationError(
            f"the corpus file has a `budget`, and nobody knows what images cost {model.settings.model}",
            "Say it, in USD for a million tokens that they are billed with: api: { image_price: 0.5 }",
        )
    return model


def model_of_table(lake: Lake, entry: Entry) -> ResolvedModel:
    """The model that filled a table, with the files that are on this machine.

    Raises:
        ModelError: it is not on this machine, or with other weights.
    """
    found = resolve_entry(entry, lake.corpus.models)
    if found.revision != entry["revision"]:
        raise ModelError(
            f"the weights of {entry['reference']!r} that filled {entry['table']} are not on this machine: those that"
            f" are here are revision {found.revision}",
            "Get the weights that filled it, or make the table of another model live: embedlake promote.",
        )
    return replace(found, settings=model_of(lake.corpus, entry))


def unkept_for(table: str, error: ModelError) -> str:
    """What is to be told of a live table that cannot be brought up to the chunks."""
    return f"{table} is live and cannot be kept up: {error.message}"
