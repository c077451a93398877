"""What a service over HTTP says when it fails, told in one way and without keys."""

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from tasks.errors import ServiceError
from tasks.secrets import redact

_MOST_SHOWN = 300  # characters of what a service says


def failed_answer(service: str, status: int, headers: Mapping[str, str], body: bytes) -> ServiceError:
    """What an answer with a status of 300 or more means.

    Args:
        service: what it is called in messages.
        status, headers, body: of its answer.
    """
    told = what_it_says(body)
    if status in (401, 403):
        return ServiceError(
            f"{service} refuses the key (HTTP {status}){told}",
            "Does the environment variable hold the right key? Where none is named, name it: `key_env`.",
        )
    if status == 429:
        wait = retry_after(headers)
        asked = f" and asks to wait {wait:.0f} s" if wait else ""
        return ServiceError(
            f"{service} has had enough of requests (HTTP 429){asked}{told}", "Try again later.", True, wait
        )
    if status >= 500 or status == 424:  # the latter where what is behind text-embeddings-inference fails
        return ServiceError(f"{service} fails (HTTP {status}){told}", "Try again later.", True, retry_after(headers))
    if 300 <= status < 400:
        return ServiceError(f"{service} sends elsewhere (HTTP {status})", "Give the address that answers itself.")
    return ServiceError(
        f"{service} does not take the request (HTTP {status}){told}", "Check its address and the name of its model."
    )


def pause_before(tried: int, first: float, longest: float) -> float:
    """Seconds before a request is sent again: doubled each time, and anywhere in the upper half below that, so that not
    all come back at once.

    Args:
        tried: how often it was sent, from 1.
        first, longest: seconds at most after the first time, and after many.
    """
    return min(first * 2.0 ** (tried - 1), longest) * (0.5 + random.random() / 2)


def unreached(service: str, error: Exception) -> ServiceError:
    """What it means that no answer came."""
    told = redact(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
    return ServiceError(
        f"{service} does not answer: {told[:_MOST_SHOWN]}", "Is its address right, and does it run?", True
    )


def not_set_up(service: str, error: Exception) -> ServiceError:
    """What it means that no connection can be made as the environment asks."""
    return ServiceError(
        f"{service} cannot be asked: {redact(str(error))[:_MOST_SHOWN]}",
        "See to the proxy that the environment names: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY.",
    )


def malformed(service: str, what: str) -> ServiceError:
    """What it means that an answer is not what the protocol says."""
    return ServiceError(f"{service} gives an answer that cannot be used: {what}", "Does it speak this protocol?")


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that an answer's header Retry-After asks to wait, as a number or a date; 0 where there is none."""
    asked = headers.get("retry-after", "").strip()
    try:
        seconds = float(asked)
    except ValueError:
        try:
            date = parsedate_to_datetime(asked)
        except ValueError:
            return 0.0
        seconds = (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return seconds if 0 < seconds < float("inf") else 0.0


def what_it_says(body: bytes) -> str:
    """The message in the body of an error, after a colon and without keys; empty where there is none."""
    text = body.decode("utf-8", "replace").strip()
    try:
        text = _message(json.loads(text))
    except ValueError:
        text = "" if text.startswith("<") else text  # a page of HTML says nothing that is worth a line
    text = " ".join(redact(text).split())  # before it is cut, which might leave the half of a key
    return f": {text[:_MOST_SHOWN]}" if text else ""


def _message(value: Any) -> str:
    """The message in what services send: {"error": {"message": …}}, {"message": …}, {"detail": …}, {"error": …}."""
    if isinstance(value, dict):
        return next((_message(value[name]) for name in ("error", "message", "detail") if value.get(name)), "")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) if value else ""
