"""A part of the chunks, to embed no more than that: by a filter, by chance, or so many at most."""

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa

from tasks.config.models import Model
from tasks.embed.pending import pending_chunks
from tasks.errors import ConfigurationError
from tasks.lake.literals import all_of
from tasks.lake.nearest import check_filter
from tasks.lake.tables import Lake
from tasks.models.interface import TEXT

_DIGITS = 8  # of a chunk's id, enough to tell shares apart


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of the chunks that a model's table lacks are embedded.

    Attributes:
        where: an SQL condition over the columns of chunks; None lets all through.
        share: of the chunks, above 0 to 1. Which they are stands on their ids alone, so that every model gets the same
            ones, and a larger share has those of a smaller one.
        limit: most chunks; None for all.

    Raises:
        ConfigurationError: the share or the limit is out of range.
    """

    where: str | None = None
    share: float = 1.0
    limit: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ConfigurationError(f"a sample of {self.share:g} cannot be taken", "Take more than 0, and at most 1.")
        if self.limit is not None and self.limit < 1:
            raise ConfigurationError(f"a limit of {self.limit} lets nothing through", "Take 1 or more, or none.")

    @property
    def everything(self) -> bool:
        """Whether it leaves nothing out."""
        return self == EVERYTHING

    def sql(self) -> str | None:
        """The condition that chunks are to fulfil."""
        bound = min(round(self.share * 16**_DIGITS), 16**_DIGITS - 1)
        return all_of(self.where, f"chunk_id < '{bound:0{_DIGITS}x}'" if self.share < 1 else None)


EVERYTHING = Selection()


def selected(
    lake: Lake, table: str, model: Model, selection: Selection, takes: Collection[str] = TEXT
) -> pa.ChunkedArray | None:
    """The versions of the chunks that a model's table lacks and a selection takes; None where it takes all, those
    that come meanwhile too.

    Raises:
        ConfigurationError: the condition is not one over the columns of chunks.
    """
    check_filter(lake, lake.name("chunks"), selection.where)
    if selection.everything:
        return None
    chosen = lake.read(lake.name("chunks"), ["version"], selection.sql())["version"]
    return pending_chunks(lake, table, model, takes, chosen).versions.slice(0, selection.limit)
