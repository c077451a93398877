"""Who writes to a lake, and which runs were killed while they did: a killed run leaves no row, but its leases."""

from typing import Any

from tasks.lake.holder import LEASES, Holder
from tasks.lake.tables import Lake


def writers_of(lake: Lake) -> list[dict[str, Any]]:
    """The holders of leases that were not given up, each as plain values: `run`, its id; `state`: `writing`, `killed`
    (its process is gone), or `silent` (it gave no sign of life for `lease: seconds`, and may be of another machine);
    `told`, in words; `writes`, what it holds the leases for."""
    found: dict[tuple[str, str, int], dict[str, Any]] = {}
    for row in lake.read(lake.name("leases"), LEASES.names).to_pylist():
        holder = Holder.of(row)
        if not holder.holder:
            continue
        state = "killed" if holder.free() else "writing" if holder.fresh(lake.corpus.lease.seconds) else "silent"
        whose = (holder.holder, holder.host, holder.process)
        told = {"run": holder.holder, "state": state, "told": holder.told(), "writes": []}
        found.setdefault(whose, told)["writes"].append(row["scope"])
    return [found[whose] for whose in sorted(found)]
