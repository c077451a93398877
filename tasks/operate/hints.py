"""What a corpus file could ask for, by what was skipped and what its models take."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from tasks.config.media import Audio
from tasks.config.settings import Corpus
from tasks.models.resolved import ResolvedModel

_ASKED_BY = {
    "image": "extraction: {images: files}", "audio": "extraction: {audio: files}",
    "video": "extraction: {video: files}",
}  # fmt: skip
"""The setting that makes files of a medium documents."""
_TAKEN_AS = {"image": {"image"}, "audio": {"audio"}, "video": {"image", "audio"}}
"""The modalities that a file of a medium gives."""
_MANY = {"image": "images", "audio": "sounds", "video": "films"}


def media_hints(corpus: Corpus, skipped: Mapping[str, int], models: Iterable[ResolvedModel]) -> list[str]:
    """What is to be told of images and the like: those that are skipped though a model takes them, and those that are
    read though none does.

    Args:
        corpus: whose files.
        skipped: how many were, by media type.
        models: that are kept up.
    """
    known = list(models)
    hints = []
    for medium, setting in _ASKED_BY.items():
        count = sum(number for kind, number in skipped.items() if kind.split("/")[0] == medium)
        takers = [model.name for model in known if model.takes.modalities & _TAKEN_AS[medium]]
        if medium in corpus.extraction.media and not takers:
            found = "captions and words" if corpus.extraction.transcribe and medium != "image" else "captions"
            hints.append(f"no model here takes {_MANY[medium]}, which are read: only their {found} are found")
        elif count and takers and medium not in corpus.extraction.media:
            told = f"{_MANY[medium]} are skipped, which {', '.join(takers)} takes"
            hints.append(f"{count:,} {told}: set `{setting}`")
    return [*hints, *_too_long(corpus, known)]


def _too_long(corpus: Corpus, models: Sequence[ResolvedModel]) -> list[str]:
    """What is to be told of models that hear less than a chunk of sound lasts."""
    if not corpus.extraction.media & {"audio", "video"}:
        return []
    window = (corpus.extraction.audio or Audio.model_validate({})).window
    return [
        f"{model.name} hears {longest / 1000:g} seconds at most:"
        f" set `extraction: {{audio: {{window: {longest / 1000:g}}}}}`"
        for model in models
        if (longest := model.takes.longest) and longest < window * 1000
    ]


def counted(by_modality: Mapping[str, int], texts: int) -> str:
    """How many of each modality, as it is said."""
    told: Collection[str] = [f"{number:,} {_MANY[modality]}" for modality, number in sorted(by_modality.items())]
    return ", ".join([*([f"{texts:,} texts"] if texts or not told else []), *told])
