"""The way of documents: listed, compared with the lake, read, and landed with their chunks."""

import logging
from collections.abc import Iterator

import pyarrow as pa

from tasks.compare import FILE_COLUMNS, Changes, compare, refuse_shrinking
from tasks.errors import BrokenDocument, DocumentError, ModelError, UnreadDocument
from tasks.failures import record_failures
from tasks.lake import Lake
from tasks.land import Landing, heirs, remove_documents, strays
from tasks.load import Block, Work, group_files, read_blocks
from tasks.models import find_model
from tasks.prepare import Failure, settings_hash, tokenizer_reference
from tasks.progress import Progress, tell
from tasks.readers import read_all
from tasks.run import Run
from tasks.settings import Corpus
from tasks.sources import File, Listing, is_damaged, list_files

logger = logging.getLogger("embedlake.documents")


def list_documents(run: Run) -> Listing:
    """What the sources hold."""
    listing = list_files(run.corpus.sources)
    run.report.documents.listed = len(listing.files)
    run.report.documents.left_out = listing.left_out
    return listing


def compare_with_lake(corpus: Corpus, lake: Lake, listing: Listing, allow_shrinking: bool = True) -> Changes:
    """How the sources differ from the lake.

    Raises:
        ShrunkSource: a source lists less than half of what the lake knows of it, and that was not allowed.
    """
    known = lake.read(lake.name("documents"), FILE_COLUMNS, "container IS NULL")
    settings = {source.name: settings_hash(corpus, source) for source in corpus.sources}
    if not allow_shrinking:
        refuse_shrinking([source.name for source in corpus.sources], listing.files, known["document_id"].to_pylist())
    changes = compare(listing.files, known, settings)
    logger.info(
        "%d files: %d new, %d changed, %d with other settings, %d unchanged; %d gone",
        *map(len, (listing.files, changes.new, changes.changed, changes.resettled)),
        changes.unchanged,
        len(changes.gone),
    )
    return changes


def leftovers(lake: Lake) -> bool:
    """Whether an earlier run broke off before it had settled heirs and strays."""
    return bool(strays(lake) or heirs(lake))


def tokenizer_folder(corpus: Corpus) -> str:
    """The folder whose tokenizer counts.

    Raises:
        ModelError: the model has no tokenizer.json.
    """
    reference = tokenizer_reference(corpus)
    own = corpus.chunking.tokenizer is None
    folder = find_model(reference, corpus.models[0].hub_revision if own else None)
    if not (folder / "tokenizer.json").exists():
        raise ModelError(
            f"model {reference!r} has no tokenizer.json to count tokens with",
            "Name another one under `chunking: tokenizer`.",
        )
    return str(folder)


def land_documents(run: Run, listing: Listing, changes: Changes, allow_shrinking: bool) -> Iterator[pa.Table]:
    """Bring documents and chunks up to the sources; gives the chunks that were written, while it goes on.

    Raises:
        ShrunkSource: a file holds less than half of the records that the lake knows, and that was not allowed.
    """
    lake, counts = run.lake, run.report.documents
    gone, contents = _with_records(lake, changes.gone)
    landing = Landing(lake, run.report.run_id, counts, contents, allow_shrinking)
    landing.remove(gone)
    remove_documents(lake, set(changes.gone) - gone)
    by_id = {file.document_id: file for file in listing.files}
    yield from _read(run, landing, changes.to_read)
    for _ in range(3):  # an heir may find its text taken, and another then inherits
        files = sorted(_files_of(lake, heirs(lake), by_id), key=lambda file: file.document_id)
        if not files:
            break
        yield from _read(run, Landing(lake, run.report.run_id, counts), files)
    lake.delete_in(lake.name("chunks"), "document_id", strays(lake))


def _read(run: Run, landing: Landing, files: list[File]) -> Iterator[pa.Table]:
    """Read files and land what is in them; a container's own row follows its last record."""
    if not files:
        return
    corpus = run.corpus
    ends: dict[str, DocumentError | None] = {}
    done = 0
    total = None if any(file.is_container for file in files) else len(files)
    current: File | None = None
    size = sum(file.size for file in files)
    for work, prepared in read_all(_works(corpus, files, ends), corpus, tokenizer_folder(corpus), size):
        if current and not (isinstance(work, Block) and work.file == current):
            yield from _end_container(run, landing, current, ends)
            current = None
        yield from landing.add(prepared)
        if isinstance(work, Block):
            current = work.file
        done += prepared.documents.num_rows
        tell(Progress("read", done, total, "documents"))
    if current:
        yield from _end_container(run, landing, current, ends)
    for file in files:  # containers that held no record, or could not be opened
        if file.document_id in ends and file != current:
            yield from _end_container(run, landing, file, ends)
    yield from landing.flush()
    tell(Progress("read", done, done, "documents"))


def _end_container(run: Run, landing: Landing, file: File, ends: dict[str, DocumentError | None]) -> Iterator[pa.Table]:
    if file.document_id not in ends:
        return
    error = ends.pop(file.document_id)
    source = next(source for source in run.corpus.sources if source.name == file.source)
    settings = settings_hash(run.corpus, source)
    if error is None:
        yield from landing.finish_container(file, settings)
        return
    yield from landing.flush()
    record_failures(run.lake, [Failure.of(error, file.document_id, file.uri, "read")])
    run.report.documents.failed += 1
    if not error.transient:
        landing.write_file(file, settings, "quarantined")


def _works(corpus: Corpus, files: list[File], ends: dict[str, DocumentError | None]) -> Iterator[Work]:
    """Work for the readers; notes in `ends` how each container ended."""
    yield from group_files(file for file in files if not file.is_container)
    for file in files:
        if not file.is_container:
            continue
        source = next(source for source in corpus.sources if source.name == file.source)
        try:
            yield from read_blocks(file, source, corpus.metadata, corpus.extraction.max_bytes)
            ends[file.document_id] = None
        except DocumentError as error:
            ends[file.document_id] = error
        except Exception as error:
            ends[file.document_id] = _reading_failed(error)


def _reading_failed(error: Exception) -> DocumentError:
    if is_damaged(error):
        return BrokenDocument(f"cannot be decompressed: {error}", "Is it complete? Store it again.")
    if isinstance(error, OSError):
        return UnreadDocument(f"cannot be read: {type(error).__name__}: {error}")
    return BrokenDocument(
        f"its reader failed: {type(error).__name__}: {error}"[:1000], "Is it complete? Store it again."
    )


def _with_records(lake: Lake, files: list[str]) -> tuple[set[str], set[str]]:
    """The documents of files that are gone, records included and containers not, and their content hashes."""
    table = lake.name("documents")
    columns = ["document_id", "content_hash"]
    own = lake.read_in(table, "document_id", files, [*columns, "state"]).to_pylist() if files else []
    records = lake.read_in(table, "container", files, columns).to_pylist() if files else []
    gone = [row for row in own if row["state"] != "container"] + records
    return {row["document_id"] for row in gone}, {row["content_hash"] for row in gone}


def _files_of(lake: Lake, document_ids: set[str], by_id: dict[str, File]) -> list[File]:
    """The files that hold some documents."""
    if not document_ids:
        return []
    rows = lake.read_in(lake.name("documents"), "document_id", document_ids, ["document_id", "container"]).to_pylist()
    wanted = {row["container"] or row["document_id"] for row in rows}
    return [by_id[identity] for identity in wanted if identity in by_id]
