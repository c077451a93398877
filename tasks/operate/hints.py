"""What a corpus file could ask for, by what was skipped and what its models take."""

from collections.abc import Collection, Iterable, Mapping

from tasks.config.settings import Corpus
from tasks.models.resolved import ResolvedModel

_ASKED_BY = {"image": "extraction: {images: files}"}
"""The setting that makes files of a modality documents."""


def media_hints(corpus: Corpus, skipped: Mapping[str, int], models: Iterable[ResolvedModel]) -> list[str]:
    """What is to be told of images and the like: those that are skipped though a model takes them, and those that are
    read though none does.

    Args:
        corpus: whose files.
        skipped: how many were, by media type.
        models: that are kept up.
    """
    takers: dict[str, list[str]] = {}
    for model in models:
        for modality in model.takes.modalities:
            takers.setdefault(modality, []).append(model.name)
    hints = []
    for modality, setting in _ASKED_BY.items():
        count = sum(number for kind, number in skipped.items() if kind.split("/")[0] == modality)
        if modality in corpus.extraction.media and modality not in takers:
            hints.append(f"no model here takes {_many(modality)}, which are read: only their captions are found")
        elif count and modality in takers and modality not in corpus.extraction.media:
            names = ", ".join(takers[modality])
            hints.append(f"{count:,} {_many(modality)} are skipped, which {names} takes: set `{setting}`")
    return hints


def _many(modality: str) -> str:
    return f"{modality}s"


def counted(by_modality: Mapping[str, int], texts: int) -> str:
    """How many of each modality, as it is said."""
    told: Collection[str] = [f"{number:,} {_many(modality)}" for modality, number in sorted(by_modality.items())]
    return ", ".join([*([f"{texts:,} texts"] if texts or not told else []), *told])
