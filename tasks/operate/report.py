"""The report at the end of a run, as rows that a terminal, Markdown or a log can show."""

from tasks.lake.catalog import few_failures
from tasks.models.api.known import date_of_prices
from tasks.operate.estimate import ModelPlan
from tasks.operate.hints import counted
from tasks.operate.plan import Plan
from tasks.progress import EmbeddingCounts, RunReport, dollars


def report_rows(report: RunReport) -> list[tuple[str, str]]:
    """What a run did, as (what, how much), without what did not happen."""
    counts = report.documents
    rows: list[tuple[str, str]] = []
    if report.kind == "ingest":
        rows.append(("files listed", f"{counts.listed:,} ({counts.unchanged:,} unchanged)"))
        for name, value in (
            ("documents new", counts.new),
            ("documents changed", counts.changed),
            ("documents read, unchanged", counts.touched),
            ("documents moved", counts.moved),
            ("documents deleted", counts.deleted),
            ("duplicates", counts.duplicates),
        ):
            if value:
                rows.append((name, f"{value:,}"))
        if counts.kept:
            more = ", …" if counts.kept > len(counts.kept_first[:5]) else ""
            rows.append(
                ("kept as they were, cannot be read", f"{counts.kept:,}: {', '.join(counts.kept_first[:5])}{more}")
            )
        if counts.chunks:
            rows.append(
                (
                    "chunks written",
                    f"{counts.chunks:,} ({counts.tokens:,} tokens, {counts.read_bytes / 1e6:,.1f} MB read)",
                )
            )
        if counts.transcribed:
            heard = f"{counts.transcribed:,} sounds and films, {_duration(counts.transcribed_seconds)} of sound"
            rows.append(("transcribed", heard))
        rows += _skipped(counts.skipped) + _unfit(counts.unfit, counts.unfit_first)
        rows += [
            ("left out", f"{found.count:,} {kind}, in {found.documents:,} documents")
            for kind, found in sorted(counts.left_out.items())
        ]
    for model in report.models:
        lacks = f", {model.pending:,} chunks pending" if model.pending else ""
        many = counted(model.by_modality, model.embedded - sum(model.by_modality.values()))
        rows.append((f"{model.table}", f"{model.rows:,} rows, {model.state}{lacks}"))
        if model.embedded:
            rate = f"{model.embedded / model.seconds:,.0f} {'items' if model.by_modality else 'texts'}/s"
            rate += f", {model.tokens / model.seconds:,.0f} tokens/s" if model.tokens else ""
            rows.append(("  embedded", f"{many}, {rate}, by {model.backend}"))
        if model.billed:
            paid = "its price is not known" if model.cost is None else dollars(model.cost)
            rows.append(("  paid for", f"{model.billed:,} tokens: {paid}"))
        if model.submitted:
            rows.append(("  submitted", f"{model.submitted:,} texts in batches"))
        if model.batches:
            rows.append(("  under way", _under_way(model)))
        if model.saved and model.reused:
            rows.append(("  saved", f"{dollars(model.saved)} by vectors that were there"))
        for name, value in (
            ("  vectors reused", model.reused),
            ("  rows removed", model.removed),
            ("  chunks failed", model.failed - model.refused),
        ):
            if value:
                rows.append((name, f"{value:,}"))
        if model.lost:
            rows.append(("  content changed, or is not to be had", f"{model.lost:,} chunks wait; {model.lost_first}"))
        if model.refused:
            rows.append(("  refused", f"{model.refused:,} chunks, longer than the model reads"))
        if model.overlong:
            rows.append(("  longer than the model reads", f"{model.overlong:,} chunks: it read their beginning"))
    if report.promoted:
        rows.append(("live from now on", report.promoted))
    if report.unkept:
        paid = f"; {dollars(report.unkept_cost)} were paid for it" if report.unkept_cost else ""
        rows.append(("THE LIVE TABLE GROWS OLD", f"{report.unkept}{paid}. Make another one live: embedlake promote"))
    rows += [("removed, as it was retired", table) for table in report.retired]
    rows += [("which is live", note) for note in report.notes]
    rows += [("could be embedded", hint) for hint in report.hints]
    for model in report.models:
        failed = model.failed - model.refused
        if model.state != "live" and failed > few_failures(model.rows + failed):
            reason = f"it failed on {failed:,} chunks; put that right, or `embedlake failures ignore`, to make it live"
            rows.append((f"  {model.table} does not serve", reason))
    if report.failed:
        rows.append(("failed", f"{report.failed:,} (all of them: embedlake status)"))
        rows += [(f"  {failure['document_id']}", failure["message"]) for failure in report.failures[:5]]
    rows += _others(report.others)
    rows.append(("time", f"{report.seconds:,.1f} s"))
    return rows


def _under_way(counts: EmbeddingCounts) -> str:
    """What a run leaves to a later one."""
    some = "1 batch" if counts.batches == 1 else f"{counts.batches:,} batches"
    cost = "" if counts.expected is None else f", about {dollars(counts.expected)}"
    return (
        f"{some} with {counts.waiting:,} texts since {counts.since}{cost} ({counts.told}); run again to land what has"
        " come back"
    )


def as_markdown(report: RunReport) -> str:
    """The report as a Markdown table."""
    lines = [f"# {report.kind} {report.corpus}", "", "| what | how much |", "|---|---|"]
    lines += [f"| {_cell(name)} | {_cell(value)} |" for name, value in report_rows(report)]
    if report.failures:
        lines += [
            "",
            "## Failed",
            "",
            "| document | stage | error | message | what to do |",
            "|---|---|---|---|---|",
        ]
        columns = ("document_id", "stage", "error", "message", "hint")
        lines += ["| " + " | ".join(_cell(failure[c]) for c in columns) + " |" for failure in report.failures]
    if report.idle:
        lines += ["", nothing_to_do(report)]
    return "\n".join(lines) + "\n"


def nothing_to_do(report: RunReport) -> str:
    """What a run says that wrote nothing."""
    return f"Nothing to do: every table of {report.corpus} {'but the live one ' * bool(report.unkept)}is up to date."


def _others(others: dict[str, int]) -> list[tuple[str, str]]:
    """Other corpora in a lake that has nothing of this one yet: perhaps it was renamed."""
    return [
        ("this lake also holds", f"{name} ({tables} tables); to remove it: embedlake drop CORPUS.yaml {name}")
        for name, tables in sorted(others.items())
    ]


def _skipped(counts: dict[str, int]) -> list[tuple[str, str]]:
    kinds = ", ".join(f"{n:,} {kind}" for kind, n in sorted(counts.items()))
    return [("skipped", kinds)] if kinds else []


def _unfit(counts: dict[str, int], first: dict[str, str]) -> list[tuple[str, str]]:
    """Values that did not fit their metadata field."""
    return [(f"null, did not fit {name}", f"{count:,}, first {first[name]}") for name, count in sorted(counts.items())]


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def model_plan_rows(model: ModelPlan, about: str = "") -> list[tuple[str, str]]:
    """What a run or a backfill would do for one model, as (what, how much)."""
    rows = [(model.table, "" if model.exists else "a new table")]
    if model.exists and model.pending:
        rows.append(("  left by an earlier run", f"{model.pending:,} texts"))
    if model.under_way:
        rows.append(("  in batches", f"{model.under_way:,} texts under way; a run lands what has come back"))
    if model.texts:
        many = counted(model.by_modality, model.texts - sum(model.by_modality.values()))
        tokens = "" if model.by_modality else f", {about}{model.tokens:,} tokens"
        rows.append(("  to embed", f"{about}{many}{tokens}"))
        if model.measured:
            cost = "as its service asks" if model.served else "none, the model runs here"
            told = "" if model.cost is not None else f"; cost: {cost}"
            rows.append(("  expected time", f"{_duration(model.seconds)} (by {model.measured}){told}"))
        if model.price == 0:
            rows.append(("  cost", "nothing"))
        elif model.cost is not None:
            by = "the corpus file's price" if model.price_given else f"prices of {date_of_prices()}"
            at = f"at {model.price:g} USD a million tokens ({by})"
            if model.image_tokens:
                at = f"images at {model.image_price:g} USD a million tokens, {model.image_tokens:,} of them ({by})"
            rows.append(("  cost", f"{about or 'about '}{dollars(model.cost)}, {at}"))
    if model.overlong:
        rows.append(("  longer than the model reads", f"{about}{model.overlong:,} chunks"))
    if model.refused:
        rows.append(("  would be refused", f"{about}{model.refused:,} chunks, longer than the model reads"))
    return rows


def plan_rows(plan: Plan) -> list[tuple[str, str]]:
    """What a run would do, as (what, how much)."""
    about = "" if plan.share_read == 1 else "about "
    rows = [("files listed", f"{plan.listed:,} ({plan.unchanged:,} unchanged)")]
    for name, value, exact in (
        ("new", plan.new, True), ("changed", plan.changed, True),
        ("read again, other settings", plan.settings_changed, True),
        ("deleted", plan.deleted, True), ("moved", plan.moved, False), ("duplicates", plan.duplicates, False),
        ("cannot be used", plan.failing, False),
    ):  # fmt: skip
        if value:
            rows.append((name, f"{'' if exact else about}{value:,}"))
    if plan.chunks:
        rows.append(("chunks to write", f"{about}{plan.chunks:,} ({about}{plan.tokens:,} tokens)"))
    if plan.to_transcribe:
        long = _duration(plan.transcribe_seconds)
        rows.append(("to transcribe", f"{about}{plan.to_transcribe:,} sounds and films, {about}{long} of sound"))
    rows += _skipped(plan.skipped) + _unfit(plan.unfit, plan.unfit_first)
    for model in plan.models:
        rows += model_plan_rows(model, about)
    rows += _others(plan.others)
    rows += [("which is live", note) for note in plan.notes]
    rows += [("could be embedded", hint) for hint in plan.hints]
    if plan.refused:
        rows.append(("a run would stop", plan.refused))
    for failure in plan.failures[:5]:
        rows.append(("  " + failure["document"], failure["message"]))
    if plan.share_read < 1:
        rows.append(("read for this plan", f"{plan.share_read:.1%} of the bytes; figures marked about are scaled up"))
    if not (
        plan.new
        or plan.changed
        or plan.settings_changed
        or plan.deleted
        or any(m.texts or m.pending or m.refused or m.under_way for m in plan.models)
    ):
        rows.append(("", "Nothing to do: every table is up to date."))
    return rows


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
