"""A corpus file: what it may say, and what the user is told when it says something else."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.config.loading import load_corpus, schema
from tasks.config.sources import Source
from tasks.errors import ConfigurationError
from tasks.secrets import redact

GOOD = """\
name: notes
lake: ./lake
sources:
  - name: docs
    uri: ./docs
models:
  - sentence-transformers/all-MiniLM-L6-v2
"""

WRONG = [
    (GOOD + "chunkin: {size: 3}\n", r":8: chunkin: unknown key; did you mean 'chunking'\?"),
    (GOOD + "chunking: {sise: 100}\n", r":8: chunking.sise: unknown key; did you mean 'size'\?"),
    (GOOD.replace("    uri: ./docs\n", ""), r":4: sources\[0\].uri: this key is required"),
    (GOOD.replace("uri: ./docs", "url: ./docs"), r":5: sources\[0\].url: unknown key; did you mean 'uri'\?"),
    (GOOD + "chunking: {size: many}\n", r":8: chunking.size: .*integer.*; came 'many'"),
    (GOOD + "chunking: {size: 64, overlap: 60}\n", r":8: chunking: overlap \(60\) must be at most half of size"),
    (GOOD + "schedule: {cron: nightly}\n", r":8: schedule.cron: a cron line has five fields"),
    (GOOD + "schedule: {cron: '0 0 2 * * *'}\n", r":8: schedule.cron: a cron line has five fields"),
    (GOOD + "schedule: {cron: '99 99 * * *'}\n", r":8: schedule.cron: .*no cron line: its minute, '99'"),
    (GOOD + "schedule: {cron: '0 25 * * *'}\n", r":8: schedule.cron: .*no cron line: its hour, '25'"),
    (GOOD + "schedule: {cron: 'a b c d e'}\n", r":8: schedule.cron: .*no cron line: its minute, 'a'"),
    (GOOD + "schedule: {cron: '0 2 * * funday'}\n", r":8: schedule.cron: .*its day of the week, 'funday'"),
    (GOOD + "schedule: {cron: '0 2 * * 1/2-3,'}\n", r":8: schedule.cron: .*its day of the week"),
    (GOOD + "schedule: {cron: '0 2 5L * *'}\n", r":8: schedule.cron: .*its day of the month, '5L'"),
    (GOOD + "schedule: {cron: '0 2 LW * *'}\n", r":8: schedule.cron: .*its day of the month, 'LW'"),
    (GOOD + "schedule: {cron: '0 2 30 2 *'}\n", r":8: schedule.cron: .*no day is ever"),
    (GOOD + "schedule: {cron: '0 2 31 4,6 *'}\n", r":8: schedule.cron: .*no day is ever"),
    (GOOD + "schedule: {cron: '0 2 31 2 *', timezone: Europe/Paris}\n", r":8: schedule.cron: .*no day is ever"),
    (GOOD + "schedule: {cron: '0 2 * * *', timezone: Mars}\n", r":8: schedule.timezone: 'Mars' is no time zone"),
    (GOOD + "evaluations: {cron: weekly}\n", r":8: evaluations.cron: a cron line has five fields"),
    (GOOD + "evaluations: {cron: '0 4 * * *', qrels: q.tsv}\n", r":8: evaluations: .*there are none"),
    (GOOD + "metadata: {year: time}\n", r":8: metadata.year: expected 'string', 'integer'.*; came 'time'"),
    (GOOD + "metadata: {text: string}\n", r":8: metadata: metadata field 'text' has the name of a column"),
    (GOOD.replace("notes", "my notes", 1), r":1: name: .*; came 'my notes'"),
    (GOOD.replace("./docs", "${NO_SUCH_VARIABLE}"), r":5: sources\[0\].uri: the environment variable NO_SUCH_VARIABLE"),
    (GOOD.replace("models:", "models: ["), r": not valid YAML"),
    (GOOD + "  - sentence-transformers/all-MiniLM-L6-v2\n", r"two models have the name 'all-minilm-l6-v2'"),
    ("- just\n- a list\n", r"expected keys such as name"),
    ("", r"an empty file"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_wrong_file_is_explained(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "corpus.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=message) as caught:
        load_corpus(file)
    assert str(file) in caught.value.message


@pytest.mark.parametrize(
    "cron",
    [
        "0 2 * * *",
        "0 2 * * 5#2",
        "*/15 8-18 * * mon-fri",
        "0 0 1 JAN,jul *",
        "30 4 29 2 *",
        "0 2 L * *",
        "0 2 * * sun",
        "5 0 * * 7",
    ],
)
def test_cron_lines_that_come_true_are_taken_by_prefect_too(tmp_path: Path, cron: str) -> None:
    from prefect.client.schemas.schedules import CronSchedule

    (tmp_path / "corpus.yaml").write_text(GOOD + f"schedule: {{cron: '{cron}'}}\n")
    schedule = load_corpus(tmp_path / "corpus.yaml").schedule
    assert schedule is not None
    assert CronSchedule(cron=schedule.cron).cron == cron


def test_files_of_an_evaluation_are_beside_the_corpus_file(tmp_path: Path) -> None:
    told = "{cron: '0 4 * * sun', queries: judged/queries.jsonl, qrels: judged/qrels.tsv}"
    (tmp_path / "corpus.yaml").write_text(GOOD + f"evaluations: {told}\n")
    found = load_corpus(tmp_path / "corpus.yaml").evaluations
    assert found is not None
    assert found.queries == str(tmp_path / "judged" / "queries.jsonl")
    assert found.qrels == str(tmp_path / "judged" / "qrels.tsv")


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "corpus.yaml").write_text(GOOD)
    with pytest.raises(ConfigurationError, match="no such file") as caught:
        load_corpus(tmp_path / "corpos.yaml")
    assert "corpus.yaml" in caught.value.hint


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "corpus.yaml").write_text(
        GOOD.replace("sentence-transformers/all-MiniLM-L6-v2", "./models/mine")
        + "chunking: {tokenizer: ./models/mine}\n"
    )
    corpus = load_corpus(tmp_path / "corpus.yaml")
    assert corpus.lake.uri == str(tmp_path / "lake")
    assert corpus.sources[0].uri == str(tmp_path / "docs")
    assert corpus.models[0].model == str(tmp_path / "models" / "mine")
    assert corpus.models[0].name == "mine"
    assert corpus.chunking.tokenizer == corpus.models[0].model


def test_a_reranker_is_found_as_models_are_and_a_service_s_is_no_path(tmp_path: Path) -> None:
    for said, model in [
        ("./cross", str(tmp_path / "cross")), ("cohere:rerank-v3.5", "cohere:rerank-v3.5"), ("a/b", "a/b"),
        ("{model: ./cross, seconds: 1}", str(tmp_path / "cross")),
    ]:  # fmt: skip
        (tmp_path / "corpus.yaml").write_text(
            GOOD + f"search: {{rerank: {said!r}}}\n".replace("'{", "{").replace("}'", "}")
        )
        found = load_corpus(tmp_path / "corpus.yaml").search.rerank
        assert found
        assert found.model == model


@pytest.mark.parametrize(
    "part", ["ask: {key_env: sk-hunter2}", "search: {rerank: {model: 'jina:x', key_env: sk-hunter2}}"]
)
def test_a_key_in_place_of_its_variable_s_name_is_told_and_not_shown(tmp_path: Path, part: str) -> None:
    (tmp_path / "corpus.yaml").write_text(f"{GOOD}{part}\n")
    with pytest.raises(ConfigurationError, match="expected the name of an environment variable") as caught:
        load_corpus(tmp_path / "corpus.yaml")
    assert "hunter2" not in caught.value.message


def test_secrets_are_used_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_S3_SECRET", "hunter2hunter2")
    (tmp_path / "corpus.yaml").write_text(
        GOOD.replace("uri: ./docs", "uri: s3://b/c\n    options: {secret: '${TEST_S3_SECRET}'}")
    )
    corpus = load_corpus(tmp_path / "corpus.yaml")
    assert corpus.sources[0].options == {"secret": "hunter2hunter2"}
    assert "hunter2" not in repr(corpus)
    assert redact("denied: hunter2hunter2") == "denied: ***"
    (tmp_path / "corpus.yaml").write_text(GOOD + "chunking: {size: '${TEST_S3_SECRET}'}\n")
    with pytest.raises(ConfigurationError) as caught:
        load_corpus(tmp_path / "corpus.yaml")
    assert "hunter2" not in caught.value.message
    assert "${TEST_S3_SECRET}" in caught.value.message


def test_the_published_schema_is_the_code_s(make_corpus: Callable[..., Path]) -> None:
    assert Path("configs/corpus.schema.json").read_text() == schema()
    known = json.loads(schema())["properties"]
    assert {"name", "sources", "models", "lake", "chunking"} <= set(known)
    assert load_corpus(make_corpus()).chunking.size == 256


@pytest.mark.parametrize("file", ["configs/demo.yaml", "configs/scifact.yaml"])
def test_an_editor_that_checks_by_the_schema_accepts_what_loads(file: str) -> None:
    from jsonschema import Draft202012Validator
    from ruamel.yaml import YAML

    validator = Draft202012Validator(json.loads(schema()))
    assert [error.message for error in validator.iter_errors(YAML(typ="safe").load(Path(file)))] == []
    wrong = {"name": "a", "sources": [], "models": [3], "lake": "lake"}
    assert {error.json_path for error in validator.iter_errors(wrong)} == {"$.sources", "$.models[0]"}


@pytest.mark.parametrize("name", ["utf-9", "hex", "undefined"])
def test_what_is_no_encoding_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no encoding"):
        Source.model_validate({"name": "s", "uri": "x", "encoding": name})
    assert Source.model_validate({"name": "s", "uri": "x", "encoding": "cp1252"}).encoding == "cp1252"
