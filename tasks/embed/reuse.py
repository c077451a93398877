"""What has to be embedded: not what the table, or a wider one, has a vector for, nor what failed in this run."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from tasks.columns import among
from tasks.embed.commits import Commits
from tasks.embed.wider import Wider
from tasks.errors import DocumentError
from tasks.lake.lookup import Lookup, NumberSet, numbers_of
from tasks.lake.schemas import EMBEDDED
from tasks.lake.tables import Lake
from tasks.models.template import CONTENT, COST, HASH, Template
from tasks.progress import EmbeddingCounts


class Reuse:
    """Lands rows whose content has a vector; gives the others.

    Args:
        lake: that has the table.
        table: the model's, full name.
        template: of the model.
        commits: to land with.
        counts: to add to.
        wider: tables whose vectors begin with those of this one.
    """

    def __init__(
        self,
        lake: Lake,
        table: str,
        template: Template,
        commits: Commits,
        counts: EmbeddingCounts,
        wider: Sequence[Wider] = (),
    ) -> None:
        self._lake = lake
        self._table = table
        self._template = template
        self._commits = commits
        self._counts = counts
        self._submitted = NumberSet()  # contents that are on their way
        self._failed: dict[str, DocumentError] = {}  # why a content has no vector, by its hash
        self._wider = [(table, self._lookup(table.table)) for table in wider]
        self.look()

    def look(self) -> None:
        """See what the table has vectors for."""
        self._vectors = self._lookup(self._table)

    def _lookup(self, table: str) -> Lookup:
        return Lookup(self._lake.snapshot(table), self._template.key, hashes=True)

    def fail(self, rows: pa.Table, cause: DocumentError) -> None:
        """What is embedded of some rows cannot be: others of which the same is embedded fail too."""
        self._failed |= dict.fromkeys(rows[HASH].to_pylist(), cause)
        self._commits.fail(rows, cause)

    def unknown(self, arrivals: Iterator[pa.Table | None], first: bool) -> Iterator[pa.Table | None]:
        """Rows to embed, as the template fills them.

        Args:
            arrivals: tables of chunks; None where none is there yet.
            first: pass over the chunks: rows whose content is on its way wait for the next, which finds its vector.
        """
        for chunks in arrivals:
            if chunks is None or not chunks.num_rows:
                yield None
                continue
            self._commits.expect(chunks.num_rows)
            rows = self._without_failed(self._template.fill(chunks))
            numbers = numbers_of(rows[HASH])
            seen = self._submitted.among(numbers) | self._vectors.has(numbers)
            for _, lookup in self._wider:
                seen |= lookup.has(numbers)
            if seen.any():
                without = self._land_known(rows.filter(pa.array(seen)))
                rows = rows.filter(pa.array(~seen))
                rows = rows if first else pa.concat_tables([rows, without])
            self._submitted.add(numbers_of(rows[HASH]))
            self._commits.report()
            yield rows if rows.num_rows else None

    def _without_failed(self, rows: pa.Table) -> pa.Table:
        """Fail at once the rows whose content failed in this run."""
        if not self._failed:
            return rows
        bad = among(rows[HASH], list(self._failed))
        for content in pc.unique(rows.filter(bad)[HASH]).to_pylist():
            self._commits.fail(rows.filter(pc.equal(rows[HASH], content)), self._failed[content])
        return rows.filter(pc.invert(bad))

    def _land_known(self, rows: pa.Table) -> pa.Table:
        """Land rows with the vectors that there are for their contents; gives the rows that there are none for."""
        key = self._template.key
        rows = self._land_found(rows, self._vectors.rows(pc.unique(rows[HASH]).to_pylist(), EMBEDDED))
        for table, lookup in self._wider:
            rows = self._land_found(rows, table.rows(lookup, key, pc.unique(rows[HASH]).to_pylist()))
        return rows

    def _land_found(self, rows: pa.Table, found: pa.Table) -> pa.Table:
        first = {content: i for i, content in enumerate(found[self._template.key].to_pylist())}
        at = [first.get(content) for content in rows[HASH].to_pylist()]
        here = pa.array([position is not None for position in at], pa.bool_())
        if first:
            known = found.select(EMBEDDED).take(pa.array([p for p in at if p is not None], pa.int64()))
            reused = rows.filter(here).drop_columns([CONTENT, COST])
            for name in EMBEDDED:
                reused = reused.append_column(name, known[name])
            self._commits.land(reused)
            self._counts.reused += reused.num_rows
            self._counts.reused_tokens += pc.sum(known["tokens"]).as_py() or 0
        return rows.filter(pc.invert(here))
