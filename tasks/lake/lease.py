"""Who may write: leases in the lake itself, so that they work wherever the lake does.

A row for each scope says who holds it, since when, and when it last gave a sign of life. A thread renews what is held,
also while the next lease is waited for. A holder measures its own silence, and looks before each write whether it
still holds its leases. Should a run be stopped between that look and the write, the keys of the tables still keep it
from writing a row twice.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from tasks.errors import LeaseHeld
from tasks.lake.holder import LEASES
from tasks.lake.scope import Lease
from tasks.lake.tables import Lake
from tasks.lake.versions import forget_old


@dataclass(frozen=True, slots=True)
class Writing:
    """What was found when the leases were taken.

    Args:
        overtaken: another run may have written meanwhile, see `writing`.
    """

    overtaken: bool


@contextmanager
def writing(
    lake: Lake, scopes: Iterable[str], holder: str, wait: bool, since: Mapping[str, int] | None = None
) -> Iterator[Writing]:
    """Hold leases while writing; the lake then refuses to write once one of them is lost. May be used for a moment
    within another one of the same lake, for other scopes: then all of them must be held.

    Args:
        lake: to write to.
        scopes: what will be written; taken in order, so that two runs cannot wait for each other.
        holder: the run's id.
        wait: for another run to end, instead of leaving.
        since: what `lease_epochs` gave a moment before; it then says whether another run held one since.

    Raises:
        LeaseHeld: another run holds one, and `wait` is False.
    """
    with _holding(lake, scopes, holder, wait, watch=True) as held:
        yield Writing(since is not None and any(lease.found != since.get(lease.scope, 0) for lease in held))


@contextmanager
def try_writing(lake: Lake, scopes: Iterable[str], holder: str) -> Iterator[bool]:
    """The same if all leases are free at once; whether they are. Nothing is waited for."""
    with ExitStack() as stack:
        taken = True
        try:
            stack.enter_context(_holding(lake, scopes, holder, wait=False, watch=False))
        except LeaseHeld:
            taken = False
        yield taken


def lease_epochs(lake: Lake) -> dict[str, int]:
    """How often each scope was taken so far, to be given to `writing`; empty where nothing was. A scope that is held
    counts one less: what its holder still writes is written since."""
    rows = lake.read(lake.name("leases"), ["scope", "holder", "epoch"]).to_pylist()
    return {row["scope"]: (row["epoch"] or 0) - bool(row["holder"]) for row in rows}


@contextmanager
def _holding(lake: Lake, scopes: Iterable[str], holder: str, wait: bool, watch: bool) -> Iterator[list[Lease]]:
    lake.create("leases", LEASES)
    table = lake.name("leases")
    tidied = lake.version(table)
    held: list[Lease] = []
    ended = threading.Event()
    outer = lake.fence

    def check() -> None:
        for lease in [*held]:
            lease.check()
        if outer:
            outer()

    def keep() -> None:
        while not ended.wait(lake.corpus.lease.seconds / 6):
            for lease in [*held]:
                with suppress(Exception):  # a store that does not answer now; `check` decides
                    lease.beat()
            tidy()

    def tidy() -> None:
        nonlocal tidied
        tidied = forget_old(lake, table, tidied)

    keeper = threading.Thread(target=keep, name="lease", daemon=True)
    with ExitStack() as stack:
        stack.callback(tidy)
        keeper.start()
        try:
            for scope in sorted(set(scopes), key=lambda scope: (scope == "catalog", scope)):  # last, as from within
                lease = Lease(lake, scope, holder)
                stack.callback(lease.release)
                lease.take(wait, watch)
                held.append(lease)
            check()  # the first may have been lost while the last was waited for
            lake.fence = check
            lake.refresh()
            yield held
        finally:
            lake.fence = outer
            ended.set()
            keeper.join()
