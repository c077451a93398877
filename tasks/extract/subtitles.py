"""Subtitles (.srt, .vtt) into text: what is said, with the time at which it is."""

import re
from collections.abc import Iterable, Iterator

_TIMES = re.compile(
    r"^(?:(\d+):)?(\d{1,2}):(\d{2})[.,](\d+)[ \t]+-->[ \t]*(?:(?:(\d+):)?(\d{1,2}):(\d{2})[.,](\d+))?.*$"
)
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>|<\d[\d:.]*>|\{\\[^}]*\}")


def read_subtitles(text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """A line for each title, `0:01:05 What is said`; and of each line from when to when it is shown, in milliseconds.

    Args:
        text: of the file.
    """
    return timed_text(_titles(text))


def timed_text(lines: Iterable[tuple[str, int, int, str]]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """What is said, a line for each, and the times of each in milliseconds. What is said again at once is one line.

    Args:
        lines: of each how its time is written, from and to in milliseconds, and the words, perhaps none.
    """
    texts: list[str] = []
    times: list[tuple[int, int]] = []
    said = ""
    for time, start, end, words in lines:
        if words and words == said:
            times[-1] = (times[-1][0], max(times[-1][1], end))
        elif words:
            texts.append(f"{time} {words}")
            times.append((start, end))
            said = words
    return "\n".join(texts), tuple(times)


def _titles(text: str) -> Iterator[tuple[str, int, int, str]]:
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")):
        rows = block.strip().split("\n")
        timed = next((i for i, row in enumerate(rows) if _TIMES.match(row.strip())), None)
        if timed is None:
            continue  # the head, notes and styles of WebVTT
        words = " ".join(_MARKUP.sub("", row).strip() for row in rows[timed + 1 :]).strip()
        told = _TIMES.match(rows[timed].strip()).groups()  # type: ignore[union-attr]
        start = _milliseconds(*told[:4])
        end = max(_milliseconds(*told[4:]) if told[5] else start, start)
        hours, minutes, seconds = told[:3]
        yield f"{int(hours or 0)}:{int(minutes):02}:{seconds}", start, end, words


def _milliseconds(hours: str | None, minutes: str, seconds: str, fraction: str) -> int:
    return (int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)) * 1000 + int(f"{fraction[:3]:<03}")
