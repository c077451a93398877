"""The tables of a corpus in the lake: which there are, and their columns."""

from collections.abc import Callable, Collection
from typing import Any

import pyarrow as pa

from tasks.config.settings import Corpus
from tasks.errors import LakeError
from tasks.lake.schemas import (
    CATALOG,
    EVALUATIONS,
    FAILURES,
    FORMAT,
    FORMAT_KEY,
    RUNS,
    SWITCHES,
    TOKENIZER,
    chunks_schema,
    documents_schema,
    embeddings_schema,
)
from tasks.lake.snapshot import explained, when_cut_off
from tasks.lake.store import Store
from tasks.models.resolved import ResolvedModel


class TableSet:
    """The tables of one corpus: which there are, and what columns they have.

    Args:
        corpus: whose tables.
        create: make missing tables; a reader says False.
        may_be_empty: where nothing is created, accept that nothing is there yet.
        only: open no other of its tables than those of these kinds; others may be damaged.

    Raises:
        LakeError: the store cannot be reached, or does not hold the corpus.
    """

    def __init__(
        self, corpus: Corpus, create: bool = False, may_be_empty: bool = False, only: Collection[str] | None = None
    ) -> None:
        self.corpus = corpus
        self._only = only
        self.uri = corpus.lake.uri
        self.fence: Callable[[], None] | None = None  # called before each write; raises where it must not be made
        self.store = Store(corpus.lake)
        self.store.reached(lambda: self._open(create))
        if not (create or may_be_empty) and self.name("documents") not in self._tables:
            raise LakeError(
                f"the lake at {self.uri} holds nothing of the corpus {corpus.name!r} yet{self._instead()}",
                "Fill it with: embedlake run CORPUS.yaml",
            )

    def _open(self, create: bool) -> None:
        self.refresh()
        self._check_format()
        if create:
            for kind, schema in self._own_schemas().items():
                self._ensure(self.name(kind), schema)

    def columns(self, table: str) -> list[str]:
        """The columns that a table has."""
        names: list[str] = self.schema(table).names
        return names

    def columns_that_go(self, table: str, schema: pa.Schema) -> list[str]:
        """The columns that a table has, if it is there, and must not have, or of another type."""
        return _difference(self.schema(table), schema)[0] if table in self._tables else []

    def differs(self, table: str, schema: pa.Schema, may_lack: Collection[str] = ()) -> bool:
        """Whether a table that is there has other columns than it must have, of which it may lack some."""
        if table not in self._tables:
            return False
        gone, missing = _difference(self.schema(table), schema)
        return bool(gone or any(field.name not in may_lack for field in missing))

    def evolve(self, table: str, schema: pa.Schema) -> None:
        """Give a table the columns that it must have: new ones are null, those of another type too; others go."""
        if self.differs(table, schema):
            self._write(table, lambda: self._evolve(table, schema))

    def _evolve(self, table: str, schema: pa.Schema) -> None:
        gone, _ = _difference(self.schema(table), schema)
        try:
            if gone:
                self._tables[table].drop_columns(gone)
            _, missing = _difference(self.schema(table), schema)
            if missing:
                self._tables[table].add_columns(pa.schema([field.with_nullable(True) for field in missing]))
        except (RuntimeError, ValueError):  # another run may have done it just then
            if self.differs(table, schema):
                raise

    def evolve_own(self) -> None:
        """The same for all tables but the models'."""
        for kind, schema in self._own_schemas().items():
            self.create(kind, schema)

    def model_tables(self) -> list[str]:
        """The full names of all models' tables, whether the catalog knows them or not."""
        return sorted(name for name in self._tables if name.count(".") > 1)

    def schema(self, table: str) -> pa.Schema:
        """The columns that a table has."""
        return self.dataset(table).schema

    def has(self, table: str) -> bool:
        """Whether a table is there."""
        return table in self._tables

    def model_schema(self, table: str) -> pa.Schema:
        """The columns that a model's table must have, with the vectors that it has."""
        vector = self.vector_field(table).type
        return embeddings_schema(self.corpus, vector.list_size, self.provenance(table), vector.value_type)

    def refresh(self) -> None:
        """Look which tables there are; another run may have made some."""
        self._tables = self.store.open(when_cut_off(self._names))

    def create(self, kind: str, schema: pa.Schema) -> None:
        """Make sure that a table is there, with its columns."""
        self._ensure(self.name(kind), schema)
        self.evolve(self.name(kind), schema)

    def name(self, kind: str) -> str:
        """The full name of a table of this corpus."""
        return f"{self.corpus.name}.{kind}"

    def model_table(self, model: ResolvedModel) -> str:
        """The full name of a model's table."""
        return self.name(f"{model.name}.{model.revision}")

    def chunk_columns(self) -> list[str]:
        """The columns of the chunks table."""
        names: list[str] = chunks_schema(self.corpus).names
        return names

    def vector_field(self, table: str) -> pa.Field:
        """The column of a model table that holds its vectors."""
        return self.schema(table).field("vector")

    def provenance(self, table: str) -> dict[str, str]:
        """What a table's schema says of how it was made."""
        metadata = self.schema(table).metadata or {}
        return {key.decode(): value.decode() for key, value in metadata.items()}

    def drop(self, table: str) -> None:
        """Remove a table, of whichever corpus, even one of which a part is gone."""
        self._write(table, lambda: self.store.drop(table), "removed")
        if table in self._tables:
            del self._tables[table]

    def _write(self, table: str, call: Callable[[], object], done: str = "written") -> None:
        """Make a write, unless its lease is lost. One that fails may have met with the run that took the lease while
        this one was stopped in the middle of it: then that is what is wrong."""
        self._check_fence()
        try:
            explained(table, done, call)
        except LakeError:
            self._check_fence()
            raise

    def _check_fence(self) -> None:
        if self.fence:
            self.fence()

    def handle(self, table: str) -> Any:
        """LanceDB's own table, for what this room does with it beyond rows."""
        return self._tables[table]

    def dataset(self, table: str) -> Any:
        """Lance's own, as it is now."""
        return explained(table, "read", lambda: self.store.dataset(table))

    def _instead(self) -> str:
        """The other corpora that the lake holds, to be told where there is nothing of this one."""
        others = [f"{name} ({len(tables)} tables)" for name, tables in self.store.corpora().items()]
        return f"; it holds {', '.join(others)}" if others else ""

    def _names(self) -> list[str]:
        prefix = f"{self.corpus.name}."
        own = [name for name in self.store.names() if name.startswith(prefix)]
        return own if self._only is None else [name for name in own if name.removeprefix(prefix) in self._only]

    def _check_format(self) -> None:
        """Refuse a lake that says that a later embedlake made it; one that says nothing was made before lakes did."""
        documents = self.name("documents")
        metadata = self.provenance(documents) if documents in self._tables else {}
        found = int(metadata.get(FORMAT_KEY.decode(), "1"))
        if found > FORMAT:
            raise LakeError(
                f"the lake at {self.uri} has format {found}; this version of embedlake reads up to format {FORMAT}",
                "Nothing was changed. Upgrade embedlake.",
            )

    def _own_schemas(self) -> dict[str, pa.Schema]:
        return {
            "documents": documents_schema(self.corpus).with_metadata({FORMAT_KEY: str(FORMAT)}),
            "chunks": chunks_schema(self.corpus),
            "failures": FAILURES, "runs": RUNS, "catalog": CATALOG, "switches": SWITCHES, "tokenizer": TOKENIZER,
            "evaluations": EVALUATIONS,
        }  # fmt: skip

    def _ensure(self, name: str, schema: pa.Schema) -> None:
        """Open or create a table."""
        if name not in self._tables:
            self._tables[name] = self.store.create(name, schema)


def _difference(present: pa.Schema, wanted: pa.Schema) -> tuple[list[str], list[pa.Field]]:
    """The columns that a table has and must not have, or has of another type; and those that it lacks."""
    types = {field.name: field.type for field in wanted}
    gone = [field.name for field in present if types.get(field.name) != field.type]
    return gone, [field for field in wanted if field.name not in present.names]
