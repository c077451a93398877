"""What a search may be asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from tasks.errors import ConfigurationError
from tasks.rerank.interface import Reranker
from tasks.search.boost import Boost, boosts_of
from tasks.search.filters import Filter
from tasks.search.retrieve import Way

Modality = Literal["text", "image", "audio"]
Boosts = Boost | Mapping[str, Any] | Sequence[Boost | Mapping[str, Any]] | None


class Options(TypedDict, total=False):
    """The options of `OpenLake.search`, which says what each means."""

    model: str | None
    limit: int
    where: str | Filter | None
    by: Way | None
    weight: float | None
    offset: int
    per_document: int | None
    min_score: float | None
    context: int
    rerank: bool | Reranker | None
    boost: Boosts
    diverse: float
    modality: Modality | None
    expand: str | bool | None


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of one search, see `Options`.

    Raises:
        ConfigurationError: some make no sense together, or a value is out of its range.
    """

    model: str | None = None
    limit: int = 5
    where: str | Filter | None = None
    by: Way | None = None
    weight: float | None = None
    offset: int = 0
    per_document: int | None = None
    min_score: float | None = None
    context: int = 0
    rerank: bool | Reranker | None = None
    boost: Boosts = None
    diverse: float = 0.0
    modality: Modality | None = None
    expand: str | bool | None = None

    def __post_init__(self) -> None:
        if self.weight is not None and self.by in ("vector", "text"):
            raise ConfigurationError(
                f"a weight of meaning against words has no meaning in a search by {self.by} alone",
                "Leave out the weight, or search by hybrid.",
            )
        if self.widened and self.by == "vector":
            raise ConfigurationError("a search by vector looks for no words", "Leave out what expands them.")
        if not 0 <= self.diverse <= 1:
            raise ConfigurationError(
                f"diverse is {self.diverse:g}, and goes from 0 to 1", "0 is by score alone, 0.5 is a good beginning."
            )

    @property
    def widened(self) -> bool:
        """Whether near words are looked for too."""
        return self.expand is not None and self.expand is not False

    @property
    def widened_by(self) -> str | None:
        """The word vectors that say which words are near; None for the corpus's."""
        return self.expand if isinstance(self.expand, str) else None

    @property
    def boosts(self) -> list[Boost]:
        """What is boosted by."""
        return boosts_of(self.boost)
