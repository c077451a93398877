"""The one normalisation that every text gets."""

import re
import unicodedata

_OTHER_SPACES = [chr(code) for code in range(0x3001) if chr(code).isspace() and code not in (9, 10, 32)]
_OTHER_ASCII = [space for space in _OTHER_SPACES if space.isascii()]
_WIDE_SPACE = re.compile(r"[^\S\n\t](?<=\S\s)(?:(?<! )[^\S\n\t]*|[^\S\n\t]+)(?=\S)")  # in a line, not one space alone
_BESIDE_TABS = re.compile(r"(?<=\S)[^\S\n\t]*\t[^\S\n]*(?=\S)")
_BREAKS = {"\u2029": "\n\n", "\u2028": "\n\n", "\f": "\n\n", "\v": "\n", "\x85": "\n"}
_VERBATIM = re.compile(  # in Markdown: fenced code, to its end or that of the text, and indented lines
    r"^ {0,3}(?P<fence>`{3,}|~{3,})[^\n]*\n(?:.*?^ {0,3}(?P=fence)[`~]*[^\S\n]*$|.*)|^(?: {4}|\t)[^\n]*$",
    re.MULTILINE | re.DOTALL,
)

_COMMON = bytes([*range(32, 127), ord("\n")])
_MAY_COMPOSE = re.compile(
    "[^\0-\u02ff\u0391-\u03c9\u0400-\u0482\u2002-\u2064\u2190-\u22ff\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff]"
)
"""Any character but those of common scripts that are composed (NFC) whatever stands beside them."""


def without_surrogates(text: str) -> str:
    """The text with U+FFFD for every lone surrogate."""
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        pass
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _outside_code(text: str) -> str:
    """Markdown with its white space tidied, but for that of code."""
    found, at = [], 0
    for verbatim in _VERBATIM.finditer(text):
        found += [_tidy(text[at : verbatim.start()]), verbatim[0]]
        at = verbatim.end()
    return "".join((*found, _tidy(text[at:])))


def _tidy(text: str) -> str:
    """Single spaces within lines, and none beside tabs."""
    wide = [space for space in ("  ", *_other_spaces(text)) if space in text]
    if wide:
        lines = text.split("\n")  # in most of which there are none, and looking for them is slow
        text = "\n".join(
            [_WIDE_SPACE.sub(" ", line) if any(space in line for space in wide) else line for line in lines]
        )
    return _BESIDE_TABS.sub(lambda match: "\t" * match[0].count("\t"), text) if "\t" in text else text


def _other_spaces(text: str) -> list[str]:
    """White space in a text that is neither a space, a tab nor a line feed."""
    return [space for space in (_OTHER_ASCII if text.isascii() else _OTHER_SPACES) if space in text]


def normalise(text: str, code: bool = False, markdown: bool = False) -> str:
    """The text as it is stored, compared and embedded.

    Lines end with a line feed and without white space, at most two blank lines follow each other, the text
    neither begins nor ends with a blank line, lone surrogates and NULs become U+FFFD. Except in code, Unicode
    is composed (NFC), and form feeds and Unicode's separators of lines and paragraphs end a paragraph. Except there and
    in the code of Markdown, spaces within a line are single, and tabs have no spaces beside them and stay as many as
    they are: there may be an empty column.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError:
        text = without_surrogates(text)
        data = text.encode()
    rare = data.translate(None, _COMMON).decode()  # looking for each of these in all of the text takes long
    if "\ufeff" in rare:  # it may stand between what is composed
        text = text.replace("\ufeff", "")
    if not code and _MAY_COMPOSE.search(rare) and not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    if "\r" in rare:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in rare:
        text = text.replace("\0", "\ufffd")
    if not code:
        for mark, breaks in _BREAKS.items():
            if mark in rare:
                text = text.replace(mark, breaks)
    other_spaces = _other_spaces(text) if _other_spaces(rare) else []
    if not code and (other_spaces or "  " in text or ("\t" in rare and (" \t" in text or "\t " in text))):
        text = _outside_code(text) if markdown else _tidy(text)
    if "\t" in rare:
        other_spaces.append("\t")
    if " \n" in text or text.endswith(" ") or any(f"{space}\n" in text or text[-1:] == space for space in other_spaces):
        text = "\n".join([line.rstrip() for line in text.split("\n")])
    if "\n\n\n\n" in text:
        text = re.sub(r"\n{4,}", "\n\n\n", text)
    return text.strip("\n")
