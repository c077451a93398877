"""API keys: which are valid, and when."""

import os
from pathlib import Path

import pytest

from tasks.errors import ConfigurationError
from tasks.service import keys as module
from tasks.service.keys import ENVIRONMENT, Keys

FIRST, SECOND = "a" * 20, "b" * 20


def test_without_any_none_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    assert not Keys().wanted
    assert not Keys().valid(FIRST)


def test_keys_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, f" {FIRST}, {SECOND},")
    keys = Keys()
    assert keys.wanted
    assert keys.valid(FIRST)
    assert keys.valid(SECOND)
    assert not any(map(keys.valid, ("", "a" * 19, FIRST + "a", FIRST.upper(), "ключ" * 9, "\udc80" * 20)))


def test_a_key_of_a_file_is_revoked_without_a_restart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    monkeypatch.setattr(module, "_EVERY", 0.0)
    file = tmp_path / "keys"
    file.write_text(f"# of the team\n{FIRST}\n\n{SECOND}\n")
    keys = Keys(file)
    assert keys.valid(FIRST)
    assert keys.valid(SECOND)
    file.write_text(f"{SECOND}\n")
    assert not keys.valid(FIRST)
    assert keys.valid(SECOND)
    file.write_text("short\n")  # half written
    os.utime(file, ns=(1, 1))
    assert not keys.valid(SECOND)
    file.unlink()
    assert not keys.valid(SECOND)
    assert keys.wanted  # and so nobody is let in


def test_what_cannot_be_keys_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(ENVIRONMENT, "secret")
    with pytest.raises(ConfigurationError, match=f"{ENVIRONMENT} has fewer than 16 characters") as told:
        Keys()
    assert "secret " not in str(told.value)
    monkeypatch.delenv(ENVIRONMENT)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Keys(tmp_path / "none")
