"""The tables of a corpus in the lake: their rows read and written, by key and by filter."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import pyarrow as pa

from tasks.columns import last_of_each
from tasks.config.settings import Corpus
from tasks.errors import LakeError
from tasks.lake.schemas import (
    CATALOG,
    FAILURES,
    FORMAT,
    FORMAT_KEY,
    RUNS,
    TOKENIZER,
    chunks_schema,
    documents_schema,
    embeddings_schema,
)
from tasks.lake.snapshot import Snapshot, explained, when_cut_off
from tasks.lake.store import Store
from tasks.models.resolved import ResolvedModel

_VALUES_IN_FILTER = 16_384  # longest list in one SQL filter; each one is a scan
logger = logging.getLogger("embedlake.lake")

_TRIES = 20  # of a removal that meets with other writers of the table


class Lake:
    """The tables of one corpus.

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
        names: list[str] = self._tables[table].schema.names
        return names

    def columns_that_go(self, table: str, schema: pa.Schema) -> list[str]:
        """The columns that a table has, if it is there, and must not have, or of another type."""
        return _difference(self._tables[table].schema, schema)[0] if table in self._tables else []

    def differs(self, table: str, schema: pa.Schema, may_lack: Collection[str] = ()) -> bool:
        """Whether a table that is there has other columns than it must have, of which it may lack some."""
        if table not in self._tables:
            return False
        gone, missing = _difference(self._tables[table].schema, schema)
        return bool(gone or any(field.name not in may_lack for field in missing))

    def evolve(self, table: str, schema: pa.Schema) -> None:
        """Give a table the columns that it must have: new ones are null, those of another type too; others go."""
        if self.differs(table, schema):
            self._write(table, lambda: self._evolve(table, schema))

    def _evolve(self, table: str, schema: pa.Schema) -> None:
        gone, _ = _difference(self._tables[table].schema, schema)
        try:
            if gone:
                self._tables[table].drop_columns(gone)
            _, missing = _difference(self._tables[table].schema, schema)
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
        return self._tables[table].schema

    def has(self, table: str) -> bool:
        """Whether a table is there."""
        return table in self._tables

    def model_schema(self, table: str) -> pa.Schema:
        """The columns that a model's table must have, with the vectors that it has."""
        return embeddings_schema(self.corpus, self.vector_field(table).type.list_size, self.provenance(table))

    def refresh(self) -> None:
        """Look which tables there are; another run may have made some."""
        self._tables = when_cut_off(lambda: self.store.open(self._names()))

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

    def snapshot(self, table: str) -> Snapshot:
        """A table as it is now."""
        return Snapshot(table, self.dataset(table) if table in self._tables else None)

    def read(self, table: str, columns: Iterable[str], where: str | None = None) -> pa.Table:
        """Some columns of the rows that a filter lets through; of no rows where the table is not there."""
        return self.snapshot(table).read(columns, where)

    def read_in(self, table: str, column: str, values: Iterable[str], columns: Sequence[str]) -> pa.Table:
        """Rows whose column holds one of some values."""
        parts = [self.read(table, columns, where) for where in _filters(column, values)]
        return pa.concat_tables(parts) if parts else self.read(table, columns, "false")

    def provenance(self, table: str) -> dict[str, str]:
        """What a model table's schema says of how it was made."""
        metadata = self._tables[table].schema.metadata or {}
        return {key.decode(): value.decode() for key, value in metadata.items()}

    def count(self, table: str) -> int:
        """Rows of a table; 0 where it is not there."""
        return explained(table, "read", self._tables[table].count_rows) if table in self._tables else 0

    def merge(self, table: str, rows: pa.Table, without: Collection[str] = ()) -> None:
        """Write rows by key, in one commit: new keys are inserted, known ones updated. Of rows with one key the last is
        written. Columns of the table that the rows do not have become null.

        Args:
            table: full name.
            rows: to write.
            without: keys of rows that go in the same commit.
        """
        schema = self._tables[table].schema
        key = next(field.name for field in schema if (field.metadata or {}).get(b"lance-schema:unenforced-primary-key"))
        builder = self._tables[table].merge_insert(key).when_matched_update_all().when_not_matched_insert_all()
        if without:
            quoted = ", ".join("'" + value.replace("'", "''") + "'" for value in without)
            builder = builder.when_not_matched_by_source_delete(f"{key} IN ({quoted})")
        rows = last_of_each(rows, key)
        there = set(rows.column_names)
        columns = [rows[name] if name in there else pa.nulls(len(rows)) for name in schema.names]
        rows = pa.table(columns, schema.names).cast(schema)
        self._write(table, lambda: builder.execute(rows))

    def insert_missing(self, table: str, rows: pa.Table) -> None:
        """Write rows whose key is not there yet, unless another writer is first. Read them again to know."""
        key = rows.schema.names[0]
        with _first_wins(table):
            self._tables[table].merge_insert(key).when_not_matched_insert_all().execute(rows)

    def update(self, table: str, where: str, values: dict[str, Any]) -> None:
        """Change the rows that a filter lets through, unless another writer changes them first: then, nothing.
        Read them again to know."""
        with _first_wins(table):
            self._tables[table].update(where=where, values=values)

    def remember(self, table: str, key: str) -> bool:
        """Note a key in a table's configuration, apart from its rows; whether it was not noted yet."""
        if key in self.dataset(table).config():
            return False
        try:
            self.dataset(table).update_config({key: "true"})
        except (RuntimeError, OSError, ValueError):  # another writer noted it just then
            return False
        return True

    def version(self, table: str) -> int:
        """How often a table was written."""
        return int(self.dataset(table).version)

    def drop(self, table: str) -> None:
        """Remove a table, of whichever corpus, even one of which a part is gone."""
        self._write(table, lambda: self.store.drop(table), "removed")
        self._tables.pop(table, None)

    def delete_in(self, table: str, column: str, values: Iterable[str]) -> None:
        """Remove rows whose column holds one of some values."""
        if table in self._tables:
            for where in _filters(column, values):
                self._write(table, partial(self._tables[table].delete, where))

    def remove_doubles(self, table: str, key: str, keys: Iterable[str]) -> None:
        """Of several rows with one of some keys keep the last. Another writer may change them meanwhile."""
        for where in _filters(key, keys):
            for _ in range(_TRIES):
                rows = self.dataset(table).to_table(columns=[key], filter=where, with_row_id=True).to_pylist()
                last = {row[key]: row["_rowid"] for row in rows}
                others = [str(row["_rowid"]) for row in rows if row["_rowid"] != last[row[key]]]
                if not others:
                    break
                self._check_fence()
                with _first_wins(table):
                    self._tables[table].delete(f"_rowid IN ({', '.join(others)})")

    def catalog(self) -> list[dict[str, Any]]:
        """A row per model table, as the catalog's schema says."""
        found: list[dict[str, Any]] = self.read(self.name("catalog"), CATALOG.names).to_pylist()
        return found

    def live_table(self) -> str | None:
        """The table that search uses by default."""
        return next((row["table"] for row in self.catalog() if row["state"] == "live"), None)

    def chunk_columns(self) -> list[str]:
        """The columns of the chunks table."""
        names: list[str] = chunks_schema(self.corpus).names
        return names

    def vector_field(self, table: str) -> pa.Field:
        """The column of a model table that holds its vectors."""
        return self._tables[table].schema.field("vector")

    def to_arrow(self, table: str) -> pa.Table:
        """A whole table."""
        return explained(table, "read", self._tables[table].to_arrow)

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
        return explained(table, "read", self._tables[table].to_lance)

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
        documents = self._tables.get(self.name("documents"))
        metadata = documents.schema.metadata or {} if documents else {}
        found = int(metadata.get(FORMAT_KEY, b"1"))
        if found > FORMAT:
            raise LakeError(
                f"the lake at {self.uri} has format {found}; this version of embedlake reads up to format {FORMAT}",
                "Nothing was changed. Upgrade embedlake.",
            )

    def _own_schemas(self) -> dict[str, pa.Schema]:
        return {
            "documents": documents_schema(self.corpus).with_metadata({FORMAT_KEY: str(FORMAT)}),
            "chunks": chunks_schema(self.corpus),
            "failures": FAILURES, "runs": RUNS, "catalog": CATALOG, "tokenizer": TOKENIZER,
        }  # fmt: skip

    def _ensure(self, name: str, schema: pa.Schema) -> None:
        """Open or create a table."""
        if name not in self._tables:
            self._tables[name] = self.store.create(name, schema)


@contextmanager
def _first_wins(table: str) -> Iterator[None]:
    """Go on where Lance reports a conflict with the writer that was first, or that the store does not answer."""
    try:
        yield
    except (RuntimeError, OSError, ValueError) as error:
        logger.debug("%s was not written: %s", table, error)


def _difference(present: pa.Schema, wanted: pa.Schema) -> tuple[list[str], list[pa.Field]]:
    """The columns that a table has and must not have, or has of another type; and those that it lacks."""
    types = {field.name: field.type for field in wanted}
    gone = [field.name for field in present if types.get(field.name) != field.type]
    return gone, [field for field in wanted if field.name not in present.names]


def _filters(column: str, values: Iterable[str]) -> Iterator[str]:
    """SQL filters that together let through the rows whose column holds one of some values."""
    quoted = ["'" + value.replace("'", "''") + "'" for value in sorted(set(values))]
    for start in range(0, len(quoted), _VALUES_IN_FILTER):
        yield f"{column} IN ({', '.join(quoted[start : start + _VALUES_IN_FILTER])})"
