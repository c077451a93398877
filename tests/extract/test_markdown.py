"""Markdown as its reader sees it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.extract.markdown import readable
from tasks.extract.read import extract


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("a <!-- note\nto us --> b", "a  b"),
        ("<!-- YAML\nadded: v1 -->\n\nText", "\n\nText"),
        ("2<sup>32</sup> <kbd>Ctrl</kbd><br/>x", "232 Ctrl x"),
        ("# Log <a name='x'></a>\n\ntext", "# Log \n\ntext"),
        ("`<br>` and `` `<b>` `` stay, \\<b> too", "`<br>` and `` `<b>` `` stay, \\<b> too"),
        ("a List<T> of <https://tide.example>", "a List<T> of <https://tide.example>"),
        ("```html\n<!-- x --> <b>\n[a]: b\n```", "```html\n<!-- x --> <b>\n[a]: b\n```"),
        ("see [the log][log]\n\n[log]: /log.md 'Log'\n[^1]: a note", "see [the log][log]\n\n[^1]: a note"),
        ("<table><tr><th>A<th>B\n\n<tr><td>1<td>2</table>", "| A | B |\n| --- | --- |\n| 1 | 2 |\n\n"),
        ('<p align="center"><b>Tides</b></p>\n\nText', "Tides\n\n\nText"),
        ("<h1 align=center>Tides</h1>\n\nText", "# Tides\n\n\nText"),
        ("<details><summary>More</summary>\n\n- item\n\n</details>", "More\n\n\n- item\n\n\n"),
        ("- one\n\n  <!-- no -->\n\n- two", "- one\n\n\n\n- two"),
        ("[a]: https://tide.example", "[a]: https://tide.example"),
        ("no marks", "no marks"),
    ],
)
def test_what_is_seen(source: str, seen: str) -> None:
    assert readable(source) == seen


def test_the_title_may_be_html() -> None:
    found = extract(b"<h1 align='center'>Tides</h1>\n\nHigh and low water.", "a.md", "auto", 2**20)
    assert (found.title, found.text.split()) == (None, ["#", "Tides", "High", "and", "low", "water."])


@given(st.lists(st.sampled_from(["word", " ", "\n", "\n\n", "> ", "- ", "<b>", "</b>", "<div>", "</div>", "`", "#"])))
def test_no_word_is_lost(parts: list[str]) -> None:
    source = "".join(parts)
    assert readable(source).count("word") == source.count("word")


def test_comments_without_an_end_are_text_and_take_no_time_each() -> None:
    text = "a <!-- b --> <i>c</i> `<!-- d -->`" + " <!-- e" * 50_000
    assert readable(text) == "a  c `<!-- d -->`" + " <!-- e" * 50_000
