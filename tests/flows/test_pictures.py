"""Pictures between the lines of a terminal: by which protocol, and that what is written is a picture."""

import base64
import io
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image

from flows.cli import searching
from flows.cli.passages import print_passages
from flows.cli.pictures import painted, painter, protocol_of
from tasks.errors import ConfigurationError
from tasks.search.thumbnail import as_jpeg

CONTENT = as_jpeg(np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8), 160)


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"), ({"KITTY_WINDOW_ID": "1", "TERM": "xterm-256color"}, "kitty"),
        ({"TERM": "xterm-ghostty"}, "kitty"), ({"KONSOLE_VERSION": "220401"}, "kitty"),
        ({"TERM_PROGRAM": "iTerm.app"}, "iterm"), ({"TERM_PROGRAM": "WezTerm"}, "iterm"),
        ({"LC_TERMINAL": "iTerm2", "TERM": "xterm"}, "iterm"), ({"TERM_PROGRAM": "vscode"}, "iterm"),
        ({"TERM": "xterm-256color"}, None), ({}, None), ({"TERM": "dumb"}, None),
        ({"TERM": "screen-256color", "KITTY_WINDOW_ID": "1"}, None),
        ({"TMUX": "/tmp/x", "LC_TERMINAL": "iTerm2"}, None),
    ],
)  # fmt: skip
def test_a_terminal_is_known_by_what_it_says_of_itself(environment: dict[str, str], protocol: str | None) -> None:
    assert protocol_of(environment) == protocol


def test_kitty_gets_a_png_in_pieces() -> None:
    pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", painted(CONTENT, "kitty"))
    assert len(pieces) > 1
    assert all(len(payload) <= 4096 for _, payload in pieces)
    assert pieces[0][0] == "a=T,f=100,q=2,m=1"
    assert {keys for keys, _ in pieces[1:-1]} <= {"m=1"}
    assert pieces[-1][0] == "m=0"
    image = Image.open(io.BytesIO(base64.b64decode("".join(payload for _, payload in pieces))))
    assert (image.format, image.size) == ("PNG", (160, 120))


def test_iterm_gets_the_file() -> None:
    [(size, payload)] = re.findall(r"\x1b\]1337;File=inline=1;size=(\d+);.*?:([^\x07]*)\x07", painted(CONTENT, "iterm"))
    assert base64.b64decode(payload) == CONTENT
    assert int(size) == len(CONTENT)


class Lake:
    """Of one image that is there, and others that are not."""

    def thumbnail(self, chunk_id: str, side: int, model: str | None) -> bytes:
        if chunk_id != "there":
            raise ConfigurationError("the image is not to be had: \x1b[2Jgone", "Run again.")
        return CONTENT


class Passage:
    def __init__(self, **said: Any) -> None:
        self.__dict__.update(
            rank=1, score=0.5, document_id="a.png", title=None, headings=[], page=None, text="", corpus="notes",
            modality="image", region=[0, 0, 3, 3], reference=None, time=None, uri="a.png", start=0, end=1, scores={},
        )  # fmt: skip
        self.__dict__.update(said)


def test_images_are_painted_and_texts_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    lakes: Any = {"notes": Lake()}
    paint = painter(lakes, None, "iterm")
    passages: Any = [
        Passage(chunk_id="there"), Passage(chunk_id="lost"), Passage(chunk_id="said", modality="text", text="A bird."),
    ]  # fmt: skip
    print_passages(passages, picture=paint)
    told = capsys.readouterr().out
    assert told.count("\x1b]1337") == 1
    assert "the image is not to be had" in told
    assert "\x1b[2J" not in told


def test_nothing_is_painted_where_no_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITTY_WINDOW_ID", "1")
    assert searching._painter([], [], None) is None
