"""The word vectors of a corpus: which they are, how much of its text they know, and what to look for beside a query."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tasks.config.models import Model, kept_model
from tasks.errors import ConfigurationError, ModelError
from tasks.lake.nearest import View
from tasks.models.find import find_model
from tasks.models.located import is_words
from tasks.models.providers import provider_of
from tasks.models.word_vectors import WordVectors, words_of

_LEAST = 0.7  # cosine from which on a word is looked for too
_MOST = 3  # words for each of a query's
_LOOKED_AT = 12  # of the nearest, as many are the same word by its stem
_WEIGHT = 0.3  # of a word that stands for another, times their cosine


class Wider(NamedTuple):
    """A word that is looked for beside a query's.

    Attributes:
        word: to look for.
        beside: the query's word that it is near.
        cosine: of their vectors.
        weight: how much it counts, where a query's own word counts 1.
    """

    word: str
    beside: str
    cosine: float
    weight: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of some texts word vectors know.

    Attributes:
        words, distinct: of the texts.
        unknown: of the words, those that have no vector.
        most: the unknown words that are there most often, with their counts.
    """

    words: int
    distinct: int
    unknown: int
    most: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def word_vectors(rows: Sequence[dict[str, Any]], models: Sequence[Model], name: str | None) -> WordVectors:
    """Word vectors by a name, or else those of a corpus: of its live table, of another one, or of its file.

    Args:
        rows: of its catalog.
        models: of its file.
        name: of a model or a table of the corpus, a file, `package:NAME`, or a hub name; None for the corpus's.

    Raises:
        ConfigurationError: the corpus has none, or what is named is none.
        ModelError: there is no such model, or it is damaged.
    """
    tables = sorted(rows, key=lambda row: row["state"] != "live")
    if name is not None:
        named = [row for row in tables if name in (row["model"], row["table"], row["revision"], row["reference"])]
        kept = [kept_model(row["settings"]) for row in named] + [model for model in models if model.name == name]
        meant = find_model(*_reference(kept[0])) if kept else find_model(_absolute(name))
        if not is_words(meant):
            raise ConfigurationError(
                f"{name!r} is no model of word vectors",
                "Name a file of them, such as ./glove.6B.300d.txt, or a package that has one.",
            )
        return WordVectors(meant)
    candidates = [kept_model(row["settings"]) for row in tables] + list(models)
    for model in sorted(candidates, key=lambda model: not model.model.startswith(("/", "package:"))):
        try:
            place = find_model(*_reference(model)) if provider_of(model.model) is None else None
        except ModelError:
            continue
        if place and is_words(place):
            return WordVectors(place)
    raise ConfigurationError(
        "no model of the corpus has word vectors", "Name some: --model ./glove.6B.300d.txt, or package:NAME."
    )


def wider(query: str, vectors: WordVectors, view: View) -> tuple[Wider, ...]:
    """Words to look for beside those of a query: of each of its words, but those that the text index leaves out, the
    three nearest with a cosine of 0.7 or more that are another word by their stem.

    Args:
        query: in words.
        vectors: that say which words are near.
        view: of the table, whose text index says which words are the same.
    """
    asked = [word for word in dict.fromkeys(words_of(query)) if view.words(word)]
    known = view.words(query)
    found: dict[str, Wider] = {}
    for word, near in zip(asked, vectors.nearest(asked, _LOOKED_AT), strict=True):
        count = 0
        for one in near:
            forms = view.words(one.word)
            if one.cosine < _LEAST or count == _MOST:
                break
            if not forms or forms & known:
                continue
            known = known | forms
            found[one.word] = Wider(one.word, word, one.cosine, _WEIGHT * one.cosine)
            count += 1
    return tuple(found.values())


def coverage(texts: Iterable[str], vectors: WordVectors, most: int) -> Coverage:
    """How much of some texts word vectors know.

    Args:
        texts: to look at.
        vectors: to look words up in.
        most: unknown words to name.
    """
    counts = Counter(word for text in texts for word in words_of(text))
    unknown = Counter({word: count for word, count in counts.items() if not vectors.pieces(word)})
    return Coverage(counts.total(), len(counts), unknown.total(), dict(unknown.most_common(most)))


def _reference(model: Model) -> tuple[str, str | None]:
    return model.model, model.hub_revision


def _absolute(name: str) -> str:
    path = Path(name).expanduser()
    return str(path.absolute()) if path.exists() or name.startswith((".", "/", "~")) else name
