"""Which queries an evaluation asks: those that are judged, and of them those that tell something."""

from collections.abc import Collection
from dataclasses import dataclass

from tasks.errors import ConfigurationError
from tasks.evaluate.documents import Documents
from tasks.evaluate.judged import Judged

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """Queries to ask.

    Attributes:
        judged: their texts, and grades by documents as the corpus has them.
        told: what was left out, in whole sentences.
    """

    judged: Judged
    told: list[str]


def asked_of(
    judged: Judged, documents: Documents, training: Collection[str], leave_out: bool, excluded: Collection[str]
) -> Asked:
    """The queries with a relevant document in the corpus.

    Args:
        judged: as the files have it.
        documents: of the corpus.
        training: documents that a model was trained on, as a file names them.
        leave_out: queries with one of these among their relevant documents.
        excluded: ids of queries to leave out.

    Raises:
        ConfigurationError: no query is left.
    """
    grades, unknown = documents.grades(judged.grades)
    told = _about_files(judged, unknown)
    kept = [query for query in sorted(judged.queries) if any(grades.get(query, {}).values())]
    _check_some(kept, judged, documents, unknown)
    if without := sum(1 for query in judged.grades if query in judged.queries) - len(kept):
        told.append(f"{without} judged queries have no relevant document in the corpus and are left out.")
    if excluded:
        named = [query for query in kept if query in excluded]
        kept = [query for query in kept if query not in excluded]
        told.append(f"{len(named)} queries are left out by --exclude-queries.")
    if training:
        trained_on = {document for name in training for document in documents.meant(name)}
        seen = {q for q in kept if any(grade > 0 and d in trained_on for d, grade in grades[q].items())}
        among = f"{len(seen)} of {len(kept)} queries have a relevant document that was trained on"
        kept = [query for query in kept if not leave_out or query not in seen]
        told.append(f"{among}, and {'are left out' if leave_out else 'count all the same (--clean leaves them out)'}.")
    if not kept:
        raise ConfigurationError("no query is left to ask", " ".join(told))
    return Asked(Judged(judged.queries, grades).only(kept), told)


def _about_files(judged: Judged, unknown: list[str]) -> list[str]:
    told = []
    if more := len(judged.queries.keys() - judged.grades.keys()):
        told.append(f"{more} queries have no judgments and are not asked.")
    if more := len(judged.grades.keys() - judged.queries.keys()):
        told.append(f"Judgments of {more} queries are left out, as the file of queries lacks them.")
    if unknown:
        shown = ", ".join(map(repr, unknown[:_SHOWN]))
        told.append(f"{len(unknown)} judged documents are not in the corpus and count for nothing, such as {shown}.")
    return told


def _check_some(kept: list[str], judged: Judged, documents: Documents, unknown: list[str]) -> None:
    if kept:
        return
    if not judged.queries.keys() & judged.grades.keys():
        first, other = next(iter(judged.queries)), next(iter(judged.grades))
        raise ConfigurationError(
            f"no query has judgments: the queries have ids such as {first!r}, the judgments such as {other!r}",
            "Give the files of one set.",
        )
    if unknown:
        there = next(iter(documents.one), "no document")
        raise ConfigurationError(
            f"the judgments name no relevant document of the corpus: they name {unknown[0]!r}, it has {there!r}",
            "Ids are those that `embedlake search` shows, with their source or without.",
        )
    raise ConfigurationError("no query has a relevant document", "Judgments need grades above 0.")
