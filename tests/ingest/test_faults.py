"""What a failure to read means."""

import zlib

import pytest
from pebble import ProcessExpired

from tasks.errors import BrokenDocument, DocumentError, EmptyDocument, UnfinishedDocument, UnreadDocument
from tasks.ingest.faults import document_error
from tasks.patience import WaitedInVain


@pytest.mark.parametrize(
    ("error", "fetching", "kind", "transient"),
    [
        (EmptyDocument("nothing in it"), False, EmptyDocument, False),
        (TimeoutError(), False, UnfinishedDocument, False),
        (WaitedInVain(), True, UnfinishedDocument, False),
        (ProcessExpired("", 137), False, UnfinishedDocument, False),
        (ProcessExpired("", 12), False, UnfinishedDocument, False),
        (MemoryError(), False, UnfinishedDocument, False),
        (zlib.error("invalid block type"), True, BrokenDocument, False),
        (ConnectionResetError("reset"), True, UnreadDocument, True),
        (TimeoutError("the store did not answer"), True, UnreadDocument, True),
        (OSError("a parser's"), False, BrokenDocument, False),
        (KeyError("Font"), False, BrokenDocument, False),
        (KeyError("Font"), True, BrokenDocument, False),
    ],
)
def test_what_an_error_means(error: Exception, fetching: bool, kind: type[DocumentError], transient: bool) -> None:
    found = document_error(error, 300, fetching)
    assert (type(found), found.transient) == (kind, transient)
    assert found.message


def test_a_missing_package_is_no_documents_fault() -> None:
    with pytest.raises(ImportError):
        document_error(ImportError("no module named pypdfium2"), 300, fetching=False)
