"""The store that a lake lies in: LanceDB's connection, and which tables there are, of whichever corpus."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cached_property
from typing import Any

import lancedb
import pyarrow as pa

from tasks.config.loading import redact
from tasks.config.settings import Lake as Address
from tasks.errors import LakeError
from tasks.lake.snapshot import PATIENCE

# Of Lance's object store: by itself it gives up on a request in a third of a second.
_PATIENCE = {"client_max_retries": "100", "client_retry_timeout": str(PATIENCE)}


class Store:
    """Tables by their full names, `<corpus>.<kind>`.

    Args:
        address: of the lake, as the corpus file has it.

    Raises:
        LakeError: the store cannot be reached.
    """

    def __init__(self, address: Address) -> None:
        self._uri = address.uri
        options = {**_PATIENCE, **address.options} if "://" in self._uri else None

        def connect() -> Any:
            return lancedb.connect(self._uri, storage_options=options, read_consistency_interval=timedelta(0))

        self._db = self.reached(connect)

    @cached_property
    def session(self) -> Any:
        """Lance's caches of indexes and of what tables say of themselves, for all versions of all tables."""
        import lance

        return lance.Session()  # type: ignore[attr-defined]

    def reached(self, call: Callable[[], Any]) -> Any:
        """Call what opens something of the store.

        Raises:
            LakeError: it cannot be reached.
        """
        try:
            return call()
        except LakeError:
            raise
        except Exception as error:  # Lance raises what its object store raises
            raise LakeError(
                redact(f"the lake at {self._uri} cannot be opened: {type(error).__name__}: {str(error)[:400]}"),
                "Check the address, the credentials and the network; for S3, set `lake: options`.",
            ) from None

    def names(self) -> list[str]:
        """The full names of all tables."""
        found: list[str] = []
        token: str | None = None
        while True:
            page: Any = self._db.list_tables(page_token=token)
            found += map(str, page.tables)
            token = page.page_token
            if not token:
                break
        return sorted(found)

    def corpora(self) -> dict[str, list[str]]:
        """The full names of all tables, by corpus."""
        found: dict[str, list[str]] = {}
        for name in self.names():
            corpus, dot, _ = name.partition(".")
            if dot:
                found.setdefault(corpus, []).append(name)
        return found

    def open(self, names: Iterable[str]) -> dict[str, Any]:
        """LanceDB's own tables, by name."""
        return {name: self._db.open_table(name) for name in names}

    def create(self, name: str, schema: pa.Schema) -> Any:
        """A table, made if it is not there."""
        return self._db.create_table(name, schema=schema, exist_ok=True)

    def drop(self, name: str) -> None:
        """Remove a table, even one of which a part is gone."""
        self._db.drop_table(name)

    def rows_of(self, name: str) -> int | None:
        """Rows of a table; None where it is not there, or not whole."""
        try:
            return int(self._db.open_table(name).count_rows())
        except Exception:  # Lance raises what its object store raises
            return None
