"""LaTeX, Org and AsciiDoc into Markdown, lightly: headings, lists, listings, and the words of all other commands."""

import re
from collections.abc import Iterator
from itertools import pairwise

from tasks.extract.blocks import Converted, clean_title, one_line

_TEX_LEVELS = {
    "part": 1, "chapter": 1, "section": 2, "subsection": 3, "subsubsection": 4, "paragraph": 5, "subparagraph": 6,
}  # fmt: skip
_BRACED = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\}){0,9999})\}"
_TEX_HEADING = re.compile(rf"\\({'|'.join(_TEX_LEVELS)})\*?\s*(?:\[[^\]]*\])?\s*{_BRACED}")
_TEX_TITLE = re.compile(rf"\\(title|author|date)\s*(?:\[[^\]]*\])?\s*{_BRACED}")
_TEX_CODE = re.compile(
    r"\\begin\{(verbatim\*?|lstlisting|minted|Verbatim|alltt)\}(?:\[[^\]]*\])?(?:\{[^}]*\})?\n?(.*?)\\end\{\1\}", re.S
)
_TEX_COMMENT = re.compile(r"(?<!\\)%.*")
_TEX_SILENT = re.compile(
    r"\\(?:label|cite[a-z]*|ref|eqref|pageref|autoref|cref|vspace|hspace|includegraphics|usepackage|documentclass|input"
    r"|include|bibliography|bibliographystyle|setlength|setcounter|newcommand|renewcommand|def|pagestyle|thispagestyle"
    rf"|index|hypersetup|begin|end|vskip|hskip|graphicspath|addbibresource|color)\*?\s*(?:\[[^\]]*\])*(?:{_BRACED})?"
)
_TEX_LINK = re.compile(rf"\\href\s*{_BRACED}\s*{_BRACED}")
_TEX_WORDS = re.compile(rf"\\[a-zA-Z]+\*?\s*(?:\[[^\]]*\])?{_BRACED}")
_TEX_ACCENT = re.compile(r"\\([`'^\"~=.]|[cvuHkr](?=[{\s]))\s*(?:\{\\?([a-zA-Z])\}|\\?([a-zA-Z]))")
_ACCENTS = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "c": "\u0327", "v": "\u030c", "u": "\u0306", "H": "\u030b", "k": "\u0328", "r": "\u030a",
}  # fmt: skip
_TEX_SIGNS = {
    r"\ss": "ß",
    r"\ae": "æ", r"\oe": "œ", r"\o": "ø", r"\aa": "å", r"\AA": "Å", r"\AE": "Æ", r"\O": "Ø", r"\LaTeX": "LaTeX",
    r"\TeX": "TeX", r"\ldots": "…", r"\dots": "…", r"\textbackslash": "\\", r"\S": "§", r"\copyright": "©",
}  # fmt: skip


def read_tex(text: str) -> Converted:
    """The words of a LaTeX document under its headings, without its preamble; formulas stay as they are."""
    text = text.replace("\r\n", "\n")
    title = _TEX_TITLE.search(text)
    found = {m[1]: _tex_words(m[2]) for m in _TEX_TITLE.finditer(text)}
    body = re.search(r"\\begin\{document\}(.*?)(?:\\end\{document\}|\Z)", text, re.S)
    source = body[1] if body else text
    parts: list[str] = []
    last = 0
    for match in _TEX_CODE.finditer(source):
        parts += [_tex_prose(source[last : match.start()]), _fenced(match[2])]
        last = match.end()
    parts.append(_tex_prose(source[last:]))
    name = clean_title(found.get("title")) if title else None
    facts: dict[str, object] = {"author": found["author"]} if found.get("author") else {}
    head = [f"# {name}"] if name else []
    return Converted("\n\n".join(part for part in [*head, *parts] if part.strip()), name, "markdown", facts)


def _tex_prose(source: str) -> str:
    source = "\n".join(line for line in map(_without_comment, source.split("\n")) if line is not None)
    source = _TEX_TITLE.sub("", source)
    source = _TEX_HEADING.sub(lambda m: f"\n\n{'#' * _TEX_LEVELS[m[1]]} {one_line(_tex_words(m[2]))}\n\n", source)
    source = re.sub(r"\\footnote\s*" + _BRACED, r" (\1)", source)
    source = re.sub(r"\\item\s*\[([^\]]*)\]", r"\n- \1: ", source)
    source = re.sub(r"\\item\b[ \t]*\n?[ \t]*", "\n- ", source)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"^[ \t]+", "", _tex_words(source), flags=re.M)).strip()


def _without_comment(line: str) -> str | None:
    """A line without its comment; None where it is nothing else."""
    bare = _TEX_COMMENT.sub("", line)
    return None if bare != line and not bare.strip() else bare


def _tex_words(source: str) -> str:
    """Commands away, their words left; formulas between dollars stay."""
    parts = re.split(r"(\$\$.*?\$\$|(?<!\\)\$[^$]*\$|\\\[.*?\\\])", source, flags=re.S)
    for i in range(0, len(parts), 2):
        part = _TEX_ACCENT.sub(lambda m: (m[2] or m[3]) + _ACCENTS[m[1]], parts[i])
        for sign, shown in _TEX_SIGNS.items():
            if sign in part:
                part = re.sub(re.escape(sign) + r"(?![a-zA-Z])(?:\{\}|[ \t])?", shown.replace("\\", r"\\"), part)
        part = _TEX_LINK.sub(r"\2", part)
        part = _TEX_SILENT.sub("", part)
        for _ in range(6):
            shorter = _TEX_WORDS.sub(r"\1", part)
            if shorter == part:
                break
            part = shorter
        part = part.replace("``", "“").replace("''", "”").replace("---", "—").replace("--", "–")
        part = re.sub(r"\\([%&#_{}$])", r"\1", re.sub(r"\\\\(?:\[[^\]]*\])?", "\n", part))
        part = re.sub(r"\\[a-zA-Z]+\*?[ \t]?|(?<!\\)[{}]", "", part).replace("~", " ")
        parts[i] = part
    return "".join(parts)


def _with_single_blanks(lines: list[str]) -> str:
    kept = [line for before, line in pairwise(["", *lines]) if line.strip() or before.strip()]
    return "\n".join(kept)


def _fenced(code: str, language: str = "") -> str:
    code = code.strip("\n")
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", code)), default=0) + 1)
    return f"{fence}{language}\n{code}\n{fence}"


def read_org(text: str) -> Converted:
    """An Org document's headings, texts and source blocks; drawers, properties and comments are left out."""
    title: str | None = None
    facts: dict[str, object] = {}
    out: list[str] = []
    lines = iter(text.replace("\r\n", "\n").split("\n"))
    for line in lines:
        bare = line.strip()
        block = re.match(r"#\+begin_(\w+)[ \t]*([\w+-]*)", bare, re.I)
        option = re.match(r"#\+(\w+):\s*(.*)", bare)
        heading = re.match(r"(\*+)\s+(?:(?:TODO|DONE)\s+)?(?:\[#[A-Z]\]\s+)?(.*?)(?:\s+:[\w@#%:]+:)?\s*$", line)
        if block:
            inner = list(_until(lines, re.compile(rf"#\+end_{re.escape(block[1])}", re.I)))
            out += _listing(block[1], block[2], inner)
        elif option:
            if option[1].lower() == "title":
                title = clean_title(option[2])
            elif option[1].lower() in ("author", "date", "keywords"):
                facts[option[1].lower()] = option[2].strip()
        elif re.fullmatch(r":[A-Za-z_-]+:", bare):
            list(_until(lines, re.compile(":end:", re.I)))
        elif heading:
            out += ["", f"{'#' * min(len(heading[1]), 6)} {_org_words(heading[2])}", ""]
        elif not re.match(r"#(?:\s|$)", bare):
            out.append(_org_words(line))
    return Converted(_with_single_blanks(out), title, "markdown", facts)


def _listing(kind: str, language: str, inner: list[str]) -> list[str]:
    if kind.lower() in ("src", "example", "export"):
        return ["", _fenced("\n".join(inner), language if kind.lower() == "src" else ""), ""]
    return [] if kind.lower() == "comment" else ["", *map(_org_words, inner), ""]


def _until(lines: Iterator[str], end: re.Pattern[str]) -> Iterator[str]:
    for line in lines:
        if end.match(line.strip()):
            return
        yield line


def _org_words(line: str) -> str:
    line = re.sub(r"\[\[[^\]]*\]\[([^\]]*)\]\]", r"\1", line)
    line = re.sub(r"\[\[([^\]]*)\]\]", r"\1", line)
    return re.sub(r"(?<![\w*/=~+])([*/=~+])(?=\S)([^\n]*?\S)\1(?![\w*/=~+])", r"\2", line)


def read_asciidoc(text: str) -> Converted:
    """An AsciiDoc document's headings, texts, lists and listings; attributes and comments are left out."""
    title: str | None = None
    facts: dict[str, object] = {}
    out: list[str] = []
    language = ""
    lines = iter(text.replace("\r\n", "\n").split("\n"))
    for line in lines:
        bare = line.rstrip()
        heading = re.match(r"(={1,6}|#{1,6})\s+(\S.*?)(?:\s+=+)?$", bare)
        attribute = re.match(r":!?([\w-]+)!?:\s*(.*)", bare)
        if re.fullmatch(r"(-{4,}|\.{4,}|`{3,}\w*|\+{4,})", bare):
            end = re.compile(re.escape(re.match(r"[-.`+]+", bare)[0]) + "$")  # type: ignore[index]
            out += ["", _fenced("\n".join(_until(lines, end)), language or bare.lstrip("`-.+")), ""]
        elif re.fullmatch(r"/{4,}", bare):
            list(_until(lines, re.compile(re.escape(bare) + "$")))
        elif heading:
            level = len(heading[1])
            words = _adoc_words(heading[2])
            if level == 1 and title is None:
                title = clean_title(words)
            out += ["", f"{'#' * level} {words}", ""]
        elif attribute:
            if attribute[1] in ("author", "keywords", "description") and attribute[2]:
                facts[attribute[1]] = attribute[2]
        elif re.fullmatch(r"\[.*\]|={4,}|\*{4,}|_{4,}|\|===|--|'''|<<<|toc::.*|ifdef::.*|ifndef::.*|endif::.*", bare):
            source = re.match(r"\[source,\s*(\w+)", bare)
            language = source[1] if source else ""
            continue
        elif not bare.startswith("//"):
            out.append(_adoc_words(re.sub(r"^\.(?=[A-Z])", "", bare)))
        language = ""
    return Converted(_with_single_blanks(out), title, "markdown", facts)


def _adoc_words(line: str) -> str:
    line = re.sub(r"^(\*{1,5}|\.{1,5})\s+", lambda m: f"{'  ' * (len(m[1]) - 1)}- ", line)
    line = re.sub(r"(?:link:|xref:|mailto:|(?=https?://))(\S+?)\[([^\]]*)\]", lambda m: m[2] or m[1], line)
    line = re.sub(r"<<[^,>]*,\s*([^>]*)>>|<<([^>]*)>>", lambda m: m[1] or m[2], line)
    line = re.sub(r"(?:image|video|include)::?\S+\[[^\]]*\]|\[\[[^\]]*\]\]|\[#[^\]]*\]", "", line)
    return re.sub(r"(?<!\w)([*_`+])(?=\S)([^\n]*?\S)\1(?!\w)", r"\2", line)
