"""What is no text within a text, and what only looks like it."""

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import UnsupportedDocument
from tasks.extract.check import readable
from tasks.extract.junk import GAP, junk_runs, without_runs
from tasks.extract.read import JUNK, extract

PROSE = "The miller grinds the corn of three villages in one long day. " * 20
BYTES = random.Random(1).randbytes(3000)
BASE64 = base64.b64encode(BYTES).decode()


@pytest.mark.parametrize(
    "junk",
    [
        f"data:image/png;base64,{BASE64}",
        base64.encodebytes(BYTES).decode().strip(),
        base64.urlsafe_b64encode(BYTES).decode(),
        BYTES.hex(),
        BYTES.hex().upper(),
        "\n".join("".join(random.Random(i).choices("ACGT", k=70)) for i in range(20)),
        "".join(random.Random(2).choices("ACDEFGHIKLMNPQRSTVWY", k=500)),
    ],
    ids=["data URI", "mail", "web token", "hex", "HEX", "genes", "protein"],
)
def test_junk_within_a_text_is_cut_out_and_counted(junk: str) -> None:
    found = readable(f"{PROSE}\n\n{junk}\n\n{PROSE}", is_code=False)
    assert found.text == f"{PROSE}\n\n{GAP}\n\n{PROSE}"
    assert found.junk == len(junk)


def test_a_text_of_junk_alone_is_refused() -> None:
    with pytest.raises(UnsupportedDocument, match="base64"):
        readable(BASE64 + "\n" + "a word", is_code=False)


def test_what_was_cut_out_is_told() -> None:
    found = extract(f"# Mills\n\n![a mill](data:image/png;base64,{BASE64})\n\n{PROSE}".encode(), "a.md", "auto", 2**20)
    assert found.left_out[JUNK] > 4000
    assert BASE64[:60] not in found.text


@pytest.mark.parametrize(
    "text",
    [
        "灯台守は一日に二回潮を記録する。" * 200,
        "ผู้ดูแลประภาคารบันทึกระดับน้ำวันละสองครั้ง" * 50,
        "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft " * 20,
        "\n".join(f"2024-03-01T12:{i:02}:00 {i * 7} {i * 13} 0.{i}" for i in range(60)),
        "\n".join("\t".join(str(i * j) for j in range(12)) for i in range(40)),
        "∀x∈ℝ ∃y: x² + y² = z², ∫₀¹ f(x) dx ≤ ε ⇒ δ → 0. " * 20,
        "Tyger Tyger, burning bright,\nIn the forests of the night;\n" * 10,
        "ok",
        "7",
        "=" * 2000,
        "/usr/share/Documentation/Mills/windmills/sails/canvas/rope/2024/" * 20,
        "\n".join(f"word{i}" for i in range(2000)),
        "-----BEGIN CERTIFICATE-----\n"
        + "\n".join(BASE64[i : i + 64] for i in range(0, 192, 64))
        + "\n-----END-----\n",
    ],
)
def test_texts_that_look_odd_stay_as_they_are(text: str) -> None:
    assert readable(text, is_code=False).text == text


def test_dumps_and_minified_code_are_refused_with_the_reason() -> None:
    dump = "\n".join(
        f"{i * 16:08x}: {' '.join(BYTES[i * 16 + j : i * 16 + j + 2].hex() for j in range(0, 16, 2))}  ................"
        for i in range(100)
    )
    with pytest.raises(UnsupportedDocument, match="hex dump"):
        readable(dump, is_code=False)
    with pytest.raises(UnsupportedDocument, match="minified"):
        readable("const x=function(a,b){return a.b(c)};" * 200, is_code=True)
    readable("const mills = [1, 2, 3];\n" * 500, is_code=True)


@given(st.lists(st.sampled_from([PROSE[:300], BASE64[:300], "\n", " ", "word "]), max_size=8), st.data())
def test_places_stand_where_they_stood(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    runs = junk_runs(text)
    places = tuple(sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4))))
    cut, moved = without_runs(text, runs, places)
    assert len(cut) == len(text) - sum(end - start - len(GAP) for start, end in runs)
    assert list(moved) == sorted(moved)
    for before, after in zip(places, moved, strict=True):
        if not any(start <= before < end for start, end in runs):
            assert (
                cut[after : after + 9].partition(GAP)[0]
                == text[before : before + 9][: len(cut[after : after + 9].partition(GAP)[0])]
            )


def test_lines_through_a_page_and_of_tables_are_no_genes() -> None:
    text = f"| Name |\n|{'-' * 400}|\n| Anna |\n\n{'-' * 300}\n"
    assert readable(text, is_code=False).text == text
    assert readable(f"{PROSE} {'ACG-T-' * 60}", is_code=False).junk == 360
