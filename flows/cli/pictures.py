"""Pictures between the lines of a terminal, by the protocol that it has for them: kitty's or iTerm2's."""

import io
from base64 import standard_b64encode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

from tasks.errors import EmbedlakeError

if TYPE_CHECKING:
    from tasks.search.passage import Passage
    from tasks.search.query import OpenLake

Protocol = Literal["kitty", "iterm"]

SIDE = 240
"""Of the square that a picture fits into, in pixels."""
_KITTY_PROGRAMS = ("ghostty", "WarpTerminal")
_ITERM_PROGRAMS = ("iTerm.app", "WezTerm", "vscode", "mintty", "rio", "Tabby")
_PIECE = 4096  # characters of base64 that kitty takes at a time


def protocol_of(environment: Mapping[str, str]) -> Protocol | None:
    """How the terminal takes pictures, by what it tells of itself; None where that is not known. What stands between
    it and a command, as tmux and screen, lets none through.

    Args:
        environment: variables of the process.
    """
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if "TMUX" in environment or term.startswith(("screen", "tmux")):
        return None
    if "KITTY_WINDOW_ID" in environment or "KONSOLE_VERSION" in environment:
        return "kitty"
    if "kitty" in term or "ghostty" in term or program in _KITTY_PROGRAMS:
        return "kitty"
    return "iterm" if program in _ITERM_PROGRAMS or environment.get("LC_TERMINAL") == "iTerm2" else None


def painter(lakes: "Mapping[str, OpenLake]", model: str | None, protocol: Protocol) -> "Callable[[Passage], str]":
    """What makes of a passage that is an image what the terminal paints; a line that says why where there is none.

    Args:
        lakes: that were searched, by the names of their corpora.
        model: that was searched by; the live one by default.
        protocol: of the terminal.
    """

    def paint(passage: "Passage") -> str:
        try:
            content = lakes[passage.corpus].thumbnail(passage.chunk_id, SIDE, model)
        except EmbedlakeError as error:
            from flows.cli.terminal import harmless

            return f"{harmless(error.message)}\n"
        return painted(content, protocol)

    return paint


def painted(content: bytes, protocol: Protocol) -> str:
    """What a terminal paints as a picture, and the end of its line.

    Args:
        content: of a JPEG file.
        protocol: of the terminal.
    """
    if protocol == "iterm":
        told = standard_b64encode(content).decode()
        return f"\x1b]1337;File=inline=1;size={len(content)};preserveAspectRatio=1:{told}\x07\n"
    told = standard_b64encode(_as_png(content)).decode()  # kitty takes no JPEG
    pieces = [told[start : start + _PIECE] for start in range(0, len(told), _PIECE)]
    keys = ["a=T,f=100,q=2,", *[""] * (len(pieces) - 1)]  # shown at once, and not answered
    more = [1] * (len(pieces) - 1) + [0]
    return "".join(f"\x1b_G{k}m={m};{piece}\x1b\\" for k, m, piece in zip(keys, more, pieces, strict=True)) + "\n"


def _as_png(content: bytes) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.open(io.BytesIO(content)).save(file, "PNG")
    return file.getvalue()
