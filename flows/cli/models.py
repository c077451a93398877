"""The commands that decide which model's table is live: `models`, `promote`, `rollback`, `retire`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Corpus, Json, Wait, quiet_libraries
from tasks.errors import ConfigurationError

if TYPE_CHECKING:
    from tasks.lake.tables import Lake
    from tasks.operate.promote import Switched

Model = Annotated[str, typer.Argument(metavar="MODEL", help="A table's name, or a model's name or reference.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the history.")]


def models(
    corpus_file: Corpus,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="Show instead how alike two models are, and the passages that differ most."),
    ] = None,
    json: Json = False,
) -> None:
    """Show the models' tables: rows, what is pending, size, quality, speed, index, and which one was live when.

    Example: embedlake models notes.yaml --compare minilm bge-small-en-v1-5
    """
    from flows.cli.shows import print_likeness, print_models
    from flows.cli.terminal import print_json
    from tasks.evaluate.neighbours import likeness
    from tasks.operate.overview import models_of
    from tasks.operate.promote import choose

    lake = _open(corpus_file)
    if compare:
        first, second = (choose(lake.catalog(), name, lambda e: e["state"] != "frozen")["table"] for name in compare)
        alike = likeness(lake, first, second)
        if json:
            print_json(alike.to_dict())
        else:
            print_likeness(alike)
        return
    found = models_of(lake)
    if json:
        print_json(found)
    else:
        print_models(found)


def promote(
    corpus_file: Corpus,
    model: Model,
    force: Annotated[
        bool, typer.Option("--force", help="Whatever an evaluation found, or nobody measured; needs --reason.")
    ] = False,
    reason: Reason = "",
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Make a model's table the one that search uses, in one commit.

    It must be complete, few texts may have failed, and every row is audited, as `verify` does: nothing overrides that.
    Its index's recall must be measured, and the latest evaluation, if there is one, must not find it worse than the
    live one. Ends with 11, and changes nothing, if that is not so or another switch came first.

    Example: embedlake promote notes.yaml bge-small-en-v1-5
    """
    from tasks.operate.promote import promote as make_live

    if force and not reason.strip():
        raise ConfigurationError("--force needs a reason, which is kept", 'Say why: --force --reason "…"')
    quiet_libraries()
    _tell(make_live(_open(corpus_file), model, f"promote-{os.getpid()}", reason, force, wait), json)


def rollback(corpus_file: Corpus, reason: Reason = "", wait: Wait = False, json: Json = False) -> None:
    """Make the table live again that was so before the last promotion, in one commit.

    It must be complete, and its rows are audited, as for `promote`. No run undoes it. A second one changes nothing.

    Example: embedlake rollback notes.yaml --reason "numbers are found worse"
    """
    from tasks.operate.promote import rollback as take_back

    quiet_libraries()
    _tell(take_back(_open(corpus_file), f"rollback-{os.getpid()}", reason, wait), json)


def retire(
    corpus_file: Corpus,
    model: Model,
    after: Annotated[str, typer.Option(metavar="DURATION", help="How long from now, such as 12h, 7d or 2w.")] = "7d",
    now: Annotated[bool, typer.Option("--now", help="At once.")] = False,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Remove a model's table after a time; the first run, or retire, after it does.

    Until then, promoting it or naming its model in the corpus file undoes that. Ends with 11 if it is live, or of a
    model that the file names. With --now it cannot be undone; broken off, the same command goes on.

    Example: embedlake retire notes.yaml all-minilm-l6-v2 --after 2w
    """
    from datetime import timedelta

    from flows.cli.terminal import out, print_json, shown
    from tasks.operate.retire import duration, remove, retire_due
    from tasks.operate.retire import retire as mark

    lake, holder = _open(corpus_file), f"retire-{os.getpid()}"
    entry = mark(lake, model, timedelta() if now else duration(after), holder)
    removed = [entry["table"]] if now and remove(lake, entry["table"], holder, wait) else []
    removed += retire_due(lake, holder)
    if json:
        print_json({"table": entry["table"], "retire_at": entry["retire_at"].isoformat(), "removed": removed})
        return
    if not now:
        out.print(
            f"{shown(entry['table'])} is removed after {entry['retire_at']:%Y-%m-%d %H:%M} UTC, by the next run or"
            " retire. To undo it: promote it, or name its model in the corpus file.",
            soft_wrap=True,
        )
    for table in removed:
        out.print(f"Removed {shown(table)}.", soft_wrap=True)


def _open(corpus_file: Path) -> "Lake":
    from tasks.config.loading import load_corpus
    from tasks.lake.tables import Lake

    return Lake(load_corpus(corpus_file))


def _tell(switched: "Switched", json: bool) -> None:
    from flows.cli.terminal import out, print_json, shown

    if json:
        print_json(switched.to_dict())
    else:
        message = switched.message
        out.print(
            shown(message[:1].upper() + message[1:] if message.startswith("nothing") else message), soft_wrap=True
        )
