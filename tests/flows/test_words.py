"""Word vectors as a corpus's model, end to end, over programs of Python's own standard library that copy each other."""

import json
import shutil
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.models.word_vectors import words_of

pytestmark = pytest.mark.slow

COPIES = ("bz2.py", "lzma.py", "cProfile.py", "profile.py", "json/__init__.py")


def write_vectors(file: Path, texts: list[str]) -> None:
    """A vector drawn at random for each word that a text has, the commonest first, but one."""
    words = sorted({word for text in texts for word in words_of(text)} - {"decompressor"})
    chance = np.random.default_rng(7)
    lines = [f"{word} {' '.join(f'{x:.4f}' for x in chance.normal(size=64))}" for word in words]
    file.write_text("\n".join(lines) + "\n", "utf-8")


def test_words_are_a_model_and_copies_in_the_standard_library_are_found(
    cli: Callable[..., Any], make_corpus: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    library = Path(sysconfig.get_paths()["stdlib"])
    for name in COPIES:
        (tmp_path / "docs" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library / name, tmp_path / "docs" / name)
    write_vectors(tmp_path / "words.txt", [(library / name).read_text("utf-8") for name in COPIES])
    (tmp_path / "docs" / "strange.md").write_text("ʘʘʘ ǁǁǁ")
    corpus = make_corpus(models=[{"model": str(tmp_path / "words.txt"), "name": "words", "weighting": "idf"}])

    code, out, _ = cli("run", corpus, "--json")
    report = json.loads(out)
    assert code == 3  # the one text that has no known word
    assert "knows none of the 2 words of the text (ʘʘʘ, ǁǁǁ)" in out
    assert report["models"][0]["backend"] == "words"
    assert report["models"][0]["rows"] > 30

    found = json.loads(cli("clones", corpus, "--above", "0.9", "--json", "-n", "500")[1])
    pairs = [(pair["first"], pair["second"]) for pair in found["pairs"]]
    sides = [[(one["document_id"], *one["headings"][-1:]) for one in pair] for pair in pairs]
    assert [("docs:bz2.py", "seek"), ("docs:lzma.py", "seek")] in sides
    assert [("docs:cProfile.py", "main"), ("docs:profile.py", "main")] in sides
    assert any(pair["exact"] for pair in found["pairs"])
    assert "copies and" in cli("clones", corpus)[1]

    lines = (library / "bz2.py").read_text("utf-8").splitlines()
    first = next(number for number, line in enumerate(lines, 1) if line.startswith("    def seek("))
    region = f"{tmp_path / 'docs' / 'bz2.py'}:{first}-{first + 20}"
    [best] = json.loads(cli("similar", corpus, region, "-n", "1", "--json")[1])
    assert (best["document_id"], best["headings"]) == ("docs:lzma.py", ["LZMAFile", "seek"])

    near = json.loads(cli("words", corpus, "compress", "decompressor", "-n", "3", "--json")[1])
    assert [(one["known"], len(one["nearest"])) for one in near] == [(True, 3), (False, 0)]
    told = json.loads(cli("words", corpus, "--unknown", "--json")[1])
    assert set(told["most"]) == {"ʘʘʘ", "ǁǁǁ"}
    code, out, _ = cli("search", corpus, "profile", "--by", "text", "--expand", "words", "--explain", "-n", "1")
    assert code == 0
    assert cli("words", corpus)[0] == 2
