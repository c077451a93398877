"""Arrow columns compared with each other."""

import pyarrow as pa
import pyarrow.compute as pc


def among(column: pa.ChunkedArray | pa.Array, values: object) -> pa.ChunkedArray | pa.Array:
    """Whether each value of a column of strings is among some values: booleans, as long as the column.

    Args:
        column: strings.
        values: a column, or any collection of strings.
    """
    return pc.is_in(column.cast(pa.large_string()), value_set=_joined(values))


def last_of_each(rows: pa.Table, key: str) -> pa.Table:
    """The rows with different keys, in order; of those with one key the last."""
    if pc.count_distinct(rows[key]).as_py() == len(rows):
        return rows
    last = {identity: i for i, identity in enumerate(rows[key].to_pylist())}
    return rows.take(pa.array(sorted(last.values())))


def _joined(values: object) -> pa.Array:
    """Strings as one array, with 64-bit offsets: 32-bit ones end at 2 GiB, which are 67 million ids."""
    if isinstance(values, pa.ChunkedArray | pa.Array):
        wide = values.cast(pa.large_string())
        return wide.combine_chunks() if isinstance(wide, pa.ChunkedArray) else wide
    return pa.array(values, pa.large_string())
