"""What must hold of a table before it may become live.

It is complete, few texts failed, and its rows are what was written and what their texts give: nothing overrides that.
Its indexes are built, what they find is measured, and the latest evaluation does not find it worse: those are
objections, which a person may override.
"""

from collections.abc import Iterable

from tasks.embed.kept import model_of_table
from tasks.embed.pending import orphans
from tasks.embed.update import standing_of
from tasks.embed.written import wrong_vectors
from tasks.errors import SwitchRefused
from tasks.evaluate import verdict as evaluations
from tasks.evaluate.verdict import Verdict
from tasks.hashing import is_sealed
from tasks.lake.catalog import Entry, agrees, model_of
from tasks.lake.fulltext import lacks_text_index
from tasks.lake.maintenance import lacks_index
from tasks.lake.recall import lacks_judgment
from tasks.lake.tables import Lake
from tasks.operate import again, audit

SAMPLE = 20  # texts that are embedded again and compared


def check_whole(lake: Lake, entry: Entry) -> None:
    """See that a table has every chunk and no other, and that few texts failed.

    Raises:
        SwitchRefused: it does not.
    """
    table = entry["table"]
    fill = f"Bring it up with `embedlake backfill CORPUS.yaml --model {table}`, or a run, then try again."
    standing = standing_of(lake, [entry])[table]
    if not standing.complete:
        since = f" (behind since {entry['behind_since']:%Y-%m-%d %H:%M} UTC)" if entry.get("behind_since") else ""
        raise SwitchRefused(
            f"{table} is not complete: {standing.pending:,} chunks have no vector in it{since}; nothing was changed",
            fill,
        )
    if gone := len(orphans(lake, table)):
        raise SwitchRefused(f"{table} has {gone:,} rows of chunks that are gone; nothing was changed", fill)
    if 2 * standing.rows < (chunks := lake.count(lake.name("chunks"))):
        raise SwitchRefused(
            f"{table} has only {standing.rows:,} of {chunks:,} chunks: the others failed, are longer than the model"
            " reads, or are ignored; nothing was changed",
            "See `embedlake failures list CORPUS.yaml --ignored`; smaller chunks or a model that reads more may help.",
        )
    if not standing.sound:
        raise SwitchRefused(
            f"the model failed on {standing.failed:,} of {standing.failed + standing.rows:,} chunks in {table};"
            " nothing was changed",
            "See `embedlake failures list CORPUS.yaml`; put that right and run, or `embedlake failures ignore`.",
        )


def check_rows(lake: Lake, entry: Entry) -> None:
    """Audit every row of a table as `verify` does, and embed a sample of its texts again.

    Raises:
        SwitchRefused: something is wrong.
        ModelError: the model is not on this machine, or does not work.
    """
    table = entry["table"]
    mend = "See `embedlake verify CORPUS.yaml`; `--repair` and a run mend it."
    if not (is_sealed(entry) and agrees(lake, entry)):
        raise SwitchRefused(f"the catalog's line of {table} is damaged; nothing was changed", mend)
    if lake.differs(table, lake.model_schema(table)):
        raise SwitchRefused(
            f"{table} has other metadata columns than the corpus file has; nothing was changed",
            "Run first: embedlake run CORPUS.yaml",
        )
    model_of_table(lake, entry)  # is here
    _none_of(table, "are there twice", audit.doubles(lake, table, "chunk_id"), mend)
    _none_of(table, "have a text, hash, offsets or version that disagree", audit.wrong_passages(lake, table), mend)
    _none_of(table, "have a vector that is not the one that was written", wrong_vectors(lake, entry), mend)
    _none_of(table, "of a sample have a vector that their text does not give", _others(lake, entry), mend)


def objections(lake: Lake, entry: Entry, live: str | None) -> list[str]:
    """What speaks against making a sound table live, and may be overridden.

    Args:
        lake: that has it.
        entry: its line.
        live: the table that is live now.
    """
    found, table = [], entry["table"]
    mended = f"a run does that, or embedlake backfill CORPUS.yaml --model {table}"
    if lacks_index(lake, table, model_of(lake.corpus, entry).index):
        found.append(f"its vector index is not built; {mended}")
    elif lacks_judgment(lake, entry):
        found.append(f"it is not measured how much of the nearest its index finds; {mended}")
    if lacks_text_index(lake, table):
        found.append(f"its text index is not built; {mended}")
    verdict = evaluations.latest_verdict(lake, table, live) if live else None
    if verdict and not verdict.not_worse:
        found.append(_objection(verdict, live or ""))
    return found


def told_verdict(verdict: Verdict) -> str:
    """What an evaluation found, for a person."""
    return (
        f"{verdict.measure} {verdict.difference:+.3f} (95 %: {verdict.low:+.3f} to {verdict.high:+.3f}) on"
        f" {verdict.queries:,} queries"
    )


def _objection(verdict: Verdict, live: str) -> str:
    told = f"{told_verdict(verdict)} against {live}, by the evaluation {verdict.evaluation}"
    if verdict.high < -verdict.margin:
        return f"it is worse: {told}"
    return f"it is not shown to be worse by no more than {verdict.margin:g}: {told}; more queries would tell"


def _others(lake: Lake, entry: Entry) -> list[str]:
    return again.other_vectors(lake, entry, SAMPLE)


def _none_of(table: str, what: str, keys: Iterable[str], mend: str) -> None:
    wrong = [*keys]
    if wrong:
        raise SwitchRefused(f"{len(wrong):,} rows of {table} {what}, the first {wrong[0]}; nothing was changed", mend)
