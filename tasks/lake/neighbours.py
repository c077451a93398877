"""Other corpora in the same lake: a corpus that was renamed leaves its tables under its old name."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tasks.config.settings import Corpus
from tasks.errors import ConfigurationError
from tasks.lake.lease import writing
from tasks.lake.tables import Lake


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The tables of a corpus.

    Attributes:
        name: of the corpus.
        tables: their full names.
        documents: rows of its documents table; None where that is gone.
        bytes: on disk, old versions included; None where the lake is not on a disk.
    """

    name: str
    tables: list[str]
    documents: int | None
    bytes: int | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def others(lake: Lake) -> dict[str, int]:
    """How many tables each other corpus has in the lake, by its name."""
    return {name: len(tables) for name, tables in lake.store.corpora().items() if name != lake.corpus.name}


def neighbours(lake: Lake) -> list[Neighbour]:
    """The other corpora in the lake."""
    return [neighbour(lake, name) for name in others(lake)]


def neighbour(lake: Lake, name: str) -> Neighbour:
    """What the lake has of a corpus.

    Raises:
        ConfigurationError: nothing.
    """
    corpora = lake.store.corpora()
    if name not in corpora:
        there = ", ".join(f"{corpus} ({len(tables)} tables)" for corpus, tables in corpora.items()) or "nothing"
        raise ConfigurationError(
            f"the lake at {lake.uri} has no table of a corpus {name!r}", f"It holds {there}; give one of these names."
        )
    tables = corpora[name]
    sizes = [size for table in tables if (size := bytes_of_files(lake.uri, table)) is not None]
    size = None if "://" in lake.uri else sum(sizes)
    return Neighbour(name, tables, lake.store.rows_of(f"{name}.documents"), size)


def drop(corpus: Corpus, name: str, holder: str, wait: bool) -> list[str]:
    """Remove all tables of a corpus; their names. Broken off, it leaves tables that a second time removes.

    The documents go first: from then on the corpus is not there, and of what is left nothing can be searched. The
    leases go last, so that no run writes meanwhile.

    Args:
        corpus: whose lake.
        name: of the corpus to remove.
        holder: who takes its leases.
        wait: for a run that holds one of them to end.

    Raises:
        LeaseHeld: a run holds one of them, and `wait` is False.
    """
    renamed = corpus.model_copy(update={"name": name})
    lake = Lake(renamed, may_be_empty=True, only=())
    leases = lake.name("leases")
    removed = lake.store.corpora().get(name, [])
    if removed != [leases]:  # which a removal left that was broken off at its very end, and is perhaps not whole
        lake = Lake(renamed, may_be_empty=True, only=("leases",))
        scopes = lake.read(leases, ["scope"])["scope"].to_pylist()
        with writing(lake, {"documents", *_models(removed), *scopes}, holder, wait):
            removed = lake.store.corpora()[name]
            for table in sorted(removed, key=lambda table: (_ORDER.get(table.partition(".")[2], len(_ORDER)), table)):
                if table != leases:
                    lake.drop(table)
    lake.drop(leases)
    return removed


_ORDER = {"documents": 0, "catalog": 1}  # without its line in the catalog, a model's table is not used


def _models(tables: list[str]) -> list[str]:
    return [table for table in tables if table.count(".") > 1]


def bytes_of_files(uri: str, table: str) -> int | None:
    """Bytes of a table's files, old versions included; None where the lake is not on a disk."""
    if "://" in uri:
        return None
    total = 0
    for file in (Path(uri) / f"{table}.lance").rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except OSError:  # another run removed it just then
            continue
    return total
