"""What commands show: reports, passages, tables. What it shows is imported for its types alone: a search waits for no
reader."""

from collections.abc import Iterator
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Table

from flows.cli.terminal import PICTURES, out, print_rows, shown, size_told

if TYPE_CHECKING:
    from tasks.answer.sources import Source
    from tasks.evaluate.neighbours import Likeness
    from tasks.evaluate.results import Evaluation
    from tasks.operate.bench import Bench
    from tasks.operate.inspect import Held, Inspected
    from tasks.operate.verify import Finding
    from tasks.progress import RunReport

_SHOWN_NEAREST = 3
_STATES = {
    "stale": " (kept as they were, cannot be read now)",
    "quarantined": " (failed)",
    "container": " (files of records, messages or files)",
}


def print_report(report: "RunReport") -> None:
    """The end of a run."""
    from tasks.operate.report import nothing_to_do, report_rows

    if report.idle:
        out.print(nothing_to_do(report))
    print_rows(report_rows(report))


def print_sources(sources: "list[Source]", cited: list[int]) -> None:
    """What an answer may cite, those that it does in bold: title, headings, document and place."""
    for source in sources:
        named = " > ".join(filter(None, [source.title, *source.headings])).replace("\n", PICTURES[10])
        page = f"page {source.page}, " if source.page else ""
        place = f"{shown(source.document_id)}  {page}characters {source.start}–{source.end}"
        number = f"[bold]\\[{source.number}][/]" if source.number in cited else f"\\[{source.number}]"
        out.print(f"{number} {shown(named)}{'  ' if named else ''}{place}", soft_wrap=True)


def print_inspected(documents: "list[Inspected]", chunks: bool) -> None:
    """Documents as a run would land them, with their text, whole or where it is cut."""
    for document in documents:
        print_rows([(name.replace("_", " "), str(value)) for name, value in document.document.items()])
        if document.failure:
            print_rows([("failed", document.failure["message"]), ("next", document.failure["hint"])])
        if not chunks:
            out.print(f"\n{shown(document.text)}\n", soft_wrap=True)
        print_chunks(document.chunks if chunks else [])
        out.print()


def print_held(file: str, held: "list[Held]") -> None:
    """What lies in an archive or a mailbox."""
    print_rows([(one.path, one.failure or f"{one.format}, {one.bytes:,} bytes") for one in held])
    if held:
        out.print(f"\nTo see one: embedlake inspect {shown(repr(f'{file}!/{held[0].path}'))}")


def print_chunks(chunks: list[dict[str, Any]]) -> None:
    """Chunks, each under a line that says where it is cut."""
    for chunk in chunks:
        path = f" \u00b7 {' > '.join(chunk['heading_path'])}" if chunk["heading_path"] else ""
        page = f"page {chunk['span_page']} \u00b7 " if chunk.get("span_page") else ""
        place = (
            f"{page}{chunk['token_count']} tokens \u00b7 {chunk['span_unit']} {chunk['start']:,} to {chunk['end']:,}"
        )
        name = f"{chunk['document_id']} {chunk['ordinal']}" if "document_id" in chunk else str(chunk["ordinal"])
        out.rule(shown(f"{name} \u00b7 {place}{path}"), align="left")
        out.print(shown(chunk["text"]), soft_wrap=True)


def print_status(found: dict[str, Any]) -> None:
    """What a lake holds."""
    documents = ", ".join(
        f"{count:,} {state}{_STATES.get(state, '')}" for state, count in sorted(found["documents"].items())
    )
    rows = [("corpus", found["corpus"]), ("lake", found["lake"]), ("documents", documents or "none")]
    if found["duplicates"]:
        rows.append(("duplicates", f"{found['duplicates']:,} say what another one says"))
    guessed = [f"{e['documents']:,} {e['encoding']} ({e['least_confidence']:.0%} or surer)" for e in found["encodings"]]
    if len(guessed) > 1:
        rows.append(("encodings", ", ".join(guessed)))
    of_each = ", ".join(f"{count:,} {modality}" for modality, count in found["modalities"].items())
    print_rows([*rows, ("chunks", f"{found['chunks']:,}{f' ({of_each})' if of_each else ''}")])
    columns = ["table", "state", "rows", "pending", "failed", "overlong", "dimension"]
    _print_table("models", columns, found["models"])
    batches = [{"table": m["table"]} | m["under_way"] for m in found["models"] if m["under_way"]["jobs"]]
    if batches:
        _print_table("in batches", ["table", "jobs", "texts", "tokens", "cost", "since", "told"], batches)
    judged = [{"table": model["table"]} | model["vector_index"] for model in found["models"] if model["vector_index"]]
    if judged:
        _print_table("vector indexes", ["table", "kind", "recall", "rows", "table_version", "time"], judged)
    _print_switches(found)
    _print_table(
        "last runs",
        ["started", "kind", "state", "documents", "embedded", "failed"],
        [_run_row(run) for run in found["runs"]],
    )
    print_rows([(writer["state"], _told_writer(writer)) for writer in found["writers"]])
    if found["failures"]["total"]:
        _print_failed(f"failures ({found['failures']['total']:,})", found["failures"]["last"])
    if found["others"]:
        others = [
            {
                "corpus": other["name"], "tables": len(other["tables"]),
                "documents": "gone" if other["documents"] is None else other["documents"],
                "size": "" if other["bytes"] is None else size_told(other["bytes"]),
            }
            for other in found["others"]
        ]  # fmt: skip
        _print_table("other corpora in this lake", ["corpus", "tables", "documents", "size"], others)
        out.print("To remove one: embedlake drop CORPUS.yaml NAME", soft_wrap=True)


def print_models(found: dict[str, Any]) -> None:
    """The tables of a corpus's models, and how one or another became live."""
    print_rows([(model["table"], ", ".join(_told(model))) for model in found["models"]])
    _print_switches(found)


def _told(model: dict[str, Any]) -> Iterator[str]:
    """What is known of a model's table."""
    yield model["state"]
    yield f"{model['rows']:,} rows of {model['dimension']} dimensions"
    yield from (f"{model[name]:,} {name}" for name in ("pending", "failed") if model[name])
    if model["bytes"] is not None:
        yield size_told(model["bytes"])
    if model["texts_per_second"]:
        yield f"{model['texts_per_second']:,.0f} texts/s"
    if model["index"]:
        yield "an index whose recall is not measured" if model["recall"] is None else f"recall {model['recall']:.3f}"
    if model["quality"]:
        yield f"beside the live one {model['quality']}"
    if model["behind_since"]:
        yield f"behind since {model['behind_since']}"
    if model["retire_at"]:
        yield f"removed after {model['retire_at']}"


def print_likeness(found: "Likeness") -> None:
    """How alike two models are."""
    print_rows(
        [
            ("models", f"{found.first}, {found.second}"),
            ("passages compared", f"{found.passages:,}"),
            ("of the ten nearest, both have", f"{found.overlap:.0%}"),
            ("the first ones counting most", f"{found.rank_biased_overlap:.0%}"),
        ]
    )
    for passage in found.different:
        out.rule(shown(f"{passage.document_id} · {passage.overlap:.0%} in common"), align="left")
        out.print(shown(_start(passage.text)), soft_wrap=True)
        for table, texts in ((found.first, passage.first), (found.second, passage.second)):
            out.print(f"\n[bold]nearest by {shown(table)}[/]", soft_wrap=True)
            for text in texts[:_SHOWN_NEAREST]:
                out.print(shown(f"- {_start(text)}"), soft_wrap=True)


def _start(text: str) -> str:
    return shorten(text, 76, placeholder=" …")


def _print_switches(found: dict[str, Any]) -> None:
    for note in found["notes"]:
        out.print(shown(note), soft_wrap=True)
    if found["switches"]:
        out.print("\n[bold]which was live[/]")
    for row in found["switches"]:
        time, came_from = row["time"][:16].replace("T", " "), f"{row['from_table']} → " if row["from_table"] else ""
        forced = f"forced, though {row['forced']}" if row["forced"] else ""
        why = "; ".join(part for part in (row["why"], forced) if part)
        line = f"{time} UTC  {row['kind']}: {came_from}{row['to_table']}, by {row['who']}{f': {why}' if why else ''}"
        out.print(shown(line), soft_wrap=True)


def print_failures(rows: list[dict[str, Any]]) -> None:
    """What failed."""
    if not rows:
        out.print("No failures.")
        return
    _print_failed(f"failures ({len(rows):,})", rows)


def _print_failed(title: str, rows: list[dict[str, Any]]) -> None:
    """Failures under each other, as their messages are too long for columns."""
    out.print(f"\n[bold]{title}[/]")
    for row in rows:
        name = row["document_id"].replace("\n", PICTURES[10])
        often = f", {row['attempts']:,} times" if row["attempts"] > 1 else ""
        out.print(
            f"[bold]{shown(row['failure_id'][:8])}[/]  {shown(name)}  [cyan]{row['stage']}: {row['error']}{often}[/]",
            soft_wrap=True,
        )
        out.print(Padding(shown(f"{row['message']}\n{row['hint'] or ''}".rstrip()), (0, 0, 0, 10)))


def print_findings(found: "list[Finding]", again: str) -> None:
    """What an audit found."""
    if not found:
        out.print("Whole: no row missing, double, orphaned or wrong.")
        return
    rows = [finding.to_dict() | {"examples": ", ".join(finding.examples)} for finding in found]
    _print_table("findings", ["table", "problem", "count", "repaired", "examples"], rows)
    repaired = all(finding.repaired for finding in found)
    out.print(
        f"\n{'Removed. To write it again' if repaired else 'To repair it: --repair, then'}: {shown(again)}",
        soft_wrap=True,
    )


def print_bench(found: "Bench") -> None:
    """What a machine reaches with a model."""
    about = found.machine
    limits = ", ".join(
        f"{about[f'limit_{name}'] / 1e9:,.0f} GFLOP/s in {name}" for name in ("f32", "bf16") if f"limit_{name}" in about
    )
    print_rows(
        [
            ("machine", f"{about['processor']}, {about['cores']} cores" + (f"; {limits}" if limits else "")),
            ("model", found.model),
            ("sample", f"{found.texts:,} texts, {found.tokens:,} tokens"),
        ]
    )
    table = Table(box=None, pad_edge=False)
    for column in ("run by", "settings", "texts/s", "tokens/s", "cosine", "of limit"):
        table.add_column(column, justify="left" if column in ("run by", "settings") else "right", no_wrap=True)
    for row in found.rows:
        settings = row.settings | ({"batch_tokens": row.batch_tokens} if row.batch_tokens else {})
        table.add_row(
            shown(row.backend), shown(", ".join(f"{name}: {value}" for name, value in settings.items())) or "default",
            f"{row.texts_per_second:,.1f}", f"{row.tokens_per_second:,.0f}", f"{row.cosine_min:.5f}",
            f"{row.share_of_limit:.0%}" if row.share_of_limit else "",
        )  # fmt: skip
    out.print()
    out.print(table)
    advice = ", ".join(f"{place}: {value}" for place, value in found.recommended.items())
    out.print(f"\n{f'Recommended: {advice}' if advice else 'The defaults are the best here.'}")


def print_evaluation(found: "Evaluation") -> None:
    """Measures of each arm, and what they say."""
    from tasks.evaluate.measures import MEASURES
    from tasks.evaluate.report import conclusions, figures

    columns = ["arm", *MEASURES, "searches/s", "MB", "repeats"]
    rows = [dict(zip(columns, [arm.arm.label, *figures(arm)], strict=True)) for arm in found.arms]
    _print_table(f"{len(found.queries):,} queries ({found.kind})", columns, rows)
    out.print()
    for text in conclusions(found):
        out.print(f"- {shown(text)}", soft_wrap=True)


def _told_writer(writer: dict[str, Any]) -> str:
    more = "; the next run goes on where it was" if writer["state"] == "killed" else ""
    return f"{writer['told']}: {', '.join(writer['writes'])}{more}"


def _run_row(run: dict[str, Any]) -> dict[str, Any]:
    counts = run["counts"]
    documents = counts["documents"]
    return run | {
        "documents": documents["new"] + documents["changed"] + documents["deleted"],
        "embedded": sum(model["embedded"] for model in counts["models"]),
        "failed": counts["failed"],
    }


def _print_table(title: str, columns: list[str], rows: list[dict[str, Any]]) -> None:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(shown(f"{row[c]:,}" if isinstance(row[c], int) else str(row[c] or "")) for c in columns))
    out.print()
    out.print(table)
