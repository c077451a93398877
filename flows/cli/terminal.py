"""What the command line shows: progress bars on a terminal, plain lines in a log, tables, errors."""

import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from tasks.config.loading import redact
from tasks.errors import EmbedlakeError
from tasks.operate.bench import Bench
from tasks.operate.report import report_rows
from tasks.operate.verify import Finding
from tasks.progress import Progress as Told
from tasks.progress import RunReport, subscribed
from tasks.search.query import Passage

out = Console(highlight=False, emoji=False)
err = Console(stderr=True, highlight=False, emoji=False)

_LOG_EVERY = 10.0  # seconds between lines where there is no terminal

# What steers a terminal, turns the direction of a text, or is half a character. Control characters below a space have
# pictures of their own.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_STATES = {
    "stale": " (kept as they were, cannot be read now)",
    "quarantined": " (failed)",
    "container": " (files of records)",
}
_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}


def shown(text: str) -> str:
    """Text of others as it may go to a terminal: nothing in it is obeyed, neither by the terminal nor as markup."""
    return escape(_STEERING.sub(lambda match: _PICTURES.get(ord(match[0]), "\ufffd"), text))


def size_told(size: int) -> str:
    """Bytes, for a person."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def print_json(value: Any) -> None:
    """One JSON value on standard output."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    sys.stdout.write(_STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n")


def print_rows(rows: list[tuple[str, str]]) -> None:
    """Names and values in two columns."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(shown(name), shown(value))
    out.print(table)


def print_error(error: EmbedlakeError, as_json: bool) -> None:
    """What failed and what to do next; secrets hidden."""
    message, hint = redact(error.message), redact(error.hint)
    if as_json:
        print_json({"error": {"kind": type(error).__name__, "message": message, "hint": hint}})
        return
    err.print(f"[bold red]error:[/] {shown(message)}", soft_wrap=True)
    if hint:
        err.print(f"[bold]next:[/] {shown(hint)}", soft_wrap=True)


@contextmanager
def progress_shown(quiet: bool) -> Iterator[None]:
    """Show what the stages tell, on standard error."""
    if quiet:
        yield
    elif err.is_terminal:
        with _bars() as bars, subscribed(_to_bars(bars)):
            yield
    else:
        with subscribed(_to_lines()):
            yield


def _bars() -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description:<6}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}  {task.fields[rate]}"), TimeRemainingColumn(), console=err,
    )  # fmt: skip


def _to_bars(bars: Progress) -> Any:
    tasks: dict[str, TaskID] = {}
    started: dict[str, float] = {}

    def show(progress: Told) -> None:
        if progress.stage not in tasks:
            tasks[progress.stage] = bars.add_task(progress.stage, total=progress.total, unit=progress.unit, rate="")
            started[progress.stage] = time.monotonic()
        rate = progress.done / max(time.monotonic() - started[progress.stage], 0.001)
        bars.update(
            tasks[progress.stage],
            completed=progress.done,
            total=progress.total,
            rate=f"{rate:,.0f}/s" if progress.done else "",
        )

    return show


def _to_lines() -> Any:
    first: dict[str, float] = {}
    last: dict[str, tuple[float, int]] = {}

    def show(progress: Told) -> None:
        now = time.monotonic()
        first.setdefault(progress.stage, now)
        at, done = last.get(progress.stage, (first[progress.stage], -1))
        finished = progress.done == progress.total and done != progress.done
        if now - at < _LOG_EVERY and not (finished and progress.stage != "embed"):
            return
        last[progress.stage] = (now, progress.done)
        rate = progress.done / max(now - first[progress.stage], 0.001)
        left = f", {(progress.total - progress.done) / rate:,.0f} s left" if progress.total and rate else ""
        of = f" of {progress.total:,}" if progress.total else ""
        err.print(
            f"{time.strftime('%H:%M:%S')} {progress.stage}: {progress.done:,}{of} {progress.unit}, {rate:,.0f}/s{left}",
            soft_wrap=True,
        )

    return show


def print_report(report: RunReport) -> None:
    """The end of a run."""
    if report.idle:
        out.print(f"Nothing to do: every table of {report.corpus} is up to date.")
    print_rows(report_rows(report))


def print_passages(passages: list[Passage]) -> None:
    """What a search found, best first."""
    if not passages:
        out.print("Nothing found.")
    for rank, passage in enumerate(passages, 1):
        headings = f"  {' > '.join(passage.headings)}" if passage.headings else ""
        place = f"{passage.document_id}{headings}".replace("\n", _PICTURES[10])
        out.print(
            f"[bold]{rank}. {shown(place)}[/]  [cyan]{passage.score:.3f}[/]  characters {passage.start}–{passage.end}",
            soft_wrap=True,
        )
        lines = [line for line in passage.text.split("\n") if line.strip()]
        beginning = "\n".join("   " + line[:160] for line in lines[:6]) + ("\n   …" if len(lines) > 6 else "")
        out.print(shown(beginning), soft_wrap=True)


def print_status(found: dict[str, Any]) -> None:
    """What a lake holds."""
    documents = ", ".join(
        f"{count:,} {state}{_STATES.get(state, '')}" for state, count in sorted(found["documents"].items())
    )
    rows = [("corpus", found["corpus"]), ("lake", found["lake"]), ("documents", documents or "none")]
    if found["duplicates"]:
        rows.append(("duplicates", f"{found['duplicates']:,} say what another one says"))
    print_rows([*rows, ("chunks", f"{found['chunks']:,}")])
    columns = ["table", "state", "rows", "pending", "failed", "overlong", "dimension"]
    _print_table("models", columns, found["models"])
    _print_table(
        "last runs",
        ["started", "kind", "state", "documents", "embedded", "failed"],
        [_run_row(run) for run in found["runs"]],
    )
    if found["failures"]["total"]:
        title = f"failures ({found['failures']['total']:,})"
        _print_table(title, ["document_id", "stage", "error", "message", "hint"], found["failures"]["last"])
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


def print_failures(rows: list[dict[str, Any]]) -> None:
    """What failed."""
    if not rows:
        out.print("No failures.")
        return
    short = [row | {"id": row["failure_id"][:8]} for row in rows]
    _print_table(
        f"failures ({len(rows):,})", ["id", "document_id", "stage", "error", "attempts", "message", "hint"], short
    )


def print_findings(found: list[Finding], again: str) -> None:
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


def print_bench(found: Bench) -> None:
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
