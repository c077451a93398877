"""Which documents of a corpus judgments mean, and which of these are one.

Judgments name documents as the corpus has them, `source:id`, or by the part behind the source alone. A search shows
each text once, whichever of the documents with that text it stands under: so documents with equal text are one here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tasks.errors import ConfigurationError
from tasks.lake.tables import Lake

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of a corpus that can be found.

    Attributes:
        one: for each id the document that stands for all with its text.
        named: ids by the part behind their source.
    """

    one: Mapping[str, str]
    named: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str | None]]) -> "Documents":
        """From ids and text hashes."""
        one: dict[str, str] = {}
        named: dict[str, tuple[str, ...]] = {}
        first: dict[str, str] = {}
        for identity, text_hash in sorted(rows):
            one[identity] = first.setdefault(text_hash, identity) if text_hash else identity
            bare = identity.partition(":")[2]
            named[bare] = (*named.get(bare, ()), identity)
        return cls(one, named)

    def meant(self, name: str) -> tuple[str, ...]:
        """The documents that a name means: itself, or those that have it behind their source; none, if there is none.

        Raises:
            ConfigurationError: documents of different texts in several sources have it.
        """
        if name in self.one:
            return (self.one[name],)
        found = tuple(dict.fromkeys(self.one[identity] for identity in self.named.get(name, ())))
        if len(found) > 1:
            raise ConfigurationError(
                f"the judgments name a document {name!r}, which several sources have: {', '.join(found[:_SHOWN])}",
                "Name it with its source.",
            )
        return found

    def grades(self, judged: Mapping[str, Mapping[str, int]]) -> tuple[dict[str, dict[str, int]], list[str]]:
        """Judgments of the corpus's documents, the best of several of one; and the names that mean none."""
        found: dict[str, dict[str, int]] = {}
        unknown: dict[str, None] = {}
        for query, graded in judged.items():
            own = found.setdefault(query, {})
            for name, grade in graded.items():
                meant = self.meant(name)
                for document in meant:
                    own[document] = max(grade, own.get(document, 0))
                if not meant:
                    unknown[name] = None
        return found, list(unknown)

    def ranked(self, documents: Iterable[str]) -> list[str]:
        """The documents of a list of passages, each at its best passage."""
        return list(dict.fromkeys(self.one.get(document, document) for document in documents))


def documents_of(lake: Lake) -> Documents:
    """The documents of a lake that have chunks."""
    rows = lake.read(lake.name("documents"), ["document_id", "text_hash"], "chunks > 0")
    return Documents.of(zip(rows["document_id"].to_pylist(), rows["text_hash"].to_pylist(), strict=True))
