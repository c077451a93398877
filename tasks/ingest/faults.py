"""What a failure to read means for a document; the one place that decides it.

| raised while reading | means |
|---|---|
| a `DocumentError` | what it says |
| the time is over, the reader's process ended, or wanted too much memory | the document is to blame: it failed alone |
| the compression is damaged | the document is broken |
| the file cannot be fetched | it may pass: the next run tries again by itself |
| a package is missing | no document's fault: the run ends |
| anything else | a parser did not know what to do: the document is broken |
"""

import signal

from pebble import ProcessExpired

from tasks.errors import BrokenDocument, DocumentError, UnfinishedDocument, UnreadDocument
from tasks.memory import OUT_OF_MEMORY
from tasks.patience import WaitedInVain
from tasks.sources.opening import is_damaged

_LEAVE_OUT = "Leave it out with `exclude`."
_TOO_MUCH = (
    "Store it in parts, lower `resources.readers` so that each may take a larger share of the machine's memory, or "
    "leave it out with `exclude`."
)
_OF_MEMORY = {-signal.SIGABRT, -signal.SIGKILL}  # what libraries do that are refused memory, and what systems do


def document_error(error: Exception, timeout: float, fetching: bool) -> DocumentError:
    """What is wrong with a document, by what was raised while it alone was read.

    Args:
        error: raised.
        timeout: `extraction.timeout`, in seconds.
        fetching: whether its file was being fetched then; else its content was at hand.

    Raises:
        ImportError: the installation is at fault.
    """
    if isinstance(error, DocumentError):
        return error
    if isinstance(error, ImportError):
        raise error
    if isinstance(error, WaitedInVain) or (isinstance(error, TimeoutError) and not fetching):
        return UnfinishedDocument(
            f"not read after {timeout:g} seconds", "Raise `extraction.timeout`, or leave it out with `exclude`."
        )
    if isinstance(error, MemoryError) or (isinstance(error, ProcessExpired) and error.exitcode == OUT_OF_MEMORY):
        return UnfinishedDocument("reading it needs more memory than a reader may take", _TOO_MUCH)
    if isinstance(error, ProcessExpired):
        ended = f"it ended the process that read it (exit code {error.exitcode})"
        if error.exitcode in _OF_MEMORY:
            return UnfinishedDocument(f"{ended}, perhaps for want of memory", _TOO_MUCH)
        return UnfinishedDocument(ended, _LEAVE_OUT)
    if is_damaged(error):
        return BrokenDocument(f"cannot be decompressed: {error}", "Is it complete? Store it again.")
    if fetching and isinstance(error, OSError):
        return UnreadDocument(f"cannot be read: {type(error).__name__}: {error}")
    hint = "Is it complete? Store it again." if fetching else _LEAVE_OUT
    return BrokenDocument(f"its reader failed: {type(error).__name__}: {error}"[:1000], hint)
