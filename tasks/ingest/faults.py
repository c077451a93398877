"""What a failure to read means for a document; the one place that decides it.

| raised while reading | means |
|---|---|
| a `DocumentError` | what it says |
| the time is over, the reader's process ended | the document is to blame, by itself: it failed alone |
| the compression is damaged | the document is broken |
| the file cannot be fetched | it may pass: the next run tries again by itself |
| a package is missing | no document's fault: the run ends |
| anything else | a parser did not know what to do: the document is broken |
"""

from pebble import ProcessExpired

from tasks.errors import BrokenDocument, DocumentError, UnfinishedDocument, UnreadDocument
from tasks.patience import WaitedInVain
from tasks.sources.opening import is_damaged

_LEAVE_OUT = "Leave it out with `exclude`."


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
    if isinstance(error, ProcessExpired):
        return UnfinishedDocument(f"it ended the process that read it (exit code {error.exitcode})", _LEAVE_OUT)
    if is_damaged(error):
        return BrokenDocument(f"cannot be decompressed: {error}", "Is it complete? Store it again.")
    if fetching and isinstance(error, OSError):
        return UnreadDocument(f"cannot be read: {type(error).__name__}: {error}")
    hint = "Is it complete? Store it again." if fetching else _LEAVE_OUT
    return BrokenDocument(f"its reader failed: {type(error).__name__}: {error}"[:1000], hint)
