"""Which table search uses, changed by a person, or by a run where the corpus file says so."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tasks.config.settings import Corpus
from tasks.embed.update import standing_of
from tasks.errors import ConfigurationError, LeaseHeld, ModelError, SwitchRefused
from tasks.evaluate import verdict as evaluations
from tasks.lake.catalog import Entry, behind, live_of, not_live
from tasks.lake.lease import writing
from tasks.lake.pinned import resolve_in
from tasks.lake.run import Run
from tasks.lake.switches import AUTOMATIC, PROMOTE, ROLLBACK, Switch, history, make, told_live
from tasks.lake.tables import Lake
from tasks.operate.gate import check_rows, check_whole, objections, told_verdict


@dataclass(frozen=True, slots=True)
class Switched:
    """What became of a switch.

    Attributes:
        live: the table that is live now.
        before: the one that was live before; None where none was.
        changed: whether another table is live now than before.
        message: for a person.
    """

    live: str
    before: str | None
    changed: bool
    message: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def choose(entries: Sequence[Entry], model: str, prefer: Callable[[Entry], bool]) -> Entry:
    """The line that a table's name, or a model's name, reference or revision, means.

    Args:
        entries: the catalog.
        model: what was given.
        prefer: which of several tables of one model is meant.

    Raises:
        ConfigurationError: none, or several.
    """
    fitting = [e for e in entries if model in (e["table"], e["model"], e["reference"], e["revision"])]
    found = [e for e in fitting if e["table"] == model] or [e for e in fitting if prefer(e)] or fitting
    if len(found) == 1:
        return found[0]
    told = ", ".join(f"{e['table']} ({e['reference']}, {e['state']})" for e in found or entries) or "none"
    if found:
        raise ConfigurationError(f"{model!r} may mean {len(found)} tables: {told}", "Give a table's name.")
    raise ConfigurationError(
        f"the lake has no table of a model {model!r}; its tables: {told}",
        "Give one of these; a new one is filled by a run, or by: embedlake backfill CORPUS.yaml --model MODEL",
    )


def tables_of_file(lake: Lake, model: str) -> set[str]:
    """The tables of the corpus file's models that have a name or reference.

    Raises:
        ModelError: there is no such model on this machine.
    """
    return {lake.model_table(resolve_in(lake, m)) for m in lake.corpus.models if model in (m.name, m.model)}


def promote(
    lake: Lake, model: str, holder: str, reason: str = "", force: bool = False, wait: bool = False, kind: str = PROMOTE
) -> Switched:
    """Make a table live, in one commit.

    Args:
        lake: of the corpus.
        model: as `choose` takes it; of several tables of one model, that of the corpus file is meant.
        holder: of the leases.
        reason: kept in the history.
        force: whatever an evaluation says of it, or its indexes lack.
        wait: for a run that writes the table to end.
        kind: of switch.

    Raises:
        SwitchRefused: it may not become live, or another switch came first.
        ModelError: its model is not on this machine, or does not work.
        LeaseHeld: a run writes the table, and `wait` is False.
    """
    entries = lake.catalog()
    of_file = tables_of_file(lake, model)
    entry, live = choose(entries, model, lambda entry: entry["table"] in of_file), live_of(entries)
    seen = live["table"] if live else None
    if entry["table"] == seen:
        return Switched(entry["table"], None, False, f"nothing to do: {told_live(lake, entries)}")
    against: list[str] = []

    def examine(entry: Entry) -> None:
        against.extend(objections(lake, entry, seen))
        if against and not force:
            raise SwitchRefused(
                f"{entry['table']} is not made live: {'; '.join(against)}. {seen} stays live",
                'To make it live all the same, which is kept in the history: --force --reason "…"',
            )

    def switch() -> Switch:
        return Switch(entry["table"], kind, reason, "; ".join(against))

    return _switch(lake, entry["table"], seen, holder, wait, examine, switch)


def rollback(lake: Lake, holder: str, reason: str = "", wait: bool = False) -> Switched:
    """Make the table live that was so before the last promotion, in one commit. A second one goes no further back:
    so it may be repeated.

    Args:
        lake: of the corpus.
        holder: of the leases.
        reason: kept in the history.
        wait: for a run that writes the table to end.

    Raises:
        SwitchRefused: there was none, or it may not become live, or another switch came first.
        ModelError: its model is not on this machine, or does not work.
        LeaseHeld: a run writes the table, and `wait` is False.
    """
    entries = lake.catalog()
    live, made = live_of(entries), history(lake, entries)
    last = made[-1] if made else None
    if live and last and last["kind"] == ROLLBACK:
        further = "To make another one live: embedlake promote CORPUS.yaml MODEL"
        return Switched(live["table"], None, False, f"nothing to do: {told_live(lake, entries)}. {further}")
    if live is None or last is None or last["from_table"] is None or int(last["number"]) != live["switch"]:
        raise SwitchRefused(
            "the history tells of no table that was live before; nothing was changed",
            "Make one live by its name: embedlake promote CORPUS.yaml MODEL. `embedlake models` lists them.",
        )
    before = last["from_table"]
    if before not in {entry["table"] for entry in entries}:
        raise SwitchRefused(
            f"{before}, which was live before, was retired and is gone; {live['table']} stays live",
            "Fill it again with `embedlake backfill CORPUS.yaml --model MODEL`, then promote it.",
        )
    switch = Switch(before, ROLLBACK, reason)
    return _switch(lake, before, live["table"], holder, wait, lambda _: None, lambda: switch)


def promote_by_itself(run: Run, named: list[str]) -> None:
    """Make the corpus file's first model live where the file says `promote: automatic`, and the latest evaluation that
    it is not worse. One that was live before is not: someone, or a run, decided on it already."""
    lake = run.lake
    entries = lake.catalog()
    lines, live = {entry["table"]: entry for entry in entries}, live_of(entries)
    first = lines.get(named[0])
    if lake.corpus.promote != "automatic" or not (live and first) or first["state"] != "ready":
        return
    table, notes = first["table"], run.report.notes
    if any(table in (row["from_table"], row["to_table"]) for row in history(lake, entries)):
        notes.append(f"{table} was live before, and only becomes so again by hand")
        return
    verdict = evaluations.latest_verdict(lake, table, live["table"])
    if verdict is None:
        notes.append(
            f"{table} is not made live by itself: no evaluation compares it with {live['table']};"
            " embedlake evaluate CORPUS.yaml"
        )
        return
    try:
        check_whole(lake, first)  # before any lease: a run that has nothing to do writes nothing
        if against := objections(lake, first, live["table"]):
            raise SwitchRefused("; ".join(against))
        switched = promote(lake, table, run.report.run_id, f"judged not worse: {told_verdict(verdict)}", kind=AUTOMATIC)
        run.report.promoted = switched.live
    except (SwitchRefused, ModelError, LeaseHeld) as error:
        notes.append(f"{table} is not made live by itself: {error.message}")


def notes_on(corpus: Corpus, entries: list[Entry], named: Sequence[str]) -> list[str]:
    """What stands between the models of a corpus file and being live, for a person.

    Args:
        corpus: of the file.
        entries: the catalog.
        named: the tables of the file's models, in its order.
    """
    lines, live = {entry["table"]: entry for entry in entries}, live_of(entries)
    notes = []
    if live and named and live["table"] != named[0]:
        first = lines.get(named[0])
        serves = f"{short(entries, live['table'])} is live"
        if live["table"] not in named:
            serves += ", and kept up, though the corpus file does not name it"
        if first and first["state"] == "ready":
            name = short(entries, named[0])
            notes.append(f"{serves}; {name} is ready: embedlake promote CORPUS.yaml {name}")
        else:
            notes.append(f"{serves}; {named[0]} is not complete yet, and does not become live by being first")
    for entry in entries:
        if entry["state"] == "live" and (late := behind(entry)):
            notes.append(late)
        if entry.get("retire_at"):
            notes.append(f"{short(entries, entry['table'])} is removed after {entry['retire_at']:%Y-%m-%d %H:%M} UTC")
    return notes


def named_tables(corpus: Corpus, entries: list[Entry]) -> list[str]:
    """The tables of a corpus file's models, as the last run left them, without looking for the models' files."""
    found = []
    for model in corpus.models:
        own = [e for e in entries if e["model"] == model.name and (e["state"] != "frozen")]
        own.sort(key=lambda entry: entry["state"] == "live")
        found += [entry["table"] for entry in own[:1]]
    return found


def short(entries: Sequence[Entry], table: str) -> str:
    """A table's model, if no other table is of a model of that name; else its own name."""
    models = [entry["model"] for entry in entries]
    name: str = next((entry["model"] for entry in entries if entry["table"] == table), table)
    return name if models.count(name) == 1 else table


def _switch(
    lake: Lake,
    table: str,
    seen: str | None,
    holder: str,
    wait: bool,
    examine: Callable[[Entry], None],
    switch: Callable[[], Switch],
) -> Switched:
    """Check a table while nobody writes it, then make it live."""

    def check(entries: list[Entry]) -> str:
        check_whole(lake, _line(entries, table))
        old = live_of(entries)
        if old is None:
            return ""
        kept = old["table"] in named_tables(lake.corpus, entries) and not old["behind_since"]
        return not_live(standing_of(lake, [old])[old["table"]]) if kept else "frozen"

    with writing(lake, [table], holder, wait):
        entry = _line(lake.catalog(), table)
        check_whole(lake, entry)
        examine(entry)
        check_rows(lake, entry)
        row = make(lake, holder, seen, switch(), check)
    forced = f", though {row['forced']}" if row["forced"] else ""
    return Switched(table, seen, True, f"{table} is live{forced}; before it was {seen or 'none'}")


def _line(entries: list[Entry], table: str) -> Entry:
    found = next((entry for entry in entries if entry["table"] == table), None)
    if found is None:
        raise SwitchRefused(f"{table} was removed meanwhile; nothing was changed", "See: embedlake models CORPUS.yaml")
    return found
