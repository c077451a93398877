"""Which texts have to be embedded: not those that the table has a vector for, nor those that failed in this run."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from tasks.columns import among
from tasks.embed.commits import Commits
from tasks.errors import DocumentError
from tasks.lake.lookup import Lookup, NumberSet, numbers_of
from tasks.lake.schemas import EMBEDDED
from tasks.lake.tables import Lake
from tasks.progress import EmbeddingCounts


class Reuse:
    """Lands rows whose text has a vector; gives the others.

    Args:
        lake: that has the table.
        table: the model's, full name.
        commits: to land with.
        counts: to add to.
    """

    def __init__(self, lake: Lake, table: str, commits: Commits, counts: EmbeddingCounts) -> None:
        self._lake = lake
        self._table = table
        self._commits = commits
        self._counts = counts
        self._submitted = NumberSet()  # texts that are on their way
        self._failed: dict[str, DocumentError] = {}  # why a text has no vector, by its hash
        self.look()

    def look(self) -> None:
        """See which texts the table has vectors for."""
        self._vectors = Lookup(self._lake.snapshot(self._table), "text_hash", hashes=True)

    def fail(self, rows: pa.Table, cause: DocumentError) -> None:
        """The texts of some rows cannot be embedded: others that have them fail too."""
        self._failed |= dict.fromkeys(rows["text_hash"].to_pylist(), cause)
        self._commits.fail(rows, cause)

    def unknown(self, arrivals: Iterator[pa.Table | None], first: bool) -> Iterator[pa.Table | None]:
        """Rows to embed.

        Args:
            arrivals: tables of chunks; None where none is there yet.
            first: pass over the chunks: rows whose text is on its way wait for the next, which finds its vector.
        """
        for rows in arrivals:
            if rows is None or not rows.num_rows:
                yield None
                continue
            self._commits.expect(rows.num_rows)
            rows = self._without_failed(rows)
            numbers = numbers_of(rows["text_hash"])
            seen = self._submitted.among(numbers) | self._vectors.has(numbers)
            if seen.any():
                without = self._land_known(rows.filter(pa.array(seen)))
                rows = rows.filter(pa.array(~seen))
                rows = rows if first else pa.concat_tables([rows, without])
            self._submitted.add(numbers_of(rows["text_hash"]))
            self._commits.report()
            yield rows if rows.num_rows else None

    def _without_failed(self, rows: pa.Table) -> pa.Table:
        """Fail at once the rows whose text failed in this run."""
        if not self._failed:
            return rows
        bad = among(rows["text_hash"], list(self._failed))
        for text_hash in pc.unique(rows.filter(bad)["text_hash"]).to_pylist():
            self._commits.fail(rows.filter(pc.equal(rows["text_hash"], text_hash)), self._failed[text_hash])
        return rows.filter(pc.invert(bad))

    def _land_known(self, rows: pa.Table) -> pa.Table:
        """Land rows with the vectors that the table has for their texts; gives the rows that it has none for."""
        found = self._vectors.rows(pc.unique(rows["text_hash"]).to_pylist(), EMBEDDED)
        first = {text_hash: i for i, text_hash in enumerate(found["text_hash"].to_pylist())}
        at = [first.get(text_hash) for text_hash in rows["text_hash"].to_pylist()]
        here = pa.array([position is not None for position in at], pa.bool_())
        if first:
            known = found.select(EMBEDDED).take(pa.array([p for p in at if p is not None], pa.int64()))
            reused = rows.filter(here)
            for name in EMBEDDED:
                reused = reused.append_column(name, known[name])
            self._commits.land(reused)
            self._counts.reused += reused.num_rows
        return rows.filter(pc.invert(here))
