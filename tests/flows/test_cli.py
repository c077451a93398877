"""The command line as a user types it: help, wrong commands, exit codes, interruption."""

import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.cli.main import app
from tasks.config.loading import load_corpus
from tasks.lake.tables import Lake
from tests.conftest import wait_until

pytestmark = pytest.mark.slow

Make = Callable[..., Path]
COMMANDS = sorted(
    command.name or command.callback.__name__.replace("_", "-")
    for command in app.registered_commands
    if command.callback
)


@pytest.fixture
def filled(make_corpus: Make, tmp_path: Path, cli: Callable[..., Any]) -> Path:
    """A corpus with one document, ingested."""
    corpus_file = make_corpus()
    (tmp_path / "docs" / "a.md").write_text("# Birds\n\nThe heron stands in the water.\n")
    assert cli("run", corpus_file)[0] == 0
    return corpus_file


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(cli: Callable[..., Any], command: str) -> None:
    code, out, _ = cli(command, "--help")
    assert code == 0
    assert len(out.splitlines()) > 5


def test_without_a_command_it_shows_what_one_begins_with(cli: Callable[..., Any]) -> None:
    code, out, err = cli()
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines() if line.startswith("  embedlake ")]
    assert [line[1] for line in lines] == ["init", "run", "search", "status"]
    assert all(len(line) > 5 for line in lines)
    assert "embedlake --help" in out
    assert cli("status")[0] == 2  # a command without its arguments is wrong


def test_it_says_its_version(cli: Callable[..., Any]) -> None:
    declared = tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"]
    assert cli("--version") == (0, f"embedlake {declared}\n", "")


@pytest.mark.parametrize(
    ("typed", "completed"), [("embedlake st", "status"), ("embedlake run --allow-s", "--allow-shrinking")]
)
def test_a_shell_completes_commands_and_options(typed: str, completed: str) -> None:
    asked = {"_EMBEDLAKE_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    command = [Path(sys.executable).parent / "embedlake"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **asked}, check=True)
    assert done.stdout.split() == [completed]


def test_completion_is_installed_for_the_shell_that_asks(tmp_path: Path) -> None:
    command = f"{Path(sys.executable).parent / 'embedlake'} --install-completion; exit $?"
    environment = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run(["bash", "-c", command], capture_output=True, env=environment, check=True)
    assert ".bash_completions/embedlake.sh" in (tmp_path / ".bashrc").read_text()


def test_help_needs_no_heavy_import() -> None:
    heavy = ("torch", "ray", "prefect", "lancedb", "pyarrow")
    code = f"import sys; import flows.cli.main; print([m for m in {heavy} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["frobnicate"], 2, "No such command"),
        (["run"], 2, "Missing argument"),
        (["run", "{tmp}/none.yaml"], 2, "there is no such file"),
        (["run", "{corpus}", "--fast"], 2, "No such option"),
        (["search", "{corpus}", "x", "--queries", "{tmp}/none"], 2, "a query and a file"),
        (["search", "{corpus}", "x", "--by", "text", "--weight", "0.5"], 2, "no meaning in a search by text"),
        (["search", "{corpus}", "x", "--boost", "year:1"], 2, "no number and no date"),
        (["search", "{corpus}", " "], 2, "the query is empty"),
        (["search", "{corpus}", "x", "--limit", "0"], 2, "greater than or equal to"),
        (["search", "{corpus}", "x", "--model", "none"], 2, "the lake has no table of a model 'none'; it has tiny"),
        (["search", "{corpus}", "x", "--where", "colour = 'red'"], 2, "in SQL over the columns"),
        (["search", "{corpus}", "x", "--where", ""], 2, "the filter '' cannot be used"),
        (["backfill", "{corpus}"], 2, "Missing option"),
        (["backfill", "{corpus}", "--model", "/no/such/model"], 6, "there is no such folder"),
        (["backfill", "{corpus}", "--model", "package:nothing_here"], 6, "pip install nothing_here"),
        (["init", "{tmp}/nowhere"], 4, "nothing at"),
        (["init", "{tmp}/docs", "-o", "{corpus}"], 2, "is there already"),
        (["status", "{empty}"], 5, "holds nothing of the corpus"),
        (["serve", "{tmp}/docs"], 2, "no corpus files"),
    ],
)
def test_a_wrong_command_line_says_what_to_change(
    filled: Path,
    make_corpus: Make,
    tmp_path: Path,
    cli: Callable[..., Any],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    empty = make_corpus("empty", lake=str(tmp_path / "other"))
    places = {"tmp": tmp_path, "corpus": filled, "empty": empty}
    found, out, err = cli(*(argument.format(**places) for argument in arguments))
    assert (found, message in " ".join((out + err).split())) == (code, True), out + err
    assert "Traceback" not in out + err


def test_search_status_and_plan_for_people_and_for_scripts(
    filled: Path, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    [hit] = json.loads(cli("search", filled, "heron", "--json")[1])
    assert (hit["document_id"], hit["headings"], hit["start"]) == ("docs:a.md", ["Birds"], 0)
    assert "1. docs:a.md  Birds" in cli("search", filled, "heron")[1]
    status = json.loads(cli("status", filled, "--json")[1])
    assert status["documents"] == {"active": 1}
    assert [(m["model"], m["state"], m["rows"], m["pending"]) for m in status["models"]] == [("tiny", "live", 1, 0)]
    assert status["runs"][0]["state"] == "completed"
    assert "live" in cli("status", filled)[1]
    assert "Nothing to do" in cli("plan", filled)[1]
    (tmp_path / "docs" / "b.md").write_text("# Birds\n\nThe heron stands in the water.\n")
    (tmp_path / "docs" / "c.txt").write_text("New words.")
    (tmp_path / "docs" / "d.txt").write_text("")
    (tmp_path / "docs" / "a.md").rename(tmp_path / "docs" / "z.md")
    plan = json.loads(cli("plan", filled, "--json")[1])
    figures = {name: plan[name] for name in ("new", "deleted", "moved", "duplicates", "failing", "chunks", "cost")}
    assert figures == {"new": 4, "deleted": 1, "moved": 1, "duplicates": 2, "failing": 0, "chunks": 3, "cost": 0.0}
    assert plan["models"][0]["texts"] == 1
    assert "expected time" in cli("plan", filled)[1]
    assert json.loads(cli("status", filled, "--json")[1])["documents"] == {"active": 1}  # a plan changes nothing


def test_a_run_that_sets_something_aside_ends_with_3(filled: Path, tmp_path: Path, cli: Callable[..., Any]) -> None:
    (tmp_path / "docs" / "empty.html").write_text("<p></p>")
    code, out, _ = cli("run", filled)
    assert code == 3
    assert "failed" in out
    assert "EmptyDocument" in cli("status", filled)[1]
    assert cli("run", filled)[0] == 0


def test_errors_are_json_where_asked(tmp_path: Path, cli: Callable[..., Any]) -> None:
    code, out, _ = cli("run", tmp_path / "none.yaml", "--json")
    assert code == 2
    assert json.loads(out)["error"]["kind"] == "ConfigurationError"


def test_bench_runs_a_model_in_every_way_and_writes_nothing(
    filled: Path, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "lake").rglob("*")}
    code, out, _ = cli("bench", filled, "--texts", "8", "--no-int8", "--json")
    found = json.loads(out)
    assert code == 0
    assert {row["backend"].split()[0] for row in found["rows"]} == {"openvino", "torch"}
    assert all(row["cosine_min"] > 0.99 and row["texts_per_second"] > 0 for row in found["rows"])
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "lake").rglob("*")} == before
    code, out, _ = cli("bench", filled, "--texts", "8", "--no-int8")
    assert "of limit" in out
    assert cli("bench", filled, "--model", "none")[0] == 2


def test_a_server_that_is_not_there_is_named(filled: Path) -> None:
    environment = {**os.environ, "PREFECT_API_URL": "http://127.0.0.1:9/api"}
    command = [str(Path(sys.executable).parent / "embedlake"), "run", str(filled)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 9, done.stderr
    assert "http://127.0.0.1:9/api does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_init_writes_a_corpus_that_runs(tmp_path: Path, tiny_model: Path, cli: Callable[..., Any]) -> None:
    (tmp_path / "papers.jsonl").write_text(json.dumps({"_id": "1", "title": "T", "text": "Words.", "year": 3}) + "\n")
    target = tmp_path / "papers.yaml"
    assert cli("init", tmp_path / "papers.jsonl", "-o", target, "--model", tiny_model)[0] == 0
    corpus = load_corpus(target)
    assert (corpus.sources[0].fields.id, corpus.sources[0].fields.text) == ("_id", ["title", "text"])
    assert cli("run", target)[0] == 0
    assert json.loads(cli("search", target, "words", "--json")[1])[0]["document_id"] == "papers:1"


def test_a_plain_script_may_run_a_flow_and_search(make_corpus: Make, tmp_path: Path) -> None:
    corpus_file = make_corpus()
    (tmp_path / "docs" / "a.txt").write_text("The heron stands in the shallow water.")
    script = tmp_path / "script.py"
    script.write_text(f"""
from flows.ingest import ingest
from tasks.search.query import open_lake
report = ingest({str(corpus_file)!r})
print(report.documents.new, open_lake({str(corpus_file)!r}).search("water")[0].document_id)
""")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=180)
    assert done.stdout.splitlines()[-1] == "1 docs:a.txt"


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_a_whole_state_and_says_how_to_go_on(
    make_corpus: Make, tmp_path: Path, stop: signal.Signals
) -> None:
    corpus_file = make_corpus(resources={"in_process_below": 10_000_000, "batch_tokens": 8, "commit_seconds": 0.5})
    for i in range(2000):
        (tmp_path / "docs" / f"{i}.txt").write_text(
            f"Document {i} speaks of subject {i * i} at some length, as they do."
        )
    command = [str(Path(sys.executable).parent / "embedlake"), "run", str(corpus_file)]
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect")}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=lambda: signal.signal(stop, signal.SIG_DFL),  # a shell's background jobs ignore SIGINT
    )
    wait_until(lambda: any((tmp_path / "lake").glob("notes.tiny.*/data/*")), 180, "the first vectors")
    process.send_signal(stop)
    out, err = process.communicate(timeout=150)
    assert process.returncode == 130, out + err
    assert f"To go on: embedlake run {corpus_file}" in err
    assert "Traceback" not in out + err
    lake = Lake(load_corpus(corpus_file))
    kept = lake.count(lake.catalog()[0]["table"])
    assert 0 < kept < 2000
    make_corpus()  # the same, and no longer in batches of a text each
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, env=environment, check=True)
    report = json.loads(done.stdout)
    assert report["models"][0]["rows"] == 2000
    assert report["models"][0]["embedded"] == 2000 - kept
