"""Citations in an answer, checked as the answer comes."""

import re

_NUMBERS = r"\^?\s?\d{1,9}(?:\s?[,;–-]\s?\d{1,9}){0,15}\s?"
_PART = re.compile(rf"(?P<ticks>`+)|(?P<line>\n)|[\[【](?P<cited>{_NUMBERS})(?:†[^\]】\n]{{0,80}})?[\]】]")
_BEGINNING = re.compile(r"`+\Z|[\[【][\s\d,;–^-]{0,300}(?:†[^\]】\n]{0,80})?\Z")  # what the next piece may make a part
_MANY = 100  # numbers that a range may name


class CitationCheck:
    """Marks what an answer cites and nobody gave to it: [7] becomes [7?]. What stands in code is no citation.

    Args:
        count: of sources; 1 to `count` may be cited.

    Attributes:
        cited: numbers of sources, in the order in which they are first cited.
        unknown: what was cited and is no source, as often as it was.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._held = ""
        self._code = ""
        self.cited: list[int] = []
        self.unknown: list[str] = []

    def feed(self, piece: str) -> str:
        """The checked text that a further piece of an answer completes."""
        text = self._held + piece
        beginning = _BEGINNING.search(text)
        end = beginning.start() if beginning else len(text)
        self._held = text[end:]
        return _PART.sub(self._checked, text[:end])

    def finish(self) -> str:
        """What is still held back at the end of an answer."""
        text, self._held = self._held, ""
        return _PART.sub(self._checked, text)

    def _checked(self, part: re.Match[str]) -> str:
        if part["ticks"]:
            self._code = "" if self._code == part["ticks"] else self._code or part["ticks"]
        elif part["line"]:
            self._code = self._code if len(self._code) > 2 else ""  # only a block of code goes on in the next line
        elif not self._code:
            return self._marked(part[0], part["cited"])
        return part[0]

    def _marked(self, whole: str, cited: str) -> str:
        unknown = []
        for item in re.split(r"[,;]", cited.strip(" ^")):
            first, *others = (int(number) for number in re.findall(r"\d+", item))
            last = others[-1] if others else first
            for number in range(first, min(last, first + _MANY) + 1):
                if not 1 <= number <= self._count:
                    unknown.append(item.strip())
                    break
                if number not in self.cited:
                    self.cited.append(number)
        self.unknown += unknown
        return f"{whole[:-1]}?{whole[-1]}" if unknown else whole
