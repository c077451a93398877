"""Runs without Prefect's engine, reading without processes, and runs that break off at a write."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import prefect
import pytest
from lancedb.db import LanceDBConnection
from lancedb.table import LanceTable

from flows import artifacts, backfill, ingest, stages
from tasks.config.models import Model
from tasks.content import fetcher
from tasks.ingest import reading, transcribing
from tasks.ingest.prepare import prepare
from tasks.models import choose, find, speech
from tasks.models.resolved import Weights
from tasks.models.takes import TEXT_ONLY, Takes
from tests.machine.encoders import Scribe, StandIn
from tests.machine.world import SIGHT

run_ingest: Any = ingest.ingest.fn
run_backfill: Any = backfill.backfill.fn


class Killed(BaseException):
    """A run that was broken off: nothing after this was written."""


class Failed(Exception):
    """A write that did not succeed; what a run does on its way out is written."""


class _Stage:
    """A task of Prefect as the function it is."""

    def __init__(self, function: Any) -> None:
        self._function = function

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._function(*arguments, **keywords)

    def with_options(self, **_: Any) -> "_Stage":
        return self


class _Begun:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self._function, self._arguments = function, arguments

    def result(self) -> Any:
        return self._function(*self._arguments)


class _ReadersHere:
    """Readers in this process, one piece of work at a time."""

    def __init__(self, corpus: Any, *others: Any) -> None:
        self.count = 1
        self._arguments = (corpus, *others[:-1])

    def start(self, work: Any) -> _Begun:
        return _Begun(prepare, work, *self._arguments)

    def close(self) -> None:
        pass


class _ProcessesHere:
    """Contents are fetched in this process."""

    count = 1

    def __init__(self, *_: Any) -> None:
        pass

    def start(self, function: Any, *arguments: Any) -> _Begun:
        return _Begun(function, *arguments)

    def close(self) -> None:
        pass


def _takes_of(_model: Model, weights: Weights) -> Takes:
    return Takes(frozenset({"text", "image", "audio"})) if weights.folder.name == SIGHT else TEXT_ONLY


@contextmanager
def quick(stand_ins: bool = True) -> Iterator[None]:
    """While it lasts, flows run as plain functions, documents are read here, and encoders are stand-ins, if these are
    wanted."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in list(vars(stages).items()):
            if isinstance(value, prefect.Task):
                patch.setattr(stages, name, _Stage(value.fn))
        patch.setattr(artifacts, "publish_report", lambda *_: None)
        patch.setattr(artifacts, "progress_shown", _nothing)
        patch.setattr(reading, "LocalReaders", _ReadersHere)
        patch.setattr(fetcher, "Processes", _ProcessesHere)
        patch.setattr(transcribing, "Processes", _ProcessesHere)
        if stand_ins:
            patch.setattr(choose, "load_encoder", StandIn)
            patch.setattr(speech, "load", Scribe)
            patch.setattr(find, "_takes_of", _takes_of)
        yield


@contextmanager
def _nothing(_corpus: str) -> Iterator[None]:
    yield


_WRITES = {
    LanceTable: ["_do_merge", "add", "delete", "update", "add_columns", "alter_columns", "drop_columns", "restore"],
    LanceDBConnection: ["create_table", "drop_table"],
}


class Writes:
    """Counts the writes of a run and breaks it off at one of them.

    Args:
        at: the write, from 0; None counts only.
        written: whether that write itself still succeeds.
        killed: nothing is written after it; else only it fails, and what the run does on its way out succeeds.
        leases: whether writes to the leases count.
    """

    def __init__(self, at: int | None, written: bool = False, killed: bool = True, leases: bool = False) -> None:
        self.at, self.written, self.killed, self.leases = at, written, killed, leases
        self.count = 0
        self.names: list[str] = []

    @contextmanager
    def watched(self) -> Iterator["Writes"]:
        """While it lasts."""
        with pytest.MonkeyPatch.context() as patch:
            for owner, names in _WRITES.items():
                for name in names:
                    patch.setattr(owner, name, self._around(name, getattr(owner, name)))
            yield self

    def _around(self, name: str, real: Any) -> Any:
        def write(this: Any, *arguments: Any, **keywords: Any) -> Any:
            table = this.name if isinstance(this, LanceTable) else str(arguments[0])
            if table.endswith(".leases") and not self.leases:
                return real(this, *arguments, **keywords)
            number, self.count = self.count, self.count + 1
            self.names.append(f"{name} {table}")
            dead = self.at is not None and self.killed and number > self.at
            if dead or (number == self.at and not self.written):
                raise self._end()
            result = real(this, *arguments, **keywords)
            if number == self.at:
                raise self._end()
            return result

        return write

    def _end(self) -> BaseException:
        return Killed() if self.killed else Failed()
