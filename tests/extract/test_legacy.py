"""Old Office files by converters, which stand-ins play here."""

from pathlib import Path

import pytest

from tasks.errors import BrokenDocument, UnsupportedDocument
from tasks.extract.legacy import _converted


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def convert() -> str:
    return _converted(b"x", "Word", ".doc", None, {}, 2**20).text


def test_where_a_converter_fails_the_next_one_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    program(tmp_path, "soffice", "exit 1")
    program(tmp_path, "antiword", "exit 1")
    with pytest.raises(BrokenDocument, match=r"makes no text of it"):
        convert()
    program(tmp_path, "antiword", "echo Words of a mill.")
    assert convert() == "Words of a mill.\n"


def test_without_a_converter_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnsupportedDocument) as error:
        convert()
    assert "Install LibreOffice or catdoc" in error.value.hint
