"""Switches in processes of their own, which SIGKILL ends before one of their writes.

    python -m tests.machine.killed

A line of JSON on standard input has the keywords of `switch`; a line on standard output tells how its process ended.
Each is forked from this process, which has everything imported and touches no lake: so it takes no second to begin.
"""

import json
import os
import signal
import sys
import traceback
import warnings
from pathlib import Path
from typing import NoReturn

from tasks.operate.promote import promote, rollback
from tests.lakes import lake_of
from tests.machine.engine import Writes, quick


class Kills(Writes):
    """Writes of which one is never made, as this process ends before."""

    def _end(self) -> NoReturn:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("it goes on although it was killed")


def switch(corpus_file: str, model: str | None, at: int) -> None:
    """Promote a model, or roll back where none is named, and be killed before a write."""
    with quick(), Kills(at, leases=True).watched():
        lake = lake_of(Path(corpus_file))
        if model:
            promote(lake, model, "killed")
        else:
            rollback(lake, "killed")


def main() -> None:
    """A process for each line."""
    warnings.simplefilter("ignore")  # LanceDB warns of every fork
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                switch(**json.loads(line))
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
