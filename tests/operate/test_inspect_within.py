"""What lies in an archive is listed, and each member shown by itself."""

from pathlib import Path

import pytest

from tasks.config.settings import Corpus
from tasks.errors import ConfigurationError
from tasks.operate.inspect import held_in, inspect
from tests.machine.engine import quick
from tests.machine.world import Record, Within, World, make_model_folders, message


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_model_folders(tmp_path / "models")
    world = World(tmp_path / "here", tmp_path / "models", tmp_path / "lake")
    mail = message("", "Body.", (("list.txt", "Corn."),))
    records = (Record("k1", "One."), Record("k2", "Two."))
    members = (("a.txt", "It rained."), ("b/m.eml", mail), ("r.jsonl", records), ("bad.pdf", b"%PDF-"))
    world.put("left", "z.zip", Within(members))
    (tmp_path / "here/left/m.eml").write_bytes(mail)
    return tmp_path


def corpus(folder: Path) -> Corpus:
    source = {"name": "docs", "uri": str(folder / "here/left")}
    return Corpus.model_validate({"name": "c", "sources": [source], "models": [str(folder / "models/words")]})


def shown(folder: Path, address: str) -> list[str]:
    with quick():
        found = inspect(str(folder / "here/left" / address), corpus(folder), 10)
    return [str(one.document["document_id"]) for one in found]


def test_an_archive_is_listed(folder: Path) -> None:
    held = held_in(str(folder / "here/left/z.zip"), corpus(folder))
    assert held is not None
    assert [(one.path, one.format) for one in held] == [
        ("a.txt", "text"), ("b/m.eml", "mail"), ("r.jsonl", "jsonl"), ("bad.pdf", "pdf"),
    ]  # fmt: skip
    assert held_in(str(folder / "here/left/z.zip!/a.txt"), corpus(folder)) is None
    assert held_in(str(folder / "here/left/m.eml"), corpus(folder)) is None


def test_a_member_is_shown_by_itself(folder: Path) -> None:
    assert shown(folder, "z.zip!/a.txt") == ["docs:z.zip!/a.txt"]
    assert shown(folder, "z.zip!/b/m.eml") == ["docs:z.zip!/b/m.eml", "docs:z.zip!/b/m.eml!/list.txt"]
    assert shown(folder, "z.zip!/b/m.eml!/list.txt") == ["docs:z.zip!/b/m.eml!/list.txt"]
    assert len(shown(folder, "z.zip!/r.jsonl")) == 2
    assert shown(folder, "m.eml!/list.txt") == ["docs:m.eml!/list.txt"]
    with pytest.raises(ConfigurationError, match=r"no c\.md in"):
        shown(folder, "z.zip!/c.md")
