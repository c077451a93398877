"""Jobs of a Batch API for one table: created, found again after a run that broke off, fetched, and removed.

Whatever was said to the provider is written before; see tasks.lake.jobs for what a later run does with it. A job whose
creation nobody knows the outcome of is looked for by its name. If there is none, the file that it would read is removed
first and the job looked for again: from then on it cannot come into being, and what it would embed is pending again.
"""

import logging
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from tasks.caching import cache_folder
from tasks.errors import ServiceError
from tasks.hashing import hash_fields
from tasks.lake.jobs import Job, open_jobs, write_job
from tasks.lake.tables import Lake
from tasks.models.api.batch_client import BatchApi, Outcome, Unclear, Unknown
from tasks.models.api.batch_wires import Told

logger = logging.getLogger("embedlake.embed")

_GIVEN_UP = timedelta(days=3)  # after which a job that the provider does not know is taken to be gone
_FULL = ("token_limit_exceeded", "enqueued token limit")  # what OpenAI says where too much is under way


class ProviderJobs:
    """The jobs of a model's table.

    Args:
        lake: that has the table.
        table: full name.
        api: of the model's provider.

    Attributes:
        folder: for files of requests and answers, empty at first.
        open: those that are not landed.
        full: whether the provider takes no more for now.
        wrong: why jobs failed as a whole, without anything done.
    """

    def __init__(self, lake: Lake, table: str, api: BatchApi) -> None:
        self._lake, self._table, self._api = lake, table, api
        self.folder = cache_folder() / "batches" / hash_fields(lake.uri, table)
        shutil.rmtree(self.folder, ignore_errors=True)  # what a run left that was killed; no other one has the table
        self.folder.mkdir(parents=True)
        self.open: list[Job] = []
        self.full = False
        self.wrong: list[str] = []
        for job in open_jobs(lake, table):
            self._take_up(job)

    def submit(self, file: Path, name: str, contents: list[str], tokens: int, cost: float | None) -> None:
        """Have a file of requests done.

        Raises:
            ServiceError: it was not done, nor paid.
            LeaseLost: another run has taken over.
        """
        created = datetime.now(UTC)
        job = write_job(self._lake, Job(name, self._table, "prepared", len(contents), tokens, cost, created), ())
        sent = self._api.upload(file, name)
        job = write_job(self._lake, job, contents, state="uploaded", file=sent)
        try:
            self._submitted(job, self._api.create(sent, name))
        except Unclear as error:
            logger.info("whether %s was created is not clear: %s", name, error)
            self._find(job)
        except ServiceError:
            self._give_up(job, "the provider did not take it")
            raise

    def look(self) -> Iterator[tuple[Job, Told]]:
        """The jobs that have ended and whose answers are to be landed."""
        for job in [*self.open]:
            try:
                told = self._api.look(job.job or "")
            except Unknown:
                told = self._elsewhere(job)
            if told.stage == "failed":
                self.full |= any(word in told.says.lower() for word in _FULL)
                if not any(word in told.says.lower() for word in _FULL):
                    self.wrong.append(told.says)
                self._give_up(job, told.says)
            elif told.stage == "ended":
                yield job, told
            elif told.says.partition(",")[0] != job.told.partition(",")[0]:  # a row is large, and its progress is not
                self.open[self.open.index(job)] = write_job(self._lake, job, told=told.says)

    @contextmanager
    def answers(self, told: Told) -> Iterator[Iterator[tuple[str, Outcome]]]:
        """What became of the requests of a job, read from a copy of its files."""
        with TemporaryDirectory(dir=self.folder) as place:
            folder, files = Path(place), []
            for number, file in enumerate(told.files):
                try:
                    self._api.fetch(file, folder / f"{number}.jsonl")
                    files.append(folder / f"{number}.jsonl")
                except Unknown:
                    logger.warning("%s: its file %s is gone; what it had is pending again", told.name, file)
            yield (outcome for file in files for outcome in self._api.outcomes(file))

    def landed(self, job: Job, told: Told, tokens: int, cost: float | None, unusable: list[str]) -> None:
        """What a job answered is in the table, or will never be."""
        self.open.remove(job)
        self._remove_files(
            write_job(
                self._lake, job, (), state="landed", tokens=tokens, cost=cost, unusable=tuple(unusable),
                outputs=tuple(told.files), told=told.says,
            )
        )  # fmt: skip

    def _take_up(self, job: Job) -> None:
        """Go on with a job of a run before."""
        if job.state == "submitted":
            self.open.append(job)
        elif job.state == "uploaded":
            self._find(job)
        else:  # prepared or landed
            self._remove_files(job)

    def _find(self, job: Job) -> None:
        """Find a job that may have been created, or see to it that it is not."""
        told = self._api.find(job.name)
        if told is None:
            self._api.remove(job.file or "")
            told = self._api.find(job.name)
        if told:
            self._submitted(job, told)
        else:
            self._give_up(job, "it was not created")

    def _submitted(self, job: Job, told: Told) -> None:
        self.open.append(write_job(self._lake, job, state="submitted", job=told.job, told=told.says))
        logger.info("%s is submitted as %s: %d texts", job.name, told.job, job.texts)

    def _elsewhere(self, job: Job) -> Told:
        """A job that the provider does not know by its id.

        Raises:
            ServiceError: nor by its name, which may be the fault of another key.
        """
        told = self._api.find(job.name)
        if told:
            return told
        if datetime.now(UTC) - job.created > _GIVEN_UP:
            return Told(job.job or "", job.name, "ended", [], "the provider does not know it any more")
        raise ServiceError(
            f"{self._api.wire.name} does not know the batch {job.job} that was submitted at"
            f" {job.created:%Y-%m-%d %H:%M} UTC with {job.texts:,} texts",
            "Is it the key of the same project? Three days after it was submitted it is taken to be gone, and its texts"
            " are embedded anew.",
        )

    def _give_up(self, job: Job, why: str) -> None:
        """Nothing of a job was done or will be: what it has is pending again."""
        self.open = [other for other in self.open if other.name != job.name]
        self._remove_files(write_job(self._lake, job, (), state="landed", tokens=0, cost=0.0, told=why))

    def _remove_files(self, job: Job) -> None:
        """Remove what a job has at the provider; of several attempts to send a file, all."""
        for file in {*job.outputs, *self._api.files_named(job.name), *filter(None, [job.file])}:
            self._api.remove(file)
        write_job(self._lake, job, state="done")


def new_name() -> str:
    """A name for a job, of which no other one has it."""
    return f"embedlake-{uuid.uuid4().hex}"
