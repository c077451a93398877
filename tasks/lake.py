"""The lake: a LanceDB database, the only state there is. The one module that touches LanceDB."""

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import lancedb
import pyarrow as pa
from lancedb.index import IvfFlat, IvfRq

from tasks.configuration import redact
from tasks.errors import ConfigurationError, LakeError
from tasks.models import ResolvedModel
from tasks.schemas import CATALOG, FAILURES, RUNS, chunks_schema, documents_schema, embeddings_schema
from tasks.settings import Corpus

_VALUES_IN_FILTER = 2_000  # longest list in one SQL filter
logger = logging.getLogger("embedlake.lake")

# Of Lance's object store: it gives up on a request after five minutes, where by itself it does in a third of a second.
_PATIENCE = {"client_max_retries": "100", "client_retry_timeout": "300"}
_MANY_FILES = 64
_KEPT = timedelta(days=7)

_INDEX_ROWS = 200_000  # below this a search over every vector is quick and exact
_TRAINING_VECTORS = 64  # for each partition of the index; they are in memory together
_PROBES = 50  # partitions of the index that a search reads at least; more where a filter leaves too few rows
_REFINE = 10  # times the limit: so many of the nearest by the index are compared by their true vectors


class Lake:
    """The tables of one corpus.

    Args:
        corpus: whose tables.
        create: make missing tables; a reader says False.
        may_be_empty: where nothing is created, accept that nothing is there yet.

    Raises:
        LakeError: the store cannot be reached, or does not hold the corpus.
    """

    def __init__(self, corpus: Corpus, create: bool = False, may_be_empty: bool = False) -> None:
        self.corpus = corpus
        self.uri = corpus.lake.uri
        self.fence: Callable[[], None] | None = None  # called before each write; raises where it must not be made
        try:
            options = {**_PATIENCE, **corpus.lake.options} if "://" in self.uri else None
            self._db = lancedb.connect(self.uri, storage_options=options, read_consistency_interval=timedelta(0))
            self.refresh()
            if create:
                for kind, schema in self._own_schemas().items():
                    self._ensure(self.name(kind), schema)
        except LakeError:
            raise
        except Exception as error:  # Lance raises what its object store raises
            raise LakeError(
                redact(f"the lake at {self.uri} cannot be opened: {type(error).__name__}: {str(error)[:400]}"),
                "Check the address, the credentials and the network; for S3, set `lake: options`.",
            ) from None
        if not (create or may_be_empty) and self.name("documents") not in self._tables:
            raise LakeError(
                f"the lake at {self.uri} holds nothing of the corpus {corpus.name!r} yet",
                "Fill it with: embedlake run CORPUS.yaml",
            )

    def refresh(self) -> None:
        """Look which tables there are; another run may have made some."""
        self._tables = {name: self._db.open_table(name) for name in self._names()}

    def create(self, kind: str, schema: pa.Schema) -> None:
        """Make sure that a table is there."""
        self._ensure(self.name(kind), schema)

    def name(self, kind: str) -> str:
        """The full name of a table of this corpus."""
        return f"{self.corpus.name}.{kind}"

    def model_table(self, model: ResolvedModel) -> str:
        """The full name of a model's table."""
        return self.name(f"{model.name}.{model.revision}")

    def read(self, table: str, columns: Sequence[str], where: str | None = None) -> pa.Table:
        """Some columns of the rows that a filter lets through; of no rows where the table is not there."""
        if table not in self._tables:
            return pa.table({column: pa.array([], pa.string()) for column in columns})
        with self._explained(table, "read"):
            return self._dataset(table).to_table(columns=list(columns), filter=where)

    def scan(
        self, table: str, columns: Sequence[str] | None = None, where: str | None = None, rows: int = 8192
    ) -> Iterator[pa.Table]:
        """The same, a batch at a time."""
        if table in self._tables:
            with self._explained(table, "read"):
                scanner = self._dataset(table).scanner(
                    columns=list(columns) if columns else None, filter=where, batch_size=rows
                )
                batches = iter(scanner.to_batches())
            while True:
                with self._explained(table, "read"):
                    batch = next(batches, None)
                if batch is None:
                    break
                yield pa.Table.from_batches([batch])

    def read_in(self, table: str, column: str, values: Iterable[str], columns: Sequence[str]) -> pa.Table:
        """Rows whose column holds one of some values."""
        parts = [self.read(table, columns, where) for where in _filters(column, values)]
        return pa.concat_tables(parts) if parts else self.read(table, columns, "false")

    def take(self, table: str, positions: list[int], columns: Sequence[str]) -> pa.Table:
        """Some columns of the rows at some positions."""
        with self._explained(table, "read"):
            return self._dataset(table).take(positions, columns=list(columns))

    def provenance(self, table: str) -> dict[str, str]:
        """What a model table's schema says of how it was made."""
        metadata = self._tables[table].schema.metadata or {}
        return {key.decode(): value.decode() for key, value in metadata.items()}

    def count(self, table: str) -> int:
        """Rows of a table; 0 where it is not there."""
        with self._explained(table, "read"):
            return self._tables[table].count_rows() if table in self._tables else 0

    def merge(self, table: str, rows: pa.Table, replacing: str | None = None) -> None:
        """Write rows by key, in one commit: new keys are inserted, known ones updated.

        Args:
            table: full name.
            rows: as the table's schema says; columns in any order.
            replacing: a filter; rows that it lets through and that are not among `rows` go, in the same commit.
        """
        schema = self._tables[table].schema
        key = next(field.name for field in schema if (field.metadata or {}).get(b"lance-schema:unenforced-primary-key"))
        builder = self._tables[table].merge_insert(key).when_matched_update_all().when_not_matched_insert_all()
        self._check_fence()
        if replacing:
            builder = builder.when_not_matched_by_source_delete(replacing)
        with self._explained(table, "written"):
            builder.execute(rows.select(schema.names).cast(schema))

    def insert_missing(self, table: str, rows: pa.Table) -> None:
        """Write rows whose key is not there yet."""
        key = rows.schema.names[0]
        self._tables[table].merge_insert(key).when_not_matched_insert_all().execute(rows)

    def update(self, table: str, where: str, values: dict[str, Any]) -> None:
        """Change the rows that a filter lets through, unless another writer changes them first: then, nothing.
        Read them again to know."""
        try:
            self._tables[table].update(where=where, values=values)
        except (RuntimeError, ValueError) as error:  # Lance's conflict with the writer that was first
            logger.debug("update of %s was not made: %s", table, error)

    def delete_in(self, table: str, column: str, values: Iterable[str]) -> None:
        """Remove rows whose column holds one of some values."""
        if table in self._tables:
            for where in _filters(column, values):
                self._check_fence()
                with self._explained(table, "written"):
                    self._tables[table].delete(where)

    def catalog(self) -> list[dict[str, Any]]:
        """A row per model table, as the catalog's schema says."""
        found: list[dict[str, Any]] = self.read(self.name("catalog"), CATALOG.names).to_pylist()
        return found

    def live_table(self) -> str | None:
        """The table that search uses by default."""
        return next((row["table"] for row in self.catalog() if row["state"] == "live"), None)

    def open_model(self, model: ResolvedModel, dimension: int, max_tokens: int) -> str:
        """Make sure that a model has its table and its line in the catalog; the table's full name."""
        table = self.model_table(model)
        settings = model.provenance() | {"chunking": self.corpus.chunking.model_dump(), "software": _software()}
        provenance = {
            "embedlake.model": model.settings.model,
            "embedlake.revision": model.revision,
            "embedlake.provenance": json.dumps(settings),
        }
        self._ensure(table, embeddings_schema(self.corpus, dimension, provenance))
        if table not in {row["table"] for row in self.catalog()}:
            row = {
                "table": table, "model": model.name, "reference": model.settings.model, "revision": model.revision,
                "dimension": dimension, "max_tokens": max_tokens, "state": "building",
                "settings": model.settings.model_dump_json(), "changed": datetime.now(UTC),
                "calibration": json.dumps(model.calibration) if model.calibration else None,
            }  # fmt: skip
            self.merge(self.name("catalog"), pa.Table.from_pylist([row], schema=CATALOG))
        return table

    def update_catalog(self, changes: dict[str, dict[str, Any]]) -> None:
        """Change columns of model tables' lines in the catalog, in one commit."""
        rows = [
            row | changes[row["table"]] | {"changed": datetime.now(UTC)}
            for row in self.catalog()
            if row["table"] in changes
        ]
        self.merge(self.name("catalog"), pa.Table.from_pylist(rows, schema=CATALOG))

    def check_filter(self, table: str, where: str | None) -> None:
        """Look at a filter without reading rows.

        Raises:
            ConfigurationError: it is not one condition over the table's columns.
        """
        if where is None:
            return
        error = self._failure(table, where, run=False)
        if error is None and self._failure(table, f"{where}\nAND", run=False) is None:
            # the planner stops before that end: at a semicolon, or at a bracket too many
            error = ValueError("it is more than one condition, and only the first would be read")
        if error and self._failure(table, None, run=False) is None:
            raise self._wrong_filter(table, where, error)

    def search(self, table: str, vector: Sequence[float], limit: int, where: str | None) -> list[dict[str, Any]]:
        """The nearest rows by cosine distance, which is in `_distance`.

        Raises:
            ConfigurationError: the filter fails on the rows.
            LakeError: the table cannot be read.
        """
        query: Any = self._tables[table].search(list(vector), vector_column_name="vector")
        query = query.distance_type("cosine").limit(limit)
        query = query.minimum_nprobes(_PROBES).maximum_nprobes(0).refine_factor(_REFINE)
        if where is not None:
            query = query.where(where, prefilter=True)
        try:
            found: list[dict[str, Any]] = query.select([*self._columns(table), "_distance"]).to_list()
        except Exception as error:  # Lance raises what its object store raises, and its planner
            failure = self._failure(table, where, run=True) if where is not None else None
            if where is not None and failure and self._failure(table, None, run=True) is None:
                raise self._wrong_filter(table, where, failure) from None
            with self._explained(table, "searched"):
                raise RuntimeError(_plain(error)) from error
        return found

    def _failure(self, table: str, where: str | None, run: bool) -> Exception | None:
        """What goes wrong where nothing is asked but a filter, or not even that: in planning, or also in reading."""
        query: Any = self._tables[table].search().select(self._columns(table))
        if where is not None:
            query = query.where(where)
        try:
            if run:
                for _ in query.to_batches():
                    pass
            else:
                query.limit(1).explain_plan()
        except Exception as error:
            return error
        return None

    def _wrong_filter(self, table: str, where: str, error: Exception) -> ConfigurationError:
        return ConfigurationError(
            f"the filter {where!r} cannot be used: {_plain(error)}",
            f"Write one condition in SQL over the columns {', '.join(self._columns(table))}.",
        )

    def _columns(self, table: str) -> list[str]:
        return [name for name in self._tables[table].schema.names if name != "vector"]

    def chunk_columns(self) -> list[str]:
        """The columns of the chunks table."""
        names: list[str] = chunks_schema(self.corpus).names
        return names

    def vector_field(self, table: str) -> pa.Field:
        """The column of a model table that holds its vectors."""
        return self._tables[table].schema.field("vector")

    def index(self, table: str) -> None:
        """Build the vector index of a large table, or bring it up to date; small ones need none. It keeps a bit for
        each dimension (RaBitQ: Gao and Long, 2024); searches read the true vectors of the nearest. A conflict with
        another writer leaves it for the next time: rows that no index has are searched one by one."""
        handle = self._tables[table]
        if handle.count_rows() < _INDEX_ROWS:
            return
        try:
            if not any("vector" in index.columns for index in handle.list_indices()):
                whole = self.vector_field(table).type.list_size % 8 == 0  # as RaBitQ needs it
                kind = IvfRq if whole else IvfFlat
                logger.info("building the vector index of %s", table)
                handle.create_index("vector", config=kind(distance_type="cosine", sample_rate=_TRAINING_VECTORS))
            else:
                handle.optimize(cleanup_older_than=_KEPT)
        except RuntimeError as error:
            logger.info("%s was not indexed this time: %s", table, error)

    def compact(self, table: str) -> None:
        """Join the small files that many commits leave, and forget versions of more than a week ago, which no
        reader or writer still uses. A conflict with another writer leaves it for the next time."""
        if table not in self._tables or self._dataset(table).stats.dataset_stats()["num_fragments"] < _MANY_FILES:
            return
        try:
            self._tables[table].optimize(cleanup_older_than=_KEPT)
        except RuntimeError as error:
            logger.info("%s was not compacted this time: %s", table, error)

    def to_arrow(self, table: str) -> pa.Table:
        """A whole table."""
        with self._explained(table, "read"):
            return self._tables[table].to_arrow()

    @contextmanager
    def _explained(self, table: str, done: str) -> Iterator[None]:
        """Say what it means that a table could not be read or written; Lance raises what its object store raises."""
        try:
            yield
        except (RuntimeError, OSError, ValueError) as error:
            raise LakeError(
                redact(f"{table} cannot be {done}: {str(error)[:600]}"),
                "Nothing that was landed is lost. See to the store (space, network, permissions), then run again.",
            ) from error

    def _check_fence(self) -> None:
        if self.fence:
            self.fence()

    def _dataset(self, table: str) -> Any:
        return self._tables[table].to_lance()

    def _names(self) -> list[str]:
        found: list[str] = []
        token: str | None = None
        while True:
            page: Any = self._db.list_tables(page_token=token)
            found += page.tables
            token = page.page_token
            if not token:
                break
        prefix = f"{self.corpus.name}."
        return [str(name) for name in found if name.startswith(prefix)]

    def _own_schemas(self) -> dict[str, pa.Schema]:
        return {
            "documents": documents_schema(self.corpus), "chunks": chunks_schema(self.corpus),
            "failures": FAILURES, "runs": RUNS, "catalog": CATALOG,
        }  # fmt: skip

    def _ensure(self, name: str, schema: pa.Schema) -> None:
        """Open or create a table; add the columns of metadata fields that it does not have yet."""
        if name not in self._tables:
            self._tables[name] = self._db.create_table(name, schema=schema, exist_ok=True)
        present = self._tables[name].schema
        missing = [field for field in schema if field.name not in present.names]
        for field in schema:
            there = present.field(field.name).type if field.name in present.names else field.type
            if field.name in self.corpus.metadata and there != field.type:
                raise LakeError(
                    f"metadata field {field.name!r} is {there} in the lake and {field.type} in the corpus file",
                    "Keep the type, or give the field another name.",
                )
        if missing:
            self._tables[name].add_columns(pa.schema(missing))


def _plain(error: Exception) -> str:
    """What Lance says, on one line, without the places in its source."""
    return re.sub(r", /\S+\.rs:\d+:\d+", "", " ".join(str(error).split()))[:300]


def _software() -> dict[str, str]:
    """The versions of what decides texts and vectors."""
    from importlib.metadata import version

    return {
        name: version(name)
        for name in ("embedlake", "sentence-transformers", "transformers", "torch", "openvino", "tokenizers")
    }


def _filters(column: str, values: Iterable[str]) -> Iterator[str]:
    """SQL filters that together let through the rows whose column holds one of some values."""
    quoted = ["'" + value.replace("'", "''") + "'" for value in sorted(set(values))]
    for start in range(0, len(quoted), _VALUES_IN_FILTER):
        yield f"{column} IN ({', '.join(quoted[start : start + _VALUES_IN_FILTER])})"
