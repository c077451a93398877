"""What the commands that run flows say when they are stopped."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from flows.cli import running


def _stopped(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, ""),
        (
            {"where": "uri LIKE '%a b%'", "sample": 0.01, "limit": 5},
            """ --where 'uri LIKE '"'"'%a b%'"'"'' --sample 0.01 --limit 5""",
        ),
        ({"where": "title = '[bold]'", "wait": True}, """ --where 'title = '"'"'[bold]'"'"'' --wait"""),
    ],
)
def test_a_stopped_backfill_says_the_command_that_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: Any, told: str
) -> None:
    file = tmp_path / "my notes.yaml"
    docs = [{"name": "docs", "uri": str(tmp_path)}]
    file.write_text(json.dumps({"name": "notes", "lake": str(tmp_path), "sources": docs, "models": ["a/b"]}))
    monkeypatch.setattr(running, "_backfill", _stopped)
    given: dict[str, Any] = {"where": None, "sample": 1.0, "limit": None, "plan": False, "wait": False, "json": False}
    with pytest.raises(KeyboardInterrupt):
        running.backfill(file, "some/model", **given | options)
    command = f"embedlake backfill {shlex.quote(str(file))} --model some/model{told}\n"
    assert capsys.readouterr().err.endswith(command)
