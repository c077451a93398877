"""The store that a lake lies in, and which tables there are, of whichever corpus.

Tables are read by Lance itself and written through LanceDB, which is imported when something is first written: that
takes a second and a half, and a search need not wait for it.
"""

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa

from tasks.config.settings import Lake as Address
from tasks.errors import LakeError
from tasks.lake.snapshot import PATIENCE, when_cut_off
from tasks.secrets import redact

# Of Lance's object store: by itself it gives up on a request in a third of a second.
_ENDING = ".lance"
_PATIENCE = {"client_max_retries": "100", "client_retry_timeout": str(PATIENCE)}


class Handles(MutableMapping[str, Any]):
    """LanceDB's tables by their names, each opened when it is first taken.

    Args:
        opened: opens one.
        names: of those that are there.
    """

    def __init__(self, opened: Callable[[str], Any], names: Iterable[str]) -> None:
        self._opened = opened
        self._known: dict[str, Any] = dict.fromkeys(names)

    def __getitem__(self, name: str) -> Any:
        if self._known[name] is None:
            self._known[name] = self._opened(name)
        return self._known[name]

    def __setitem__(self, name: str, handle: Any) -> None:
        self._known[name] = handle

    def __delitem__(self, name: str) -> None:
        del self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


class Store:
    """Tables by their full names, `<corpus>.<kind>`.

    Args:
        address: of the lake, as the corpus file has it.

    Raises:
        LakeError: the store cannot be reached.
    """

    def __init__(self, address: Address) -> None:
        self._uri = address.uri
        self._is_local = "://" not in self._uri
        self._options = None if self._is_local else {**_PATIENCE, **address.options}
        self._session: Any = lance.Session()  # type: ignore[attr-defined]

    @cached_property
    def _db(self) -> Any:
        """LanceDB's connection."""
        import lancedb

        def connect() -> Any:
            return lancedb.connect(self._uri, storage_options=self._options, read_consistency_interval=timedelta(0))

        return self.reached(connect)

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
        if self._is_local:  # as LanceDB lists them
            folder = Path(self._uri)
            return sorted(e.stem for e in folder.iterdir() if e.suffix == _ENDING) if folder.is_dir() else []
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

    def dataset(self, name: str, cached: bool = False) -> Any:
        """Lance's own table, as it is now.

        Args:
            name: of the table.
            cached: keep what is read of its indexes in memory, also for its next version.
        """
        path = f"{self._uri.rstrip('/')}/{name}{_ENDING}"
        return lance.dataset(path, storage_options=self._options, session=self._session if cached else None)

    def open(self, names: Iterable[str]) -> "Handles":
        """LanceDB's own tables, by name."""
        return Handles(lambda name: when_cut_off(lambda: self._db.open_table(name)), names)

    def create(self, name: str, schema: pa.Schema) -> Any:
        """A table, made if it is not there."""
        return self._db.create_table(name, schema=schema, exist_ok=True)

    def drop(self, name: str) -> None:
        """Remove a table, even one of which a part is gone."""
        self._db.drop_table(name)

    def rows_of(self, name: str) -> int | None:
        """Rows of a table; None where it is not there, or not whole."""
        try:
            return int(self.dataset(name).count_rows())
        except Exception:  # Lance raises what its object store raises
            return None
