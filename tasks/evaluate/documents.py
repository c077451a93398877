"""Which documents of a corpus judgments mean, and which of these are one.

Judgments name documents as the corpus has them, `source:id`, or by the part behind the source alone. A search shows
each text once, whichever of the documents with that text it stands under: so documents with equal text are one here,
and a passage that a relevant document has is found where its text is shown under another one.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from tasks.columns import among
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

    def ranked(
        self,
        passages: Iterable[tuple[str, str]],
        holders: Mapping[str, Collection[str]] | None = None,
        grades: Mapping[str, int] | None = None,
    ) -> list[str]:
        """The documents of a list of passages, each at its best passage. A passage stands for the relevant documents
        that have its text, the best first, and for the one that it is shown under where there are none.

        Args:
            passages: of each, the document that it is shown under, and the hash of its text.
            holders: documents by the hashes of their passages' texts; see `holders_of`.
            grades: of documents, for the query that was asked.
        """
        found: dict[str, None] = {}
        for shown, text_hash in passages:
            relevant = [one for one in (holders or {}).get(text_hash, ()) if grades and grades.get(one, 0) > 0]
            relevant.sort(key=lambda one: -(grades or {})[one])
            found |= dict.fromkeys(relevant or [self.one.get(shown, shown)])
        return list(found)


def documents_of(lake: Lake) -> Documents:
    """The documents of a lake that have chunks."""
    rows = lake.read(lake.name("documents"), ["document_id", "text_hash"], "chunks > 0")
    return Documents.of(zip(rows["document_id"].to_pylist(), rows["text_hash"].to_pylist(), strict=True))


def holders_of(lake: Lake, documents: Collection[str]) -> dict[str, list[str]]:
    """Which of some documents have a passage, by the hash of its text."""
    rows = lake.read(lake.name("chunks"), ["document_id", "text_hash"])
    rows = rows.filter(among(rows["document_id"], documents))
    found: dict[str, dict[str, None]] = {}
    for document, text_hash in zip(rows["document_id"].to_pylist(), rows["text_hash"].to_pylist(), strict=True):
        found.setdefault(text_hash, {})[document] = None
    return {text_hash: list(holders) for text_hash, holders in found.items()}
