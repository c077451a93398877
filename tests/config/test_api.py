"""The keys of a corpus file for models behind an API."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.config.loading import load_corpus
from tasks.errors import ConfigurationError

Make = Callable[..., Path]


@pytest.mark.parametrize(("told", "budget"), [("20 USD", 20), (" 0.5USD", 0.5), (3, 3), (None, None)])
def test_a_budget_is_in_dollars(make_corpus: Make, told: Any, budget: float | None) -> None:
    assert load_corpus(make_corpus(budget=told)).budget == budget


@pytest.mark.parametrize("told", ["20 EUR", "much", 0, -1, "nan", "inf"])
def test_what_is_no_budget_is_refused(make_corpus: Make, told: Any) -> None:
    with pytest.raises(ConfigurationError, match="budget"):
        load_corpus(make_corpus(budget=told))


@pytest.mark.parametrize(
    "url", ["ftp://host", "host", "http://", "https://user:very-secret@host/v1", "https://host/v1?key=very-secret"]
)
def test_an_address_has_nothing_secret(make_corpus: Make, url: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        load_corpus(make_corpus(models=[{"model": "openai:m", "api": {"url": url}}]))
    assert "very-secret" not in error.value.message


def test_a_key_in_the_file_is_refused_and_not_repeated(make_corpus: Make) -> None:
    for wrong in ({"key_env": "sk-0123456789"}, {"key": "sk-0123456789"}):
        with pytest.raises(ConfigurationError) as error:
            load_corpus(make_corpus(models=[{"model": "openai:m", "api": wrong}]))
        assert "sk-0123456789" not in error.value.message + error.value.hint


def test_how_a_model_is_asked_changes_no_table(make_corpus: Make) -> None:
    plain, asked = (
        load_corpus(make_corpus(models=[{"model": "openai:m", **more}])).models[0]
        for more in ({}, {"api": {"url": "http://localhost:1/v1/", "tokens_per_minute": 5, "price": 1}})
    )
    assert json.dumps(plain.identity()) == json.dumps(asked.identity())
    assert asked.api is not None
    assert asked.api.url == "http://localhost:1/v1"
