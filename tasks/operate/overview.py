"""The tables of a corpus's models: what each holds, how it stands, what is known of it."""

import json
from typing import Any

from tasks.embed.update import standing_of
from tasks.evaluate import verdict as evaluations
from tasks.lake.catalog import Entry, live_of
from tasks.lake.maintenance import has_vector_index
from tasks.lake.neighbours import bytes_of_files
from tasks.lake.recall import judged_in
from tasks.lake.schemas import SWITCHES
from tasks.lake.switches import history
from tasks.lake.tables import Lake
from tasks.operate.gate import told_verdict
from tasks.operate.promote import named_tables, notes_on
from tasks.operate.status import plain


def models_of(lake: Lake) -> dict[str, Any]:
    """A row for each table, the history of which one was live, the last switch first, and what is to be told of them;
    as plain values.

    Each row has: table, model, reference, revision, state, rows, pending (chunks without a vector), failed,
    behind_since, retire_at, bytes (on a disk, old versions included; else null), dimension, quality (of the latest
    evaluation against the live table, or null), texts_per_second and tokens_per_second (of the last run that embedded),
    index (whether searches by meaning use one), recall (of that index, or null).
    """
    entries = lake.catalog()
    standing, live, speeds = standing_of(lake, entries), live_of(entries), _speeds(lake)
    rows = [
        plain(
            {name: entry[name] for name in ("table", "model", "reference", "revision", "state", "dimension")}
            | {name: entry[name] for name in ("behind_since", "retire_at")}
            | {
                "rows": standing[entry["table"]].rows,
                "pending": standing[entry["table"]].pending,
                "failed": standing[entry["table"]].failed,
                "bytes": bytes_of_files(lake.uri, entry["table"]),
                "quality": _quality(lake, entry, live),
                "index": has_vector_index(lake, entry["table"]),
                "recall": judged.recall if (judged := judged_in(entry)) else None,
            }
            | speeds.get(entry["table"], {"texts_per_second": None, "tokens_per_second": None})
        )
        for entry in entries
    ]
    switches = [
        plain({name: row[name] for name in SWITCHES.names if name != "version"}) for row in history(lake, entries)
    ]
    notes = notes_on(lake.corpus, entries, named_tables(lake.corpus, entries))
    rows.sort(key=lambda row: (row["state"] != "live", row["state"] == "frozen", row["table"]))
    return {"corpus": lake.corpus.name, "models": rows, "switches": switches[::-1], "notes": notes}


def _quality(lake: Lake, entry: Entry, live: Entry | None) -> str | None:
    if live is None or live is entry:
        return None
    verdict = evaluations.latest_verdict(lake, entry["table"], live["table"])
    return told_verdict(verdict) if verdict else None


def _speeds(lake: Lake) -> dict[str, dict[str, float]]:
    """How fast each table was filled by the last run that embedded for it."""
    runs = lake.read(lake.name("runs"), ["started", "counts"]).to_pylist()
    found: dict[str, dict[str, float]] = {}
    for run in sorted(runs, key=lambda run: run["started"]):
        for counts in json.loads(run["counts"])["models"]:
            if counts["embedded"] and counts["seconds"]:
                found[counts["table"]] = {
                    f"{name}_per_second": round(counts[count] / counts["seconds"], 1)
                    for name, count in (("texts", "embedded"), ("tokens", "tokens"))
                }
    return found
