"""`embedlake ask` as a user types it, against a FAKE chat endpoint that speaks the real protocol; `search --rerank`."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.search.passage import Passages
from tasks.search.query import OpenLake
from tests.answer.endpoint import FakeChat, chunk
from tests.answer.passages import passage
from tests.machine.engine import quick, run_ingest

Typed = Callable[..., tuple[object, str, str]]
FOUND = Passages(
    [
        passage("The tide is written down [bold]twice[/bold] a day.\x1b[2J", title="Tides", headings=["Log"], page=3),
        passage("Nothing of it.", "docs:b"),
    ]
)


@pytest.fixture
def chat() -> Iterator[FakeChat]:
    made = FakeChat()
    yield made
    made.close()


@pytest.fixture
def corpus(tmp_path: Path, chat: FakeChat, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus whose searches find two passages, answered by the fake."""
    for name in ("URL", "MODEL", "KEY"):
        monkeypatch.delenv(f"EMBEDLAKE_ASK_{name}", raising=False)
    monkeypatch.setattr(OpenLake, "search", lambda *_, **__: FOUND)
    return corpus_file(tmp_path, ask={"url": chat.url, "model": "fake"})


def corpus_file(folder: Path, **more: Any) -> Path:
    (folder / "lake").mkdir(exist_ok=True)
    file = folder / "notes.yaml"
    about = {"name": "notes", "lake": "lake", "sources": [{"name": "docs", "uri": "docs"}], "models": ["some/model"]}
    file.write_text(json.dumps(about | more))
    return file


@pytest.fixture(autouse=True)
def _a_lake_without_a_folder(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "slow" not in request.keywords:
        monkeypatch.setattr("tasks.search.query.Lake", lambda corpus: None)


def test_an_answer_its_sources_and_what_it_cites_wrongly(typed: Typed, corpus: Path, chat: FakeChat) -> None:
    chat.says("Twice a day [1], says [link=x]it[/link] [9].\x1b[2J")
    code, out, err = typed("ask", corpus, "how often?")
    assert code == 0
    assert out.startswith("Twice a day [1], says [link=x]it[/link] [9?].␛[2J\n\n")
    assert "[1] Tides > Log  docs:a  page 3, characters 0–" in out
    assert "[2] docs:b  characters 0–14" in out
    assert "1 citation names no passage; they are marked: 9" in err


def test_one_json_value(typed: Typed, corpus: Path, chat: FakeChat) -> None:
    chat.says("Twice a day [1] [9].")
    code, out, err = typed("ask", corpus, "how often?", "--json")
    assert (code, err) == (0, "")
    value = json.loads(out)
    assert (value["answer"], value["cited"], value["unknown_citations"]) == ("Twice a day [1] [9?].", [1], ["9"])
    assert value["model"] == "fake"
    assert [source["number"] for source in value["sources"]] == [1, 2]
    assert "error" not in value
    assert "prompt" not in value


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_without_an_endpoint_it_shows_the_passages_and_the_prompt(typed: Typed, corpus: Path, form: list[str]) -> None:
    for arguments in ([corpus_file(corpus.parent), "how often?"], [corpus, "how often?", "--prompt"]):
        code, out, err = typed("ask", *arguments, *form)
        assert code == 0
        assert "[bold]twice[/bold] a day" in out
        assert "Question: how often?" in out
        assert "docs:b" in out
        assert ("EMBEDLAKE_ASK_URL" in err) == ("--prompt" not in arguments and not form)
        if form:
            assert json.loads(out)["answer"] is None


ENDS: dict[str, tuple[int, list[bytes], int, str]] = {
    "refusal": (200, [chunk(refusal="No."), chunk(finish="stop")], 10, "refuses to answer: No."),
    "cut": (200, [chunk("Twice a day [1]")], 10, "not whole"),
    "empty": (200, [chunk(finish="stop")], 10, "empty"),
    "wrong key": (401, [b'{"error": {"message": "bad key"}}'], 6, "refuses the key"),
    "rate limit": (429, [b"{}"], 6, "asks to wait 30 s"),
    "broken": (500, [b""], 6, "HTTP 500"),
    "no JSON": (200, [b"data: oops\n\n"], 6, "no JSON"),
}


@pytest.mark.parametrize("name", sorted(ENDS))
def test_every_bad_end_has_a_message_and_an_exit_code(typed: Typed, corpus: Path, chat: FakeChat, name: str) -> None:
    chat.status, chat.body, expected, message = ENDS[name]
    chat.headers = {"Content-Type": "text/event-stream", "Retry-After": "30"}
    code, out, err = typed("ask", corpus, "how often?")
    assert code == expected
    assert message in err
    assert "Traceback" not in err
    assert ("Twice a day [1]" in out) == (name == "cut")
    assert "[1] Tides" in out
    code, out, err = typed("ask", corpus, "how often?", "--json")
    assert (code, err) == (expected, "")
    value = json.loads(out)
    assert message in value["error"]["message"]
    assert value["answer"] == ("Twice a day [1]" if name == "cut" else "")


def test_a_key_is_never_shown(typed: Typed, corpus: Path, chat: FakeChat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDLAKE_ASK_KEY", "a-secret-of-some-length")
    chat.status, chat.body = 401, [b'{"error": {"message": "a-secret-of-some-length is wrong"}}']
    for form in ([], ["--json"]):
        code, out, err = typed("ask", corpus, "how often?", *form)
        assert code == 6
        assert "*** is wrong" in out + err
        assert "secret" not in out + err


def test_where_nothing_is_found_nobody_is_asked(
    typed: Typed, corpus: Path, chat: FakeChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenLake, "search", lambda *_, **__: Passages())
    assert typed("ask", corpus, "how often?") == (0, "Nothing found.\n", "")
    assert json.loads(typed("ask", corpus, "how often?", "--json")[1])["answer"] is None
    assert chat.requests == []


def test_a_reranker_that_failed_is_told(typed: Typed, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Passages(FOUND)
    found.note = "not reranked: too late"
    monkeypatch.setattr(OpenLake, "search", lambda *_, **__: found)
    monkeypatch.setattr(OpenLake, "search_many", lambda *_, **__: [found])
    for command in (["ask", corpus, "q", "--prompt"], ["search", corpus, "q"], ["search", corpus, "q", "--json"]):
        code, _, err = typed(*command)
        assert (code, err) == (0, "not reranked: too late\n")


@pytest.fixture
def stand_ins() -> Iterator[None]:
    """No Prefect, and encoders that know nothing."""
    with quick():
        yield


@pytest.mark.slow
def test_a_real_search_is_reranked_and_answered(
    stand_ins: None, tmp_path: Path, make_corpus: Callable[..., Path], tiny_cross_encoder: Path, typed: Typed,
    chat: FakeChat, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from sentence_transformers import CrossEncoder

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rerank = {"model": str(tiny_cross_encoder), "seconds": 600, "candidates": 6}
    file = make_corpus(search={"rerank": rerank}, ask={"url": chat.url, "model": "fake"})
    words = ["heron", "river", "stone", "lighthouse", "tide", "keeper", "mountain", "queue"]
    for i, word in enumerate(words):
        (tmp_path / "docs" / f"{i}.md").write_text(f"The {word} is told of here, and of the {words[i - 1]}.\n")
    run_ingest(file)
    query = "of which water is it told"
    plain, ranked = (
        json.loads(typed("search", file, query, "--json", "-n", 8, *more)[1]) for more in (["--no-rerank"], [])
    )
    expected = CrossEncoder(str(tiny_cross_encoder), device="cpu").predict([(query, p["text"]) for p in plain[:6]])
    best = sorted(range(6), key=lambda i: -expected[i])
    assert best != list(range(6))
    assert [p["chunk_id"] for p in ranked] == [plain[i]["chunk_id"] for i in [*best, 6, 7]]
    assert [p["scores"]["rerank"]["score"] for p in ranked[:6]] == pytest.approx([expected[i] for i in best], abs=1e-4)
    pages = [json.loads(typed("search", file, query, "--json", "-n", 3, "--offset", n)[1]) for n in (0, 3, 6)]
    assert [p["chunk_id"] for page in pages for p in page] == [p["chunk_id"] for p in ranked]
    assert "reranker: " in typed("search", file, query, "--explain")[1]
    chat.says("It is told [1].")
    code, out, _ = typed("ask", file, query, "-n", 2)
    assert code == 0
    assert out.startswith("It is told [1].\n\n[1] ")
    assert ranked[0]["text"].strip() in chat.requests[0][1]["messages"][1]["content"]
    broken = make_corpus(search={"rerank": {**rerank, "model": "/nowhere"}})
    code, out, err = typed("search", broken, query, "--json", "-n", 8)
    assert code == 0
    assert json.loads(out) == plain
    assert "not reranked: model '/nowhere'" in err
    assert typed("search", make_corpus(), query, "--rerank")[0] == 2
