"""A folder on this machine's own web server, for this machine's browsers only."""

import socket
from contextlib import suppress
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from tasks.errors import ConfigurationError

HOST = "127.0.0.1"


def listening(port: int) -> socket.socket:
    """A socket at a port; 0 is any that is free.

    Raises:
        ConfigurationError: another program has it.
    """
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except OSError as error:
        bound.close()
        raise ConfigurationError(
            f"{HOST}:{port} cannot be listened on: {error.strerror}", "Choose another --port; 0 is any that is free."
        ) from None
    return bound


def serve_folder(folder: Path, bound: socket.socket) -> None:
    """Serve a folder until a signal ends it. A page of another site that has its name lead here is sent away."""
    trusted = Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    app = Starlette(routes=[Mount("/", StaticFiles(directory=folder, html=True))], middleware=[trusted])
    config = uvicorn.Config(app, access_log=False, log_level="warning", server_header=False)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[bound])
