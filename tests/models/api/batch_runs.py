"""Runs of a corpus in batches, one after the other until nothing is pending; `python -m tests.models.api.batch_runs
FILE`."""

import sys
from pathlib import Path
from typing import Any

from tests.models.api.runs import run


def until_done(corpus_file: Path, most: int = 300) -> Any:
    """The report of the last of them."""
    for _ in range(most):
        report = run(corpus_file)
        if not report.models[0].pending and not report.models[0].batches:
            return report
    raise AssertionError(report.models)


if __name__ == "__main__":
    until_done(Path(sys.argv[1]))
