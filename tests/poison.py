"""An extraction that crashes its process, never ends or needs 4 GiB of memory, on documents that say so."""

import os
import signal
import time
from typing import Any

from tasks.ingest import prepare as real
from tasks.sources.opening import read_file


def prepare(work: Any, corpus: Any, tokenizer_folder: str) -> Any:
    """As the real one, but for four words."""
    for file in work.files:
        data = read_file(corpus.sources[0], file.path, 1000)
        if data == b"crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if data == b"hang":
            time.sleep(3600)
        if data in (b"hoard", b"abort"):
            try:
                bytearray(4 * 2**30)
            except MemoryError:
                if data == b"abort":  # as Rust and C++ do
                    os.abort()
                raise
    return real.prepare(work, corpus, tokenizer_folder)
