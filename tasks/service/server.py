"""The service as a process: listening, logging, ending."""

import logging
import sys
from contextlib import suppress

import uvicorn

from tasks.errors import ConfigurationError
from tasks.service.app import create_app
from tasks.service.connection import PromptProtocol
from tasks.service.guard import Limits
from tasks.service.keys import Keys
from tasks.service.warm import Corpora

_IDLE = 15  # seconds after which a connection that asks nothing is closed
_LAST = 10  # seconds for requests that are being answered when the service is stopped
_CONNECTIONS = 1000  # most at once; each may hold a body


def serve(corpora: Corpora, keys: Keys, limits: Limits, host: str, port: int) -> None:
    """Answer until a signal ends it.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("embedlake.service").setLevel(logging.INFO)
    config = uvicorn.Config(
        create_app(corpora, keys, limits), host=host, port=port, access_log=False, log_level="warning",
        timeout_keep_alive=_IDLE, timeout_graceful_shutdown=_LAST, server_header=False,
        http=PromptProtocol, limit_concurrency=_CONNECTIONS,
    )  # fmt: skip
    try:
        with suppress(KeyboardInterrupt):  # a signal that ends it, which it has heeded
            uvicorn.Server(config).run()
    except SystemExit:  # uvicorn's, which has said why
        raise ConfigurationError(f"{host}:{port} cannot be listened on", "Choose another --port or --host.") from None
    finally:
        corpora.close()
