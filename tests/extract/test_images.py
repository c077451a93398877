"""Images within documents: which are found, what is said of them, and where in the text they stand."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.extract.images import images_in
from tasks.extract.read import Extracted, extract
from tasks.extract.shown import Shown, figure_caption, places_of
from tests.extract.files import paragraph, shape
from tests.extract.showing import (
    book_with,
    data_of,
    drawn,
    framed,
    heading,
    notebook_with,
    open_document_with,
    pdf_with,
    slides_with,
    word_with,
    workbook_with,
)
from tests.media.pictures import smooth, stored

ONE, TWO = (stored(smooth(64, 64, seed), "PNG") for seed in (1, 2))
JPEG = stored(smooth(64, 64, 3), "JPEG")
PIXELS = bytes(np.arange(40 * 40 * 3, dtype=np.uint32) % 251)

FILES: dict[str, Callable[[], bytes]] = {
    "a.docx": lambda: word_with(
        {"r1": ONE, "r2": TWO},
        heading("Spring"), paragraph("The first flood rose slowly."), drawn("r1", "A map of the bay"),
        heading("Autumn"), paragraph("The storm came at night."), drawn("r2"), paragraph("Figure 2: The broken pier"),
        paragraph("After it all was quiet."),
    ),
    "a.pptx": lambda: slides_with(ONE, [shape("Autumn", "title") + shape("The storm came at night."),
                                        shape("Spring", "title")], "A red buoy"),
    "a.xlsx": lambda: workbook_with({"a.png": ONE, "b.png": TWO}, {"Spring": "Flood", "Autumn": "Storm"}, "A chart"),
    "a.odt": lambda: open_document_with(
        {"a.png": ONE, "b.png": TWO},
        "<text:h>Spring</text:h><text:p>The first flood <text:span>rose</text:span> slowly."
        f"{framed('a.png', 'A map')}</text:p><text:p>The storm came.</text:p><text:p><draw:frame><draw:text-box><text:p>"
        f"{framed('b.png')}Figure 2: The broken pier</text:p></draw:text-box></draw:frame></text:p>"
        f"<text:p>{framed('away.png')}Quiet.</text:p>",
    ),
    "a.odp": lambda: open_document_with(
        {"a.png": ONE},
        '<draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>Spring</text:p></draw:text-box>'
        "</draw:frame><draw:frame><draw:text-box><text:p>The flood rose.</text:p></draw:text-box></draw:frame></draw:page>"
        f"<draw:page>{framed('a.png', 'A red buoy')}</draw:page>",
        "presentation",
    ),
    "a.ods": lambda: open_document_with(
        {"a.png": ONE},
        '<table:table table:name="Tides"><table:table-row><table:table-cell><text:p>High</text:p></table:table-cell>'
        f"</table:table-row><table:shapes>{framed('a.png')}</table:shapes></table:table>",
        "spreadsheet",
    ),
    "a.epub": lambda: book_with(
        {"img/one.png": ONE, "img/two.png": TWO},
        {"c1.xhtml": '<h1>Spring</h1><p>The first flood rose.</p><p><img src="img/one.png" alt="A map"/></p>',
         "c2.xhtml": '<h1>Autumn</h1><p>The storm came.</p><figure><img src="img/two.png"/>'
                     "<figcaption>The broken pier</figcaption></figure><p>Quiet.</p>"},
    ),
    "a.html": lambda: (
        f"<html><body><h1>Spring</h1><p>The first flood rose.</p><img src='x.png'><img src='{data_of(ONE)}' alt='A map'>"
        f"<h1>Autumn</h1><p>The storm came.</p><figure><img src='{data_of(TWO)}'><figcaption>The broken pier"
        "</figcaption></figure><p>Quiet.</p></body></html>"
    ).encode(),
    "a.ipynb": lambda: notebook_with(ONE),
    "a.pdf": lambda: pdf_with(
        [
            (["Spring was cold and the first flood rose slowly over the fields."], []),
            (["Of the autumn much is told in these pages here below.", "", "Figure 2: The broken pier",
              "After the storm all was quiet on the shore again."],
             [(JPEG, 72, 612), (PIXELS, 300, 100)]),
        ]
    ),
}  # fmt: skip


def found_in(name: str) -> tuple[Extracted, list[Shown], list[str]]:
    """The text of a file, its images, and what stands before each in the text."""
    data = FILES[name]()
    extracted = extract(data, name, "auto", 2**26)
    shown = list(images_in(data, name, 2**26, 10**8))
    places = places_of(shown, extracted.text, extracted.pages)
    return extracted, shown, [extracted.text[: place + 1].split("\n")[-1] for place in places]


@pytest.mark.parametrize(
    ("name", "parts", "captions", "before"),
    [
        ("a.docx", ["part=word/media/r1.png", "part=word/media/r2.png"],
         ["A map of the bay", "Figure 2: The broken pier"], ["slowly", "night"]),
        ("a.pptx", ["part=ppt/media/image1.png"], ["A red buoy"], ["night"]),
        ("a.xlsx", ["part=xl/media/a.png", "part=xl/media/b.png"], ["A chart"] * 2, ["# Spring", "# Autumn"]),
        ("a.odt", ["part=Pictures/a.png", "part=Pictures/b.png"], ["A map", "Figure 2: The broken pier"],
         ["slowly", "came"]),
        ("a.odp", ["part=Pictures/a.png"], ["A red buoy"], ["# Slide 2"]),
        ("a.ods", ["part=Pictures/a.png"], [""], ["High"]),
        ("a.epub", ["part=OEBPS/img/one.png", "part=OEBPS/img/two.png"], ["A map", "The broken pier"],
         ["rose", "came"]),
        ("a.html", ["image=1", "image=2"], ["A map", "The broken pier"], ["rose", "came"]),
        ("a.ipynb", ["image=1"], [""], ["plot(x"]),
        ("a.pdf", ["page=2&image=1", "page=2&image=2"], ["Figure 2: The broken pier", ""], ["below", "again"]),
    ],
)  # fmt: skip
def test_images_are_found_with_their_captions_where_they_stand(
    name: str, parts: list[str], captions: list[str], before: list[str]
) -> None:
    extracted, shown, stands = found_in(name)
    assert [one.part for one in shown] == parts
    assert [one.caption for one in shown] == captions
    assert [line.endswith(end) for line, end in zip(stands, before, strict=True)] == [True] * len(before), stands
    assert {one.page for one in shown} == {2 if name == "a.pdf" else None}
    assert extracted.text


@pytest.mark.parametrize("name", FILES)
def test_what_is_wanted_comes_as_it_came(name: str) -> None:
    data = FILES[name]()
    every = {one.part: one.content for one in images_in(data, name, 2**26, 10**8)}
    assert all(every.values())
    for part, content in every.items():
        [again] = images_in(data, name, 2**26, 10**8, {part})
        assert (again.part, again.content) == (part, content)
    assert not list(images_in(data, name, 2**26, 10**8, {"part=away.png", "page=9&image=1"}))


def test_stored_files_come_as_they_are() -> None:
    assert [one.content for one in found_in("a.docx")[1]] == [ONE, TWO]
    assert [one.content for one in found_in("a.html")[1]] == [ONE, TWO]
    assert found_in("a.pdf")[1][0].content == JPEG


def test_an_image_of_a_pdf_with_too_many_pixels_is_not_decoded() -> None:
    shown = list(images_in(FILES["a.pdf"](), "a.pdf", 2**26, 100))
    assert [one.content for one in shown] == [b"", b""]


@pytest.mark.parametrize(
    ("text", "caption"),
    [("Figure 2: A pier", "Figure 2: A pier"), ("Abb. 3 –  Die Mole", "Abb. 3 – Die Mole"), ("fig 1.2 x", "fig 1.2 x"),
     ("Figures show this", ""), ("The pier in figure 2", ""), ("Figure it out", "")],
)  # fmt: skip
def test_captions_are_told_by_how_they_begin(text: str, caption: str) -> None:
    assert figure_caption(text) == caption


@pytest.mark.parametrize(
    "address", ["data:image/png;base64,%%%", "data:image/png;base64,A", "data:image/svg+xml,%3Csvg"]
)
def test_a_broken_address_ends_nothing(address: str) -> None:
    page = f"<html><p>Words</p><img src='{address}'><img src='{data_of(ONE)}'></html>".encode()
    assert [one.content for one in images_in(page, "a.html", 2**20, 10**6)][1] == ONE


def test_a_broken_chapter_or_cell_loses_no_image_of_others() -> None:
    chapters = {"c1.xhtml": "\0\0", "c2.xhtml": '<p>Words</p><img src="a.png"/><img src="http://x.org/b.png"/>'}
    assert [one.content for one in images_in(book_with({"a.png": ONE}, chapters), "a.epub", 2**20, 10**6)] == [ONE]
    broken = notebook_with(ONE).replace(
        b'"outputs": [', b'"attachments": 3, "outputs": [7, {"data": {"image/png": 1}}, '
    )
    assert [one.content for one in images_in(broken, "a.ipynb", 2**20, 10**6)][1:] == [ONE]


@given(st.lists(st.text("ab .\n", max_size=30), max_size=8), st.lists(st.text("ab .\n", max_size=30), max_size=8))
def test_places_are_in_the_text_and_in_order(paragraphs: list[str], befores: list[str]) -> None:
    text = "\n\n".join(paragraphs)
    places = places_of([Shown("image=1", b"", before=before) for before in befores], text, ())
    assert places == sorted(places)
    assert all(0 <= place <= max(len(text) - 1, 0) for place in places)
