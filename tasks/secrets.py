"""Keys that are kept elsewhere than in the environment, by the names that they have there."""

from collections.abc import Callable

_WHERE: list[Callable[[str], str]] = []


def resolve_with(load: Callable[[str], str]) -> None:
    """Have secrets looked up by a function, which raises ModelError where there is none of a name."""
    _WHERE[:] = [load]


def secret_named(name: str) -> str | None:
    """The secret of a name; None where nobody knows secrets by name."""
    return _WHERE[0](name) if _WHERE else None
