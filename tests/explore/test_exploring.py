"""A map from a lake with a real model to the files of its application."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tasks.errors import ConfigurationError
from tasks.explore import atlas


def test_a_missing_package_is_told_with_both_ways_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atlas, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match="embedding-atlas") as told:
        atlas.page_folder()
    assert "--no-deps embedding-atlas" in told.value.hint
    assert "embedlake[explore]" in told.value.hint


@pytest.mark.slow
def test_an_exported_map_holds_every_chunk_and_refuses_other_addresses(
    cli: Callable[..., Any],
    make_corpus: Callable[..., Path],
    tmp_path: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("embedding_atlas", reason="the extra explore is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    models = [{"model": str(tiny_model), "name": "tiny"}, {"model": str(tiny_model), "name": "short", "dimension": 16}]
    corpus = make_corpus(metadata={"year": "integer"}, models=models)
    for number in range(30):
        (tmp_path / "docs" / f"{number}.md").write_text(f"# Note {number}\n\nApples and pears of the year {number}.\n")
    target = tmp_path / "map"
    empty = cli("explore", corpus, "--export", target)
    assert empty[0] == 5
    assert "embedlake run" in empty[2]
    assert cli("run", corpus)[0] == 0
    unknown = cli("explore", corpus, "--export", target, "--color", "colour")
    assert unknown[0] == 2
    assert "cluster" in unknown[2]
    assert not target.exists()
    code, told, _ = cli("explore", corpus, "--export", target, "--color", "year")
    assert code == 0
    assert "30 points" in told
    rows = pq.read_table(target / "data" / "dataset.parquet")
    assert len(rows) == 30
    assert {"title", "text", "heading_path", "uri", "source", "year", "cluster", "topic"} <= set(rows.column_names)
    first = rows.slice(0, 1).to_pylist()[0]
    assert len(first["__neighbours"]["ids"]) == len(first["__neighbours"]["distances"]) == 10
    assert first["__row"] == 0
    props = json.loads((target / "data" / "metadata.json").read_text())["props"]
    assert props["defaultChartsConfig"]["embedding"]["data"]["category"] == "year"
    assert {label["content"] for label in props["embeddingViewLabels"]} >= set(rows["cluster"].to_pylist())
    assert "connect-src 'self'" in (target / "index.html").read_text()
    both = ("--model", "tiny", "--model", "short", "--color", "cluster_short")
    assert cli("explore", corpus, "--export", tmp_path / "both", *both)[0] == 0
    assert pq.read_table(tmp_path / "both" / "data" / "dataset.parquet")["cluster_short"].null_count == 0
    [kept] = (tmp_path / "cache").rglob("*.auto.*.parquet")
    before = kept.stat().st_mtime_ns
    assert cli("explore", corpus, "--export", target, "--sample", "7")[0] == 0
    assert cli("explore", corpus, "--export", target)[0] == 0
    assert kept.stat().st_mtime_ns == before
    assert len(pq.read_table(target / "data" / "dataset.parquet")) == 30
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    assert cli("explore", corpus, "--export", tmp_path / "mine")[0] == 2
    assert (tmp_path / "mine" / "letter.txt").exists()
