"""Progress on standard error: bars on a terminal, plain lines in a log."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from flows.cli.terminal import err
from tasks.progress import Progress as Told
from tasks.progress import dollars, subscribed

_LOG_EVERY = 10.0  # seconds between lines where there is no terminal


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
        cost = "" if progress.cost is None else f", {dollars(progress.cost)}"
        bars.update(
            tasks[progress.stage],
            completed=progress.done,
            total=progress.total,
            rate=f"{rate:,.0f}/s{cost}" if progress.done else "",
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
        left += "" if progress.cost is None else f", {dollars(progress.cost)}"
        of = f" of {progress.total:,}" if progress.total else ""
        err.print(
            f"{time.strftime('%H:%M:%S')} {progress.stage}: {progress.done:,}{of} {progress.unit}, {rate:,.0f}/s{left}",
            soft_wrap=True,
        )

    return show
