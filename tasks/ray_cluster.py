"""The connection to Ray: made by whoever first needs it in a run, and ended with the run."""

import logging
import os
import signal
import socket
import threading
import warnings
from typing import Any
from urllib.parse import urlsplit

from tasks.errors import ServerError

_PATIENCE = 10.0  # seconds that a cluster has to accept a connection
_POLL = 0.2  # seconds
_made_here = False


def connect(address: str | None) -> None:
    """Connect to a running cluster, or start Ray on this machine, unless this process has a connection.

    Args:
        address: of a running cluster; None starts Ray here.

    Raises:
        ServerError: the cluster does not answer.
    """
    global _made_here
    import ray

    # Lance warns at every fork; Ray's forks call exec at once and touch nothing of Lance's.
    warnings.filterwarnings("ignore", message="lance(db)? .*fork", category=Warning)
    if ray.is_initialized():
        return
    _look_for(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    here: dict[str, Any] = {} if address else {"include_dashboard": False}
    on_term = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **here)
    except ConnectionError as error:
        raise _silent(address, error) from None
    _made_here = True
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, on_term)  # Ray's handler would abort the run instead of ending it


def made_here() -> bool:
    """Whether the connection was made by `connect`, and is for it to end."""
    return _made_here


def disconnect() -> None:
    """End what `connect` began, if anything."""
    global _made_here
    if _made_here:
        import ray

        ray.shutdown()
        _made_here = False


def ready(references: list[Any]) -> list[Any]:
    """Those that are done, after a short wait."""
    if not references:
        return []
    import ray

    try:
        return ray.wait(references, timeout=_POLL)[0]
    except SystemError as error:  # what a signal's exception becomes on its way through Ray's compiled code
        raise error.__cause__ or error from None


def _look_for(address: str | None) -> None:
    """Fail soon where nobody listens: Ray itself would try for minutes, then abort the process."""
    parts = urlsplit(address if address and "://" in address else f"//{address or ''}")
    try:
        port = parts.port
        if parts.hostname and port:
            socket.create_connection((parts.hostname, port), _PATIENCE).close()
    except (OSError, ValueError) as error:
        raise _silent(address, error) from None


def _silent(address: str | None, error: Exception) -> ServerError:
    return ServerError(
        f"the Ray cluster at {address} does not answer: {error}",
        "Correct `resources: address`, or start the cluster with `ray start --head`; what was landed stays.",
    )
