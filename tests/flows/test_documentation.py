"""The README files: short enough, true to the code, and no link leads nowhere."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from flows.cli.main import app
from infra.reference import BEGIN, END, commands, corpus_reference, documents, with_reference
from tasks.config.loading import load_corpus
from tasks.config.part import Settings

ROOT = Path(__file__).parents[2]
COMMANDS = {" ".join(["embedlake", *path]): command for path, command in commands(get_command(app))}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def readmes() -> list[Path]:
    found = subprocess.run(["git", "ls-files", "*README.md"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = found.stdout.split() or [str(path.relative_to(ROOT)) for path in ROOT.glob("[a-z]*/**/README.md")]
    return sorted({ROOT / "README.md", *(ROOT / name for name in names)})


def sections(text: str) -> dict[str, str]:
    """The text below each heading."""
    parts = re.split(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def anchors(text: str) -> set[str]:
    """What links to the headings of a document may name."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in sections(text)}


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").split()) <= 1200


def test_what_is_generated_is_up_to_date() -> None:
    stale = [str(path.relative_to(ROOT)) for path, text in documents().items() if path.read_text("utf-8") != text]
    assert not stale, "make docs writes them"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_and_option_is_documented(name: str) -> None:
    text = sections((ROOT / "flows/cli/README.md").read_text("utf-8"))[name]
    for param in COMMANDS[name].params:
        shown = param.opts + param.secondary_opts if param.opts[0].startswith("-") else [param.metavar or param.name]
        missing = [word for word in shown if f"`{word}`".lower() not in text.replace("\\|", "|").lower()]
        assert not missing
        assert param.help


@pytest.mark.parametrize("group", Settings.__subclasses__())
def test_every_key_of_a_corpus_file_is_documented(group: type[Settings]) -> None:
    rows = [line for line in corpus_reference().splitlines() if line.startswith("| `")]
    for key, field in group.model_fields.items():
        assert field.description
        assert any(row.startswith(f"| `{key}` |") and row.endswith(f"| {field.description} |") for row in rows), key


def test_a_document_without_markers_is_refused() -> None:
    assert with_reference(f"a\n{BEGIN}\nold\n{END}\nb", "new") == f"a\n{BEGIN}\n\nnew\n\n{END}\nb"
    with pytest.raises(ValueError, match="expected the markers"):
        with_reference("nothing here", "new")


@pytest.mark.parametrize("readme", readmes(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(readme: Path) -> None:
    for link in LINK.findall(readme.read_text("utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = readme.parent / path if path else readme
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text("utf-8")), link


def test_every_folder_that_has_a_readme_is_reached_from_the_first() -> None:
    linked = {(ROOT / link).resolve() for link in LINK.findall((ROOT / "README.md").read_text("utf-8"))}
    assert set(readmes()) - {ROOT / "README.md"} <= linked


def transcript(text: str) -> dict[str, list[str]]:
    """What each command printed, without the lines that tell of progress and without the last blank one."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)[1:]
    printed = dict(zip(parts[::2], parts[1::2], strict=True))
    return {
        command: [line.rstrip() for line in output.rstrip().splitlines() if not re.match(r"\d\d:\d\d:\d\d ", line)]
        for command, output in printed.items()
    }


def shape(line: str) -> str:
    """A line without what differs from machine to machine: figures, and what runs the model."""
    name, space, values = line.partition("  ")
    values = re.sub(r", by .*", ", by", re.sub(r"[\d.,]+\d", "0", re.sub(r"\d+", "0", values)))
    return " ".join(f"{name}{space}{values}".split())


@pytest.mark.slow
def test_make_demo_prints_what_the_readme_shows(tmp_path: Path) -> None:
    for name in ("configs", "infra"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    command = ["make", "--silent", "-o", "setup", "demo", "MODULES=difflib queue threading"]
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect"), "COLUMNS": "120"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [shown] = re.findall(r"```console\n(\$ make demo\n.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    expected, found = transcript(shown), transcript(done.stdout)
    assert expected.pop("make demo") == []
    assert set(expected) <= set(found)
    assert "\n".join(found[list(found)[-1]]).endswith("\n".join(expected[list(expected)[-1]][-2:]))  # what to type next
    run, search = expected
    assert [shape(line) for line in found[run]] == [shape(line) for line in expected[run]]
    hits = expected[search][: expected[search].index("")]
    assert [shape(line) for line in found[search]] == [shape(line) for line in hits]
    assert [line for line in found[search] if "characters" not in line] == [x for x in hits if "characters" not in x]


def test_the_demo_corpus_needs_nothing_but_what_make_demo_wrote(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        monkeypatch.delenv(name)
    corpus = load_corpus(ROOT / "configs/demo.yaml")
    assert {Path(source.uri).parent for source in corpus.sources} == {ROOT / "build"}


def test_what_the_demo_embeds_is_the_same_in_every_environment(tmp_path: Path) -> None:
    for turn in range(2):
        environment = {**os.environ, "PYTHONHASHSEED": str(turn), "SOME_SECRET": f"hunter{turn}"}
        command = [sys.executable, str(ROOT / "infra/stdlib_docs.py"), str(tmp_path / str(turn))]
        subprocess.run(command, env=environment, check=True)
    first, second = ((tmp_path / str(turn) / "stdlib.jsonl").read_text("utf-8") for turn in range(2))
    assert first == second
    assert "hunter" not in first
