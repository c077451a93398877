"""XML with faults: what stands after them is there too."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BrokenDocument
from tasks.extract.read import extract
from tasks.extract.trees import read_xml

REST = "<note>after</note></log>"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("mid</nosuch>dle", "mid dle"), ("<b x=1>mid</b>", "mid"), ("<a><b>mid</a></b>", "mid"), ("a < b", "a b"),
        ("<b>mid", "mid"), ("AT&T", "AT"), ("\x01mid\x0b", "mid"), ("mid<![CDATA[ <q> ]]></nosuch>", "mid <q>"),
        ("<!-- </note> --></nosuch>mid", "mid"),
    ],
)  # fmt: skip
def test_a_fault_loses_nothing_after_it(fault: str, said: str) -> None:
    found = read_xml(f"<log><note>before</note><note>{fault}</note>{REST}".encode())
    assert found is not None
    lines = found.text.split("\n")
    assert [lines[0], lines[-1]] == ["before", "after"]
    assert said in found.text


def test_several_roots_are_all_read() -> None:
    found = read_xml(b"<?xml version='1.0'?>\n<e>one</e>\n<e>two</e><?xml version='1.0'?><!DOCTYPE e><e>three</e>")
    assert found is not None
    assert found.text == "e: one\ne: two\ne: three"


@pytest.mark.parametrize(
    ("reference", "said"),
    [("&#55357;&#56832;", "😀"), ("&#xD83D;&#xDe00;", "😀"), ("&#xd800;", "�"), ("&#57500;", "\ue09c")],
)
def test_halves_of_characters_are_joined(reference: str, said: str) -> None:
    found = read_xml(f"<sms body='{reference}'>Hello {reference}!</sms>".encode())
    assert found is not None
    assert f"Hello {said}!" in found.text


@pytest.mark.parametrize("name", ["utf-16", "UTF-16LE", "ucs-2", "utf-32", "unicode", "nosuch"])
def test_what_its_bytes_are_counts_more_than_what_it_says(name: str) -> None:
    content = f'<?xml version="1.0" encoding="{name}"?><log><note>Größe – 3 m</note></log>'
    assert extract(content.encode(), "a.xml", "auto", 2**20).text == "Größe – 3 m"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "iso-8859-2", "windows-1251", "shift_jis"])
def test_what_it_says_counts_where_its_bytes_are_that(encoding: str) -> None:
    words = {"windows-1251": "Прилив", "shift_jis": "灯台", "iso-8859-2": "wysokość"}.get(encoding, "Größe")
    content = f'<?xml version="1.0" encoding="{encoding}"?><log><note>{words}</note></log>'
    assert extract(content.encode(encoding), "a.xml", "auto", 2**20).text == words


@given(
    st.lists(st.sampled_from(["<a>", "</a>", "<b>", "</b>", "<c/>", "<!--", "-->", "<![CDATA[", "]]>"]), max_size=12)
)
def test_words_between_any_tags_are_read(tags: list[str]) -> None:
    content = "".join(f"{tag} word{i} " for i, tag in enumerate(tags))
    found = read_xml(f"<log>first {content}</log>".encode())
    assert found is not None
    if not any(tag.startswith(("<!", "-", "]")) for tag in tags):
        assert all(f"word{i}" in found.text for i in range(len(tags)))


@pytest.mark.parametrize("content", [b"<a>" * 5000, b"<a>" + b"x" * 11_000_000 + b"</a>"])
def test_what_is_not_read_to_its_end_is_told(content: bytes) -> None:
    with pytest.raises(BrokenDocument, match="its elements are too deep, or its values or entities too large"):
        read_xml(b"<log>first " + content + b" last</log>")


@pytest.mark.parametrize("part", ["</a>", "<a/>", "<!--", "<![CDATA[", "&#55357;", "<a "])
def test_many_faults_take_little_time(part: str) -> None:
    clock = time.monotonic()
    read_xml(b"<log>first " + part.encode() * 100_000 + b"</nosuch> last</log>")
    assert time.monotonic() - clock < 5
