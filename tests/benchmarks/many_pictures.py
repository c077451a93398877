"""True runs over many pictures: wall and processor time, the most memory, a second run.

    python -m tests.benchmarks.many_pictures MODEL FOLDER_OF_PNG [how many ...]

Pictures are made as `tests.benchmarks.pictures` makes them, once, as many as the largest number says; a run over each
number of them is `embedlake run` with its processes. Memory and processor time are sums over the run and all that it
started, looked at five times a second: memory is what is resident, so what processes share counts for each of them.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.pictures import make_pictures
from tests.conftest import MINILM

EVERY = 0.2  # seconds between two looks at the processes


def watched(command: list[str], **more: Any) -> tuple[str, float, float, int]:
    """What a command prints, its wall and processor seconds, and the most bytes resident at once."""
    began = time.monotonic()
    spent: dict[int, float] = {}
    most = 0
    with tempfile.TemporaryFile("w+") as out, subprocess.Popen(command, stdout=out, **more) as run:
        whole = psutil.Process(run.pid)
        while run.poll() is None:
            held = 0
            for process in [whole, *whole.children(recursive=True)]:
                try:
                    times = process.cpu_times()
                    held += process.memory_info().rss
                except psutil.Error:
                    continue
                spent[process.pid] = times.user + times.system
            most = max(most, held)
            time.sleep(EVERY)
        seconds = time.monotonic() - began
        out.seek(0)
        printed = out.read()
    if run.returncode:
        raise SystemExit(f"{command[0]} ended with {run.returncode}:\n{printed[-3000:]}")
    return printed, seconds, sum(spent.values()), most


def corpus_of(place: Path, pictures: Path, model: str) -> Path:
    """A corpus file for the pictures of a folder."""
    file = place / "pictures.yaml"
    corpus = {
        "name": "pictures", "lake": str(place / "lake"), "chunking": {"tokenizer": MINILM},
        "sources": [{"name": "docs", "uri": str(pictures)}], "extraction": {"images": "files"},
        "models": [{"model": model, "name": "eye", "trust_remote_code": True}],
    }  # fmt: skip
    file.write_text(json.dumps(corpus))
    return file


def part_of(pictures: Path, count: int, folder: Path) -> Path:
    """A folder with so many of the pictures."""
    folder.mkdir()
    for number in range(count):
        os.link(pictures / f"{number}.jpg", folder / f"{number}.jpg")
    return folder


def run_twice(place: Path, folder: Path, count: int, model: str) -> None:
    """Print what a run and a second one take."""
    file = corpus_of(place, folder, model)
    command = [str(Path(sys.executable).parent / "embedlake"), "run", str(file), "--json"]
    for what in ("first", "second"):
        printed, seconds, spent, most = watched(command)
        report = json.loads(printed)
        told = report["models"][0]
        print(
            f"{count:,} pictures, {what} run: {report['seconds']:.1f} s as it says, {seconds:.1f} s and"
            f" {spent:.1f} s of processor time with its start, at most {most / 2**20:,.0f} MiB,"
            f" {told['embedded']:,} embedded, {len(report['failures'])} failures told",
            flush=True,
        )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("originals", type=Path)
    parser.add_argument("counts", type=int, nargs="*", default=[2_000, 10_000])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        make_pictures(asked.originals, place / "all", max(asked.counts))
        for count in asked.counts:
            own = place / str(count)
            own.mkdir()
            folder = part_of(place / "all", count, own / "docs")
            run_twice(own, folder, count, asked.model)


if __name__ == "__main__":
    main()
