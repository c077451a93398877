import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BrokenDocument, DocumentError, EmptyDocument, EncryptedDocument, UnsupportedDocument
from tasks.extract.check import readable
from tasks.extract.read import Extracted, extract
from tasks.sources.formats import other_medium


def read(content: str | bytes, name: str) -> Extracted:
    return extract(content if isinstance(content, bytes) else content.encode(), name, "auto", 2**24)


MAIL = """Received: from a by b
From: =?UTF-8?Q?J=C3=BCrgen?= <j@example.org>
To: ann@example.org
Subject: =?UTF-8?Q?M=C3=BChle?=
Date: Fri, 01 Mar 2024 10:00:00 +0100
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=X

--X
Content-Type: multipart/alternative; boundary=Y

--Y
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Die M=C3=BChle steht.

# kein Titel
--Y
Content-Type: text/html

<p>Not this.</p>
--Y--
--X
Content-Type: text/plain; name=list.txt
Content-Disposition: attachment; filename=list.txt

Corn and flour.
--X
Content-Type: image/png; name=plan.png
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--X--
"""


@pytest.mark.parametrize("name", ["a.eml", "1709287200.M1P1.host:2,S", "message"])
def test_a_mail_s_headers_text_and_attachments(name: str) -> None:
    found = read(MAIL, name)
    assert found.title == "Mühle"
    assert found.metadata["created"] == "2024-03-01T10:00:00+01:00"
    assert found.metadata["attachments"] == "list.txt, plan.png"
    assert found.text.split("\n\n") == [
        "# Mühle", "From: Jürgen <j@example.org>\nTo: ann@example.org\nDate: Fri, 01 Mar 2024 10:00:00 +0100\n"
        "Attachments: list.txt, plan.png", "Die Mühle steht.", "    # kein Titel",
    ]  # fmt: skip
    assert [(one.name, one.content.strip()) for one in found.attached] == [
        ("list.txt", b"Corn and flour."), ("plan.png", b"\x89PNG\r\n\x1a\n".strip()),
    ]  # fmt: skip


def test_all_messages_of_an_mbox() -> None:
    message = "From ann@example.org Fri Mar  1 10:00:00 2024\nFrom: ann@example.org\nSubject: {}\n\n{}\n\n"
    found = read(message.format("One", "First.\n>From here") + message.format("Two", "Second."), "in.mbox")
    assert found.metadata == {"messages": 2}
    assert [line for line in found.text.split("\n") if line.startswith("#")] == ["# One", "# Two"]
    assert "\nFrom here" in found.text


def test_a_mail_in_utf_16_and_one_with_a_wrong_charset() -> None:
    assert read("From: a@b.c\nSubject: Ä\n\nWörter.\n".encode("utf-16"), "a.eml").text.endswith("Wörter.")
    wrong = "From: a@b.c\nSubject: x\nContent-Type: text/plain; charset=iso-8859-1\n\nWörter.\n"
    assert read(wrong, "a.eml").text.endswith("Wörter.")


def test_mail_that_cannot_be_read() -> None:
    with pytest.raises(EncryptedDocument):
        read("From: a@b.c\nSubject: x\nContent-Type: multipart/encrypted; boundary=X\n\n--X\n\nabc\n--X--\n", "a.eml")
    with pytest.raises(DocumentError):
        read(bytes(100), "a.msg")


def test_a_text_about_mail_is_none() -> None:
    assert read("From: the miller\nTo: all\n\nA letter.", "letter").media_type == "text/plain"


def test_notebooks() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Mills\n", "![p](data:image/png;base64,iVBOR)"]},
        {"cell_type": "code", "source": "print(1)", "outputs": [
            {"output_type": "stream", "text": ["1\n"]},
            {"output_type": "display_data", "data": {"image/png": "iVBOR" * 99, "text/plain": ["<Figure size 1x1>"]}},
            {"output_type": "error", "ename": "ValueError", "evalue": "\x1b[31mno\x1b[0m", "traceback": ["…"]},
        ]},
    ]  # fmt: skip
    found = read(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}), "a.ipynb")
    assert found.kind == "markdown"
    assert found.text == "# Mills\np\n\n```python\nprint(1)\n```\n\n```\n1\n```\n\n```\nValueError: no\n```"
    with pytest.raises(BrokenDocument, match="notebook"):
        read("{}", "a.ipynb")


def test_latex() -> None:
    found = read(
        r"""\documentclass{article} \title{On \emph{Mills}} \author{Ann}
\begin{document} \maketitle % a comment
\section{Sails}\label{s} The \textbf{miller} pays 5\% to K\"onig, see \cite{x}. Let $a_{1}$ be.
\begin{itemize} \item one \item two \end{itemize}
\begin{verbatim}
# x
\end{verbatim}
\end{document}""",
        "a.tex",
    )
    assert found.title == "On Mills"
    assert found.metadata == {"author": "Ann"}
    for words in (
        "# On Mills\n",
        "## Sails\n",
        "The miller pays 5% to König, see",
        "$a_{1}$",
        "- one",
        "```\n# x\n```",
    ):
        assert words in found.text
    for words in ("comment", "\\", "documentclass", "{itemize}"):
        assert words not in found.text


def test_org() -> None:
    found = read(
        "#+TITLE: Mills\n* TODO Sails :tag:\n:PROPERTIES:\n:ID: 7\n:END:\nSee [[http://x][the *mill*]].\n"
        "# comment\n#+BEGIN_SRC python\n# code\n#+END_SRC\n** Deep",
        "a.org",
    )
    assert found.title == "Mills"
    assert found.text.split("\n\n") == ["# Sails", "See the mill.", "```python\n# code\n```", "## Deep"]


def test_asciidoc() -> None:
    found = read(
        "= Mills\n:toc:\n\n== Sails\n\nThe *miller* at https://x.org[the mill].\n\n// comment\n\n* one\n** two\n\n"
        "[source,python]\n----\n# code\n----\n",
        "a.adoc",
    )
    assert found.title == "Mills"
    assert "## Sails\n\nThe miller at the mill." in found.text
    assert "- one\n  - two" in found.text
    assert "```python\n# code\n```" in found.text
    assert "comment" not in found.text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "a.srt",
            "1\n00:01:05,000 --> 00:01:07,000\n<i>The mill</i>\nturns.\n\n2\n01:00:00,000 --> 01:00:01,000\nEnd.\n",
        ),
        (
            "a.vtt",
            "WEBVTT\n\nNOTE x\n\n01:05.000 --> 01:07.000\n<v Ann>The mill\nturns.\n\n01:00:00.000 --> 01:00:01.000\nEnd.\n",
        ),
    ],
)
def test_subtitles_keep_their_times(name: str, content: str) -> None:
    found = read(content, name)
    assert found.text == "0:01:05 The mill turns.\n1:00:00 End."
    assert found.times == ((65_000, 67_000), (3_600_000, 3_601_000))


def test_xml_is_read_by_line_with_its_entities() -> None:
    found = read(
        '<!DOCTYPE log [<!ENTITY mill "the mill">]><log><entry id="1"><who>Tom &amp; Ann</who><what>&mill; &eacute; &lt; 3</what>'
        "</entry><entry><who>Bo</who></entry></log>",
        "a.xml",
    )
    assert found.text == "entry id=1\nwho: Tom & Ann\nwhat: the mill é < 3\n\nwho: Bo"


def test_docbook_has_headings_and_code() -> None:
    found = read(
        '<?xml version="1.0"?><book><title>Mills</title><chapter><title>Sails</title><para>They <emphasis>turn</emphasis>.'
        "</para><programlisting>if x:\n    y</programlisting></chapter></book>",
        "a.xml",
    )
    assert found.title == "Mills"
    assert found.text.split("\n\n") == ["# Mills", "## Sails", "They turn.", "```\nif x:\n    y\n```"]


def test_xml_reads_no_files() -> None:
    found = read('<!DOCTYPE x [<!ENTITY b SYSTEM "file:///etc/hostname">]><x><a>kept</a><c>&b;</c></x>', "a.xml")
    assert found.text == "a: kept"


def test_json_is_readable() -> None:
    value = {"title": "Mills", "n": 3, "tags": ["a", "b"], "rows": [{"x": None, "y": 'a "b"\nc'}], "blob": "QUJD" * 99}
    found = read(json.dumps(value, indent=1), "a.json")
    assert found.title == "Mills"
    assert found.text.split("\n") == [
        "title: Mills", "n: 3", "tags: a, b", "rows:", "  - x:", '    y: a "b"', "c", "blob: (396 characters)",
    ]  # fmt: skip
    assert read("{torn", "a.json").text == "{torn"


def test_rtf() -> None:
    found = read(
        rb"{\rtf1\ansi\ansicpg1252{\info{\title On mills}{\author J\'fcrgen}}\pard M\'fchle {\b bold}\par Two"
        rb"{\footnote a note}\par{\pict\pngblip 89504e47}}",
        "a.doc",
    )
    assert (found.title, found.metadata) == ("On mills", {"author": "Jürgen"})
    assert found.text == "Mühle bold\n\nTwo a note"


def test_configuration_is_code() -> None:
    assert [read("a: 1\n", name).kind for name in ("a.yaml", "a.toml", "a.ini")] == [
        "code:yaml",
        "code:toml",
        "code:ini",
    ]


@pytest.mark.parametrize("name", ["__init__.py", "empty.txt", "x.unknown"])
@pytest.mark.parametrize("content", [b"", b" \n\n"])
def test_an_empty_file_is_no_failure(name: str, content: bytes) -> None:
    assert read(content, name).text == ""


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.7z", "a.so", "a.jar", "a.woff2", "a.sqlite", "a.pyc"])
def test_what_holds_no_text_is_told_by_its_name(name: str) -> None:
    assert other_medium(name)


@pytest.mark.parametrize("name", ["a.txt.gz", "a.py", "a.json", "a.tex", "a.xml", "a.epub", "README", "a.ts"])
def test_what_may_hold_text_is_not(name: str) -> None:
    assert other_medium(name) is None or name == "a.ts"  # also a film


RANDOM = "".join(chr(65 + (i * i * 31 + i // 7) % 26 + 32 * (i * 7 % 3 == 0)) + str(i * 13 % 10) for i in range(2000))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("\n".join(RANDOM[i : i + 76] for i in range(0, 3800, 76)), UnsupportedDocument),
        ("\\pard\\plain\\f1\\fs20 word " * 30, UnsupportedDocument),
        ("1 0 obj << /Type /Font /Length 3 >> endobj\n" * 30, UnsupportedDocument),
        ("12 34 moveto 5 6 lineto closepath\n" * 30, UnsupportedDocument),
        ("\x01\x02ab\x03" * 100, BrokenDocument),
        ("ab\ufffd" * 100, BrokenDocument),
    ],
)
def test_what_is_no_text_is_set_aside(text: str, error: type[DocumentError]) -> None:
    with pytest.raises(error):
        readable(text, is_code=False)


@pytest.mark.parametrize(
    "text",
    [
        "灯台守は一日に二回潮を記録する。" * 100,
        "| 1 | 2.5 | 3 |\n" * 300,
        "00000000: 2550 4446 2d31 2e34 0a25 d0d4  %PDF-1.4.%..\n" * 100,
        "In RTF, \\par ends a paragraph and \\pard resets it; in PDF, endobj ends an object. " * 50,
        "\x1b[31mERROR\x1b[0m the mill stopped\n" * 100,
        "/usr/share/Documentation/Mills/windmills/sails/canvas/rope/2024/x1.txt\n" * 100,
        "https://example.org/a/very/long/Path/With/Names?and=Values&of=7&kinds=of-Things-to-see\n" * 100,
        "const x=function(a,b){return a.b(c)};" * 100,
    ],
)
def test_odd_texts_are_texts(text: str) -> None:
    readable(text, is_code=False)


@given(st.binary(max_size=300), st.sampled_from(["a.docx", "a.pdf", "a.eml", "a.xml", "a.json", "a.ipynb", "a.rtf", "a.msg",
                                                  "a.xls", "a.tex", "a.org", "a.srt", "a.odt", "a"]))  # fmt: skip
def test_any_bytes_end_in_text_or_an_error_that_says_why(content: bytes, name: str) -> None:
    for data in (content, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + content, b"PK\x03\x04" + content, b"{\\rtf1" + content):
        with contextlib.suppress(DocumentError):
            read(data, name)


def test_a_picture_s_only_words_are_no_text() -> None:
    with pytest.raises(EmptyDocument):
        read(json.dumps({"cells": [{"cell_type": "markdown", "source": ""}], "metadata": {}}), "a.ipynb")


LETTERS = "“Größe” – żółw"
MARKED_UP = {
    "a.tex": "\\section{Sails}\n%s", "a.org": "* Sails\n%s", "a.adoc": "== Sails\n\n%s", "a.json": '{"a": "%s"}',
    "a.vtt": "WEBVTT\n\n01:05.000 --> 01:07.000\n%s\n", "a.srt": "1\n00:01:05,000 --> 00:01:07,000\n%s\n",
    "a.ipynb": '{"cells": [{"cell_type": "markdown", "source": "%s"}]}', "a.xml": "<x>%s</x>", "b.json": '["%s"]',
    "b.xml": "<?xml version='1.0' encoding='utf-8'?>\n<x>%s</x>", "c.xml": '<?xml version="1.0"?><x>%s</x>',
}  # fmt: skip


@pytest.mark.parametrize("name", MARKED_UP)
@pytest.mark.parametrize("encoding", ["cp1250", "utf-16", "utf-8", "mac-latin2"])
def test_text_with_marks_is_read_in_the_encoding_that_is_declared(name: str, encoding: str) -> None:
    found = extract((MARKED_UP[name] % LETTERS).encode(encoding), name, "auto", 2**20, encoding)
    assert LETTERS in found.text
    assert (found.encoding, found.confidence) == (encoding, 1.0)


@pytest.mark.parametrize("name", MARKED_UP)
def test_text_with_marks_says_what_its_encoding_was_guessed_to_be(name: str) -> None:
    letters = "Die Größe der Möwe läßt sich schätzen."
    found = read((MARKED_UP[name] % letters).encode("cp1252"), name)
    assert letters in found.text
    assert found.encoding == "cp1252"
    assert 0.5 < found.confidence < 1
    assert read(MARKED_UP[name] % letters, name).encoding == "utf-8"


def test_xml_is_read_in_the_encoding_that_it_says_itself() -> None:
    found = read(f"<?xml version='1.0' encoding='cp1250'?><x>{LETTERS}</x>".encode("cp1250"), "a.xml")
    assert (found.text, found.encoding) == (f"x: {LETTERS}", None)


@pytest.mark.parametrize("root", ["urlset", "sitemapindex"])
def test_a_sitemap_is_a_list_of_addresses_and_no_text(root: str) -> None:
    page = f"<?xml version='1.0'?>\n<!-- made -->\n<{root} xmlns='x'><url><loc>http://a</loc></url></{root}>"
    found = read(page, "sitemap.xml")
    assert (found.text, found.media_type) == ("", "application/x-sitemap+xml")
    assert read("<urlsets><a>Words.</a></urlsets>", "a.xml").text == "a: Words."


def test_a_message_that_is_forwarded_is_attached_and_names_are_files() -> None:
    inner = "From: b@c.d\nSubject: Wind\n\nIt blew.\n"
    parts = [
        "Content-Type: message/rfc822\n\n" + inner,
        "Content-Type: application/pdf; name=report\n\n%PDF",
        'Content-Type: text/plain\nContent-Disposition: attachment; filename="C:\\\\tmp\\\\a.txt"\n\nx',
        "Content-Type: application/pgp-signature; name=s.asc\n\nx",
    ]
    body = "--X\n\nSee below.\n" + "".join(f"--X\n{part}\n" for part in parts) + "--X--\n"
    found = read(f"From: a@b.c\nSubject: Fwd\nContent-Type: multipart/mixed; boundary=X\n\n{body}", "a.eml")
    assert [one.name for one in found.attached] == ["Wind.eml", "report.pdf", "a.txt"]
    assert read(found.attached[0].content, "Wind.eml").text.endswith("It blew.")
    assert "Attachments: Wind.eml, report.pdf, a.txt" in found.text


def test_comments_before_the_root_take_no_longer_each() -> None:
    comments = "<!-- License -->\n" * 60  # years, if each might end where any other does
    assert read(f"{comments}<note>Said.</note>", "a.xml").text == "Said."
    assert read(f"{comments}<urlset><url/></urlset>", "a.xml").media_type == "application/x-sitemap+xml"
    assert read(f"{comments}<html><body><p>Said.</p></body></html>", "a.txt").media_type == "text/html"
    assert read(f"<r><a{' ' * 200_000}><b>Said.</b></r>", "a.xml").text == "b: Said."
