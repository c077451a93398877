"""Front matter is metadata and title, and only that."""

import datetime

import pytest

from tasks.extract.front_matter import split_front_matter
from tasks.extract.read import extract


def test_yaml_and_toml_are_metadata_and_no_text() -> None:
    yaml = "---\ntitle: Tides\ndate: 2024-03-01\ntags: [sea, moon]\n---\n\n# Log\n"
    assert split_front_matter(yaml) == (
        {"title": "Tides", "date": datetime.date(2024, 3, 1), "tags": ["sea", "moon"]},
        "\n# Log\n",
    )
    assert split_front_matter('+++\r\ntitle = "Tides"\r\ndraft = false\r\n+++\r\nText.') == (
        {"title": "Tides", "draft": False},
        "Text.",
    )


def test_the_title_of_front_matter_is_the_documents() -> None:
    found = extract(b"---\ntitle: |\n  Two\n  lines\n---\n# Log\n\nText.", "a.md", "auto", 1000)
    assert (found.title, found.text, found.metadata) == ("Two lines", "# Log\n\nText.", {"title": "Two\nlines\n"})
    assert extract(b"---\n---\n# Log", "a.md", "auto", 1000).text == "# Log"


@pytest.mark.parametrize(
    "text",
    [
        "---\n\nA line above.\n\n---\n\nText.",
        "---\na: [\n---\nText.",
        "+++\na = \n+++\nText.",
        "---\nnever ends",
        "Text\n---\n",
    ],
)
def test_what_is_no_front_matter_is_text(text: str) -> None:
    assert split_front_matter(text) == ({}, text)
