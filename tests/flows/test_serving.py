"""What `embedlake serve` serves: deployments with their schedules and parameters."""

from pathlib import Path
from typing import Any

import pytest

from flows import serve

CORPUS = "{name: notes, sources: [{name: docs, uri: docs}], models: [some/model], %s}"


def deployed(monkeypatch: pytest.MonkeyPatch, folder: Path, more: str) -> dict[str, Any]:
    file = folder / "notes.yaml"
    file.write_text(CORPUS % more)
    found: list[Any] = []
    monkeypatch.setattr(serve, "serve", lambda *deployments: found.extend(deployments))
    serve.serve_corpora([file])
    return {deployment.flow_name: deployment for deployment in found}


def test_a_corpus_runs_and_is_evaluated_on_schedules_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = (
        "schedule: {cron: '0 2 * * *', timezone: Europe/Paris},"
        " evaluations: {cron: '0 4 * * sun', queries: queries.jsonl, qrels: qrels.tsv}"
    )
    found = deployed(monkeypatch, tmp_path, more)
    crons = {
        name: [(one.schedule.cron, one.schedule.timezone) for one in deployment.schedules]
        for name, deployment in found.items()
    }
    assert crons == {"ingest": [("0 2 * * *", "Europe/Paris")], "backfill": [], "evaluate": [("0 4 * * sun", "UTC")]}
    assert found["evaluate"].parameters == {
        "corpus_file": str(tmp_path / "notes.yaml"),
        "queries": str(tmp_path / "queries.jsonl"),
        "qrels": str(tmp_path / "qrels.tsv"),
    }


def test_nothing_runs_by_itself_where_no_schedule_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = deployed(monkeypatch, tmp_path, "promote: by hand")
    assert all(not deployment.schedules for deployment in found.values())
    assert found["evaluate"].parameters == {"corpus_file": str(tmp_path / "notes.yaml")}
