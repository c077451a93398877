"""Keys: those that no message may show, and those that are kept elsewhere than in the environment, by the names that
they have there."""

from collections.abc import Callable

_WHERE: list[Callable[[str], str]] = []
_HIDDEN: set[str] = set()
_SHORTEST = 8  # characters; hiding shorter values would garble messages and hide nothing


def hide(value: str) -> None:
    """Have a value hidden in every message from now on."""
    if len(value) >= _SHORTEST:
        _HIDDEN.add(value)


def redact(message: str) -> str:
    """The message without any value that is to be hidden, as those are that came from the environment."""
    for secret in sorted(_HIDDEN, key=len, reverse=True):
        message = message.replace(secret, "***")
    return message


def resolve_with(load: Callable[[str], str]) -> None:
    """Have secrets looked up by a function, which raises ModelError where there is none of a name."""
    _WHERE[:] = [load]


def secret_named(name: str) -> str | None:
    """The secret of a name; None where nobody knows secrets by name."""
    return _WHERE[0](name) if _WHERE else None
