"""The chunks around those that were found, joined to one text in which nothing stands twice."""

from collections.abc import Sequence

from tasks.lake.literals import quoted
from tasks.lake.nearest import Row, View

_COLUMNS = ("document_id", "ordinal", "start", "end", "span_unit", "span_page", "text")
_AT_ONCE = 200  # rows that are looked for in one filter
_CHARACTERS = "characters"


def with_context(view: View, rows: Sequence[Row], around: int) -> list[Row]:
    """Rows whose text, offsets and page are those of so many chunks before and behind them too.

    Args:
        view: that they are from.
        rows: with all their columns.
        around: chunks on each side, as far as the document has them.
    """
    if not around:
        return list(rows)
    found: dict[tuple[str, int], Row] = {}
    for first in range(0, len(rows), _AT_ONCE):
        parts = (
            f"(document_id = {quoted(row['document_id'])}"
            f" AND ordinal BETWEEN {row['ordinal'] - around} AND {row['ordinal'] + around})"
            for row in rows[first : first + _AT_ONCE]
        )
        for row in view.matched(" OR ".join(parts), [name for name in _COLUMNS if name in view.columns]):
            found[row["document_id"], row["ordinal"]] = row
    joined = []
    for row in rows:
        if not _is_text(row):  # what stands around an image is its caption, which it has
            joined.append(row)
            continue
        places = range(row["ordinal"] - around, row["ordinal"] + around + 1)
        near = [found[row["document_id"], place] for place in places if (row["document_id"], place) in found]
        joined.append(row | _joined(near or [row]))
    return joined


def whole_document(view: View, document_id: str) -> Row | None:
    """The row of a document's first chunk, with the text of them all; None where the table has no such document."""
    rows = view.matched(f"document_id = {quoted(document_id)}", [name for name in view.columns if name != "vector"])
    rows.sort(key=lambda row: row["ordinal"])
    return rows[0] | _joined(rows) if rows else None


def _joined(rows: Sequence[Row]) -> Row:
    """The text, the offsets and the page of chunks that follow on each other."""
    rows = [row for row in rows if _is_text(row)] or rows[:1]  # an image has its caption for a text
    text, end = rows[0]["text"], rows[0]["end"]
    for row in rows[1:]:
        repeated = end - row["start"]
        text += row["text"][repeated:] if repeated > 0 else _gap(end, row["start"]) + row["text"]
        end = max(end, row["end"])
    return {"text": text, "start": rows[0]["start"], "end": end, "span_page": rows[0].get("span_page")}


def _is_text(row: Row) -> bool:
    """Whether a row's offsets count characters; those of an older embedlake say nothing else."""
    return (row.get("span_unit") or _CHARACTERS) == _CHARACTERS


def _gap(before: int, start: int) -> str:
    """What stands between a chunk and the one before it: white space, which chunks do not keep."""
    return "" if before == start else " " if start - before == 1 else "\n\n"
