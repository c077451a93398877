"""Subtitles (.srt, .vtt) into text: what is said, with the time at which it is."""

import re

_TIMES = re.compile(r"^(?:(\d+):)?(\d{1,2}):(\d{2})[.,]\d+[ \t]+-->.*$")
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>|<\d[\d:.]*>|\{\\[^}]*\}")


def read_subtitles(text: str) -> str:
    """A line for each title, `0:01:05 What is said`.

    Args:
        text: of the file.
    """
    lines: list[str] = []
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")):
        rows = block.strip().split("\n")
        timed = next((i for i, row in enumerate(rows) if _TIMES.match(row.strip())), None)
        if timed is None:
            continue  # the head, notes and styles of WebVTT
        words = " ".join(_MARKUP.sub("", row).strip() for row in rows[timed + 1 :]).strip()
        if not words or (lines and lines[-1].partition(" ")[2] == words):
            continue
        hours, minutes, seconds = _TIMES.match(rows[timed].strip()).groups()  # type: ignore[union-attr]
        lines.append(f"{int(hours or 0)}:{int(minutes):02}:{seconds} {words}")
    return "\n".join(lines)
