"""Comparing the models of a lake: by judged queries, or by known items where nobody judged any."""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import combinations

import numpy as np

from tasks.config.models import kept_model
from tasks.errors import ConfigurationError, LakeError
from tasks.evaluate.agreement import overlap, rank_biased_overlap
from tasks.evaluate.arms import WAYS, Answers, Arm, arms_of, ask
from tasks.evaluate.asked import asked_of
from tasks.evaluate.documents import documents_of, holders_of
from tasks.evaluate.judged import Judged
from tasks.evaluate.known import POOL, Pool, pool_of, ranked_items
from tasks.evaluate.margin import MARGIN
from tasks.evaluate.measures import MAIN, Grades, Ranked, measured
from tasks.evaluate.opened import Opened
from tasks.evaluate.results import JUDGMENTS, Agreement, ArmResult, Evaluation, Side
from tasks.evaluate.statistics import Values, compared, interval
from tasks.hashing import hash_fields
from tasks.lake.catalog import Entry
from tasks.lake.nearest import View
from tasks.lake.tables import Lake
from tasks.models.providers import provider_of
from tasks.models.template import Template
from tasks.progress import Progress, publish
from tasks.search.retrieve import Way
from tasks.search.scales import scales_of

_SIDES = 20  # queries that a report shows side by side


@dataclass(frozen=True, slots=True)
class Options:
    """How to compare.

    Attributes:
        models: names of models or their tables, the reference first; by default all that are kept up, the live first.
        ways: of searching.
        rerank: also with the corpus's reranker; None: where its file names one.
        queries: texts by id; None: known items.
        grades: of documents by query id; None: known items.
        training: documents that a model was trained on; leave_out: queries that have one among their relevant ones.
        excluded: ids of queries to leave out.
        sample: passages among which known items are looked for.
        margin: see `MARGIN`.
    """

    models: Sequence[str] = ()
    ways: Sequence[Way] = WAYS
    rerank: bool | None = None
    queries: Mapping[str, str] | None = None
    grades: Grades | None = None
    training: Collection[str] = ()
    leave_out: bool = False
    excluded: Collection[str] = ()
    sample: int = POOL
    margin: float = MARGIN


@dataclass(slots=True)
class _Work:
    """What is gathered while arms are asked."""

    kind: str
    hash: str
    queries: dict[str, str]  # that arms are asked
    grades: Grades  # of what is measured: documents, or places in the pool
    pool: Pool | None
    told: list[str] = field(default_factory=list)


def evaluate(lake: Lake, options: Options) -> Evaluation:
    """Compare models of a lake. Nothing is written.

    Raises:
        ConfigurationError: there is no such model, or nothing to compare by.
        ModelError: a model cannot be loaded.
        LakeError: a table cannot be read.
    """
    began = datetime.now(UTC)
    opened = Opened(lake)
    entries = entries_of(lake, opened, options.models)
    views = {entry["table"]: View(lake, entry["table"]) for entry in entries}
    arms = arms_of(lake.corpus, entries, options.ways, options.rerank, lambda table: views[table].has_text_index)
    work = _work(lake, options, list(views.values()))
    documents = documents_of(lake)
    relevant = {one for grades in work.grades.values() for one in grades} if work.pool is None else set()
    holders = holders_of(lake, relevant) if relevant else {}
    answers = []
    for number, arm in enumerate(arms):
        publish(Progress("evaluate", number * len(work.queries), len(arms) * len(work.queries), "searches"))
        found = ask(opened, arm, work.queries, _teller(number, len(arms), len(work.queries)))
        found.documents = {
            query: documents.ranked(passages, holders, work.grades.get(query))
            for query, passages in found.passages.items()
        }
        answers.append(found)
    arms, answers, ranked = _ranked(lake, opened, views, work, arms, answers)
    values = [measured(work.grades, lists) for lists in ranked]
    results = _results(lake, entries, views, arms, answers, values)
    work.told += _written_meanwhile(lake, views)
    return Evaluation(
        uuid.uuid4().hex, lake.corpus.name, began, work.kind, work.hash, list(work.grades), results, options.margin,
        _agreements(arms, answers), _sides(work, arms, answers, values), work.told,
    )  # fmt: skip


def entries_of(lake: Lake, opened: Opened, models: Sequence[str]) -> list[Entry]:
    """The tables to compare, the reference first."""
    if models:
        return list({entry["table"]: entry for entry in map(opened.entry, models)}.values())
    kept = [entry for entry in lake.catalog() if entry["state"] != "frozen" and lake.count(entry["table"])]
    if not kept:
        raise LakeError(
            f"no model of the corpus {lake.corpus.name!r} has rows yet", "Fill a table with: embedlake run CORPUS.yaml"
        )
    return sorted(kept, key=lambda entry: (entry["state"] != "live", entry["table"]))


def _work(lake: Lake, options: Options, views: Sequence[View]) -> _Work:
    """What is asked, and what it is judged by."""
    if options.grades is not None:
        judged = Judged(dict(options.queries or {}), {q: dict(g) for q, g in options.grades.items()})
        asked = asked_of(judged, documents_of(lake), options.training, options.leave_out, options.excluded)
        return _Work(JUDGMENTS, asked.judged.hash(), asked.judged.queries, asked.judged.grades, None, asked.told)
    pool = pool_of(views, options.sample)
    queries = dict(options.queries or pool.queries)
    told = [
        f"Without judgments: {len(pool.items)} {pool.made_of} are to find their passage among {len(pool.texts):,}. That"
        " compares models; figures of the whole corpus would be lower."
    ]
    return _Work(pool.made_of, hash_fields(pool.queries, pool.chunk_ids), queries, pool.grades, pool, told)


def _ranked(
    lake: Lake, opened: Opened, views: Mapping[str, View], work: _Work, arms: list[Arm], answers: list[Answers]
) -> tuple[list[Arm], list[Answers], list[Ranked]]:
    """What is measured of each arm: its answers, or of known items the places in the pool. These are not reranked."""
    if work.pool is None:
        return arms, answers, [found.documents for found in answers]
    kept = [(arm, found) for arm, found in zip(arms, answers, strict=True) if not arm.reranked]
    if not kept:
        raise ConfigurationError("known items cannot be reranked", "Leave out --rerank, or give judged queries.")
    of_table: dict[str, Mapping[Way, Ranked]] = {}
    for arm, _ in kept:
        if arm.table not in of_table:
            view, entry = views[arm.table], opened.entry(arm.table)
            scales, template = (
                scales_of(view, entry, lake.corpus.search.weight),
                Template(kept_model(entry["settings"])),
            )
            of_table[arm.table] = ranked_items(view, work.pool, opened.encoder(arm.table), template, scales, WAYS)
    return [arm for arm, _ in kept], [found for _, found in kept], [of_table[arm.table][arm.way] for arm, _ in kept]


def _results(
    lake: Lake, entries: Sequence[Entry], views: Mapping[str, View], arms: Sequence[Arm], answers: Sequence[Answers],
    values: Sequence[Mapping[str, Values]],
) -> list[ArmResult]:  # fmt: skip
    lines = {entry["table"]: entry for entry in entries}
    sizes = {table: bytes_of_rows(lake, table) for table in lines}
    chunks = lake.count(lake.name("chunks"))
    baselines = [_baseline(arm, arms) for arm in arms[1:]]
    pairs = [(found[MAIN], values[at][MAIN]) for found, at in zip(values[1:], baselines, strict=True)]
    beside = [("", None), *zip([arms[at].label for at in baselines], compared(pairs), strict=True)]
    results = []
    for arm, found, measures, (baseline, comparison) in zip(arms, answers, values, beside, strict=True):
        line, view = lines[arm.table], views[arm.table]
        lacks = chunks - view.rows
        notes = [*found.notes, *([f"its table lacks {lacks:,} of {chunks:,} chunks"] if lacks > 0 else [])]
        means = {name: interval(single) for name, single in measures.items()}
        rate = len(found.top) / max(found.seconds, 1e-9)
        results.append(
            ArmResult(
                arm, line["reference"], view.version, view.rows, line["dimension"], sizes[arm.table], measures, means,
                baseline, comparison, rate, found.repeating_share, cost_of(line["reference"]), notes,
            )
        )  # fmt: skip
    return results


def _baseline(arm: Arm, arms: Sequence[Arm]) -> int:
    """The place of the arm that one is compared with: the first table searched in the same way, or the reference."""
    same = (n for n, o in enumerate(arms) if (o.table, o.way, o.reranked) == (arms[0].table, arm.way, arm.reranked))
    at = next(same, 0)
    return at if arms[at] != arm else 0


def cost_of(reference: str) -> str:
    """What embedding with a model costs, in words."""
    return "as its service asks; not known here" if provider_of(reference) else "none beside time on this machine"


def bytes_of_rows(lake: Lake, table: str) -> int:
    """What the rows of a table take on disk, indexes and old versions left out."""
    return sum(field.bytes_on_disk for field in lake.dataset(table).stats.data_stats().fields)


def _agreements(arms: Sequence[Arm], answers: Sequence[Answers]) -> list[Agreement]:
    """Of each pair of arms that differ in one thing: the model, the way or the reranker."""
    found = []
    for (first, these), (second, those) in combinations(zip(arms, answers, strict=True), 2):
        if (first.table != second.table) + (first.way != second.way) + (first.reranked != second.reranked) > 1:
            continue
        pairs = [(these.documents[query], those.documents[query]) for query in these.documents]
        overlaps, biased = [overlap(*pair) for pair in pairs], [rank_biased_overlap(*pair) for pair in pairs]
        found.append(Agreement(first.label, second.label, float(np.mean(overlaps)), float(np.mean(biased))))
    return found


def _sides(
    work: _Work, arms: Sequence[Arm], answers: Sequence[Answers], values: Sequence[Mapping[str, Values]]
) -> list[Side]:
    """The queries of which the reference and the best arm of another model, or of another way, differ most."""
    if len(arms) < 2:
        return []
    other = next((n for n, arm in enumerate(arms) if arm.table != arms[0].table and arm.way == arms[0].way), 1)
    judged = work.pool is None
    order = {query: place for place, query in enumerate(work.grades)} if judged else {}

    def apart(query: str) -> tuple[float, float]:
        alike = rank_biased_overlap(answers[0].documents[query], answers[other].documents[query])
        change = values[other][MAIN][order[query]] - values[0][MAIN][order[query]] if judged else 0.0
        return -abs(float(change)), alike

    chosen = sorted(work.queries, key=apart)[:_SIDES]
    return [
        Side(
            work.queries[query],
            [document for document, grade in work.grades[query].items() if grade > 0] if judged else [],
            {arms[n].label: float(values[n][MAIN][order[query]]) for n in (0, other)} if judged else {},
            {arms[n].label: answers[n].top[query] for n in (0, other)},
        )
        for query in chosen
    ]


def _written_meanwhile(lake: Lake, views: Mapping[str, View]) -> list[str]:
    changed = [table for table, view in views.items() if lake.version(table) != view.version]
    return [f"{table} was written meanwhile: some searches may have seen the newer rows." for table in changed]


def _teller(number: int, arms: int, queries: int) -> Callable[[int], None]:
    return lambda done: publish(Progress("evaluate", number * queries + done, arms * queries, "searches"))
