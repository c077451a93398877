"""Web pages: every word and heading of the text, with its structure, and nothing of what stands around it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.chunk.markdown import outline
from tasks.errors import EmptyDocument
from tasks.extract.pages import html_of, looks_like_html
from tasks.extract.read import extract
from tasks.extract.web import read_html

TAGS = [
    *"pabq",
    "div",
    "ul",
    "li",
    "ol",
    "dl",
    "dt",
    "dd",
    "table",
    "tr",
    "td",
    "th",
    "pre",
    "h2",
    "details",
    "section",
]
PROSE = "The harbour master counts the boats at dusk and writes their names into the ledger. " * 3


def text_of(page: str) -> str:
    return read_html(page)[0]


def headings_of(page: str) -> list[str]:
    return [section.headings[-1] for section in outline(text_of(page)).sections if section.headings]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>The <b>light</b>house, H<sub>2</sub>O, <code>a_b</code>; <em>so</em>.", "The lighthouse, H2O, a_b; so."),
        ("<p>one<br>two <q>three</q></p>", 'one\ntwo "three"'),
        ("<p>light&shy;house &amp; m&ouml;le</p>", "lighthouse & möle"),
        ("loose <i>words</i><p>then a paragraph</p>more", "loose words\n\nthen a paragraph\n\nmore"),
        ("<h3>Only a title</h3>", "### Only a title"),
        ("<h2>In <code>code</code> <a class=headerlink href='#x'>¶</a></h2><p>a", "## In code\n\na"),
        ("<h2><a href='#x' aria-label=anchor class=anchor>#</a>Log <a href='#x'>permalink</a></h2>a", "## Log\n\na"),
        ("<h2><div>Two</div><div>lines</div></h2>", "## Two lines"),
        ("<div role=heading aria-level=3>Role</div>a", "### Role\n\na"),
        ("<pre>\n# no  heading\nx\n</pre>", "```\n# no  heading\nx\n```"),
        ("<pre><code class='language-python'>x = '```'</code></pre>", "````python\nx = '```'\n````"),
        ("<pre><div>a</div><div>b</div></pre>", "```\na\nb\n```"),
        ("<ul><li>one<ul><li>deep</ul><li><p>two</p><p>more</p></ul>", "- one\n  - deep\n- two\n\n  more"),
        ("<p>List:</p><ol start=3><li>c<li>d</ol>", "List:\n\n3. c\n4. d"),
        ("<ul><li><h2>Top</h2>text</ul>", "## Top\n\ntext"),
        ("<dl><dt>tide</dt><dd>high water</dd><dt>a</dt><dd>b</dl>", "tide\n: high water\n\na\n: b"),
        ("<dl><dt>a</dt><dt>b</dt><dd><p>c</p><p>d</p></dd></dl>", "a\nb\n: c\n\nd"),
        ("<dl><dt>run()</dt><dd><pre>x</pre></dd></dl>", "run()\n```\nx\n```"),
        ("<details><summary>More</summary>hidden</details>", "More\n\nhidden"),
        ("<blockquote>said</blockquote>", "> said"),
        ("<table><tr><th>A<th>B|C<tr><td>1<td><p>2<p>3</table>", "| A | B\\|C |\n| --- | --- |\n| 1 | 2 3 |"),
        ("<table><tr><td>k<td>v<tr><td>l</table>", "|  |  |\n| --- | --- |\n| k | v |\n| l |  |"),
        ("<table><tr><td><table><tr><td>in</table><td>beside</table>", "in\n\nbeside"),
        ("<p># not a heading</p>", "\\# not a heading"),
        ("<math><mi>x</mi><annotation encoding='application/x-tex'>x^2</annotation></math>", "x^2"),
    ],
)  # fmt: skip
def test_elements_become_readable_text(html: str, text: str) -> None:
    assert text_of(html) == text


def test_furniture_is_left_out() -> None:
    page = f"""<html><head><title>T</title><style>s</style></head><body><nav>home away</nav><header>Site name</header>
    <div class="sphinxsidebar"><h3>Contents</h3>skip</div>
    <div class="menu"><a href="a">go here</a> <a href="b">or</a></div>
    <div role="main"><h1>Boats</h1><p>{PROSE}</p><div class="menu"><p>Fish soup, bread and butter.</p></div></div>
    <footer>Imprint</footer><script>var x</script></body></html>"""
    assert text_of(page) == f"# Boats\n\n{PROSE.strip()}\n\nFish soup, bread and butter."


def test_all_headings_of_a_page_without_main_are_kept() -> None:
    parts = [f"<h2>Part {i}</h2><p>{PROSE}{i}</p><pre>code {i}</pre>" for i in range(12)]
    page = f"<html><body><h1>Notes</h1>{''.join(parts)}</body></html>"
    assert headings_of(page) == ["Notes", *(f"Part {i}" for i in range(12))]
    assert all(f"code {i}\n" in text_of(page) for i in range(12))


def test_articles_lose_what_stands_beside_them() -> None:
    teasers = "".join(f"<div><p>Teaser number {i} of quite another story, told in short.</p></div>" for i in range(8))
    article = "".join(f"<p>{PROSE}Paragraph {i} of it all.</p>" for i in range(6))
    beside = f"<div class='sidebar-widgets'>{teasers}</div>"
    page = f"<html><body><h1>Storm</h1><div><div>{article}</div></div>{beside}</body></html>"
    assert text_of(page).startswith("# Storm")
    assert all(f"Paragraph {i}" in text_of(page) for i in range(6))
    assert "Teaser" not in text_of(page)


def test_news_lose_their_boilerplate_and_documentation_keeps_its_headings() -> None:
    menu = "<nav><ul><li><a href=/w>Weather</a><li><a href=/p>Ports</a></ul></nav>"
    top = f"<header class=masthead><a href=/>The Gull</a>{menu}</header><div class=cookie-banner>We use cookies.</div>"
    share = "<ul class=share><li><a href=x>Send to a friend</a></ul>"
    more = "<aside class=related><h2>More stories</h2><a href=1>Quay is rebuilt</a><a href=2>Cod is rare</a></aside>"
    end = "<div id=comments><h3>Two comments</h3><p>Nice.</p></div><footer>All rights reserved</footer>"
    story = "".join(f"<p>{PROSE}Paragraph {i} of it all.</p>" for i in range(6))
    article = f"<article><h1>Storm</h1>{share}{story}{more}</article>"
    paragraphs = "\n\n".join(f"{PROSE}Paragraph {i} of it all." for i in range(6))
    assert text_of(f"<html><body>{top}{article}{end}</body></html>") == f"# Storm\n\n{paragraphs}"

    sections = "".join(
        f"<section><h2>Knot {i}<a class=headerlink href=#k{i}>¶</a></h2><pre>tie({i})</pre><h3>See also</h3>"
        f"<ul><li><a href=#k{i}>Knot {i}</a></ul></section>"
        for i in range(9)
    )
    sidebar = f"<div class=sphinxsidebar><h3>Table of contents</h3>{menu}</div>"
    page = f"<html><body>{top}<div class=body><h1>Knots</h1><p>{PROSE}</p>{sections}</div>{sidebar}</body></html>"
    assert headings_of(page) == ["Knots", *(title for i in range(9) for title in (f"Knot {i}", "See also"))]
    assert all(f"tie({i})\n" in text_of(page) for i in range(9))
    assert not any(word in text_of(page) for word in ("Weather", "cookies", "Gull", "contents"))


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title></title>", "The lamp log"),
        ("<title>Untitled Document</title>", "The lamp log"),
        ("<title>\n A &amp; b\n &mdash; c </title>", "A & b — c"),
        ("<svg><title>Icon</title></svg>", "The lamp log"),
    ],
)
def test_titles(head: str, title: str) -> None:
    heading = "<h1>The <b>lamp</b> log<a class=headerlink href=#l>¶</a></h1>"
    assert read_html(f"<html><head>{head}</head><body>{heading}<p>x</p></body></html>")[1] == title


def test_a_page_of_links_alone_is_its_links() -> None:
    assert text_of("<nav><ul><li><a href=a>Tides</a><li><a href=b>Boats</a></ul></nav>") == "- Tides\n- Boats"


@pytest.mark.parametrize("depth", [300, 5_000, 50_000])
def test_depth_loses_no_words(depth: int) -> None:
    text = text_of("<div>" * depth + "deep words" + "</div>" * depth + "<p>after</p>")
    assert text.split() == ["deep", "words", "after"]


def test_a_page_without_words_is_empty() -> None:
    for page in ("<html></html>", "<img src=x>", "<script>x</script>"):
        with pytest.raises(EmptyDocument):
            read_html(page)


@pytest.mark.parametrize("name", ["a.pdf", "a.txt", "a", "a.docx", "a.html", "a.dat"])
def test_content_decides(name: str) -> None:
    page = b"\n<!-- saved -->\n<!DOCTYPE html><html><head><title>T</title></head><body><h1>A</h1><p>b</p></body></html>"
    found = extract(page, name, "auto", 10**6)
    assert (found.text, found.kind, found.media_type, found.title) == ("# A\n\nb", "markdown", "text/html", "T")


def test_markdown_and_text_with_tags_are_no_pages() -> None:
    for data in (b"Use <html> as the root.", b"# <html>", b"<p>a</p>"):
        assert not looks_like_html(data)
    assert extract(b"<h1 align=center>A</h1>\n\n# B", "a.md", "auto", 10**6).kind == "markdown"


def test_pages_name_their_encoding() -> None:
    page = '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1"><p>Größe – ja</p>'
    assert "Größe – ja" in html_of(page.encode("cp1252")).text
    assert "Größe – ja" in html_of(page.encode()).text


@pytest.mark.parametrize("name", ["x-unknown", "undefined", "hex", "rot13", "idna", "punycode"])
def test_what_is_named_and_no_encoding_is_found_out(name: str) -> None:
    page = f'<html><meta charset="{name}"><p>Größe – ja</p></html>'
    mail = 'MIME-Version: 1.0\nContent-Type: multipart/related; boundary="B"\n\n--B\n'
    saved = f"{mail}Content-Type: text/html; charset={name}\nContent-Transfer-Encoding: 8bit\n\n{page}\n--B--\n"
    for encoding in ("utf-8", "cp1252"):
        assert "Größe – ja" in html_of(page.encode(encoding)).text
        assert "Größe – ja" in html_of(saved.encode(encoding)).text


def test_saved_pages_are_unpacked() -> None:
    saved = (
        "From: <Saved by a browser>\r\nSubject: Log\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/related; type="text/html"; boundary="----B"\r\n\r\n------B\r\n'
        "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        "<html><body><h1>M=C3=B6le</h1><p>long=\r\n line</p></body></html>\r\n------B\r\n"
        "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n------B--\r\n"
    )
    for name in ("page.mhtml", "page.mht", "page"):
        assert extract(saved.encode(), name, "auto", 10**6).text == "# Möle\n\nlong line"


@settings(max_examples=100, deadline=None)
@given(st.recursive(
    st.sampled_from(["word", "two words", " ", "# x", "|", "<br>"]),
    lambda inner: st.tuples(
        st.sampled_from(TAGS),
        st.lists(inner, max_size=4),
    ).map(lambda made: f"<{made[0]}>{''.join(made[1])}</{made[0]}>"),
    max_leaves=25,
))  # fmt: skip
def test_no_word_is_lost_or_doubled_whatever_the_nesting(body: str) -> None:
    text = text_of(f"<html><body>{body}<p>end words here</p></body></html>")
    assert text.count("word") == body.count("word") + 1


def test_what_a_page_says_of_itself() -> None:
    page = b"""<html lang="en"><head><title>T</title><meta name="Description" content=" Of  tides ">
    <meta name=viewport content=x><meta property="og:title" content="Tides"><meta name=keywords content="sea, moon,">
    <meta property="article:author" content="Ann"><meta property="article:published_time" content="2024-03-01">
    <meta property="article:tag" content="a"><meta property="article:tag" content="b"><meta name=empty content="">
    </head><body><p>Text</p></body></html>"""
    assert extract(page, "a.html", "auto", 2**20).metadata == {
        "description": "Of tides", "og:title": "Tides", "keywords": ["sea", "moon"], "article:author": "Ann",
        "author": "Ann", "article:published_time": "2024-03-01", "created": "2024-03-01", "article:tag": ["a", "b"],
        "language": "en",
    }  # fmt: skip


@pytest.mark.parametrize(
    "head",
    [
        '<meta property="og:type" content="article">',
        '<meta property="article:published_time" content="2024-03-01">',
        '<script type="application/ld+json">{"@type": "NewsArticle"}</script>',
    ],
)
def test_a_post_is_read_without_what_stands_between_and_below_its_text(head: str) -> None:
    text = "".join(f"<p>{PROSE}Paragraph {i} of it all.</p>" for i in range(8))
    related = "<div class=x><p>Read now</p><ul><li>Another storm on its way</ul></div>"
    comment = "<section class=discussion><div><p>Ann wrote</p><p>Nice.</p></div></section>"
    page = f"""<html><head>{head}</head><body><article><h1>Storm</h1>{text}{related}<h2>Later</h2>{text}
    <pre>wind = 9</pre></article>{comment}</body></html>"""
    found = text_of(page)
    assert found.count("Paragraph") == 16
    assert "## Later" in found
    assert "wind = 9" in found
