"""Arrow columns compared with each other."""

import pyarrow as pa
import pyarrow.compute as pc


def among(column: pa.ChunkedArray | pa.Array, values: object) -> pa.ChunkedArray | pa.Array:
    """Whether each value of a column of strings is among some values: booleans, as long as the column.

    Args:
        column: strings.
        values: a column, or any collection of strings.
    """
    value_set = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else pa.array(values, pa.string())
    return pc.is_in(column, value_set=value_set)
