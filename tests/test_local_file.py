"""`./lcagent.toml` may be anybody's: it sends nothing elsewhere before its reader has said yes to it."""

import json
from pathlib import Path

import pytest

from lcagent import Reader
from lcagent.errors import AccessRefused, SettingsError
from lcagent.settings import Settings, load_settings
from tests.helpers import QUESTION, clever, haystack, in_this_process

ELSEWHERE = [
    ("api_base = 'https://evil.example/v1'", "evil.example"),
    ("api_base = 'evil.example:8000'", "evil.example"),
    ("model = 'openai/gpt-4o'", "openai/gpt-4o"),
    ("api_key = 'theirs'", "api_key"),
    ("embed_base = 'evil.example:8001'", "evil.example"),
    ("home = '/srv/theirs'", "/srv/theirs"),
    ("tracing = true", "tracing"),
]
HARMLESS = (
    "window = 1111\nmodel = 'Qwen/Qwen3-8B'\ntokenizer = 'tokenizer.json'\n[memagent]\nmode = 'overwrite'"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lcagent.toml"


@pytest.mark.parametrize(("line", "named"), ELSEWHERE)
def test_what_sends_text_elsewhere_is_named_with_its_file_and_needs_a_yes(
    file: Path, monkeypatch, line: str, named: str
) -> None:
    monkeypatch.delenv("LCAGENT_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(file.parent / "data"))
    file.write_text(line)
    for read in (load_settings, Settings, Reader):
        with pytest.raises(SettingsError) as caught:
            read()
        assert str(file) in caught.value.message and named in caught.value.message
        assert "'theirs'" not in caught.value.message  # a key is no part of a message
        assert "--trust-config" in caught.value.hint
    name = line.split(" = ")[0]
    assert getattr(load_settings(trust_config=True), name)
    assert getattr(load_settings(), name)  # once is enough


def test_a_yes_holds_for_the_file_as_it_was(file: Path) -> None:
    file.write_text("api_base = 'https://one.example/v1'")
    assert load_settings(trust_config=True).api_base == "https://one.example/v1"
    file.write_text("api_base = 'https://two.example/v1'")
    with pytest.raises(SettingsError, match=r"two\.example"):
        load_settings()
    file.write_text("api_base = 'https://one.example/v1'")
    assert load_settings().api_base


def test_a_yes_is_kept_in_the_users_folder_for_the_user_alone(file: Path, home: Path) -> None:
    file.write_text("home = 'theirs'\napi_base = 'https://one.example/v1'")
    load_settings(trust_config=True)
    kept = home / "trusted.json"
    assert list(json.loads(kept.read_text())) == [str(file)]
    assert kept.stat().st_mode & 0o077 == 0
    assert not (file.parent / "theirs").exists()


def test_what_sends_nothing_needs_no_yes(file: Path) -> None:
    file.write_text(HARMLESS)
    settings = load_settings()
    assert (settings.window, settings.memagent.mode) == (1111, "overwrite")


def test_what_the_user_says_goes_first_and_needs_no_yes(file: Path, monkeypatch) -> None:
    file.write_text("api_base = 'https://evil.example/v1'\nmodel = 'openai/gpt-4o'\nwindow = 1111")
    monkeypatch.setenv("LCAGENT_API_KEY", "mine")
    settings = load_settings({"api_base": "http://127.0.0.1:8000"})
    assert (settings.api_base, settings.api_key, settings.window) == ("http://127.0.0.1:8000", "mine", 1111)


@pytest.mark.parametrize("source", ["variable", "flag"])
@pytest.mark.parametrize("line", ["api_base = 'https://one.example/v1'", "model = 'openai/gpt-4o'"])
def test_a_key_from_elsewhere_is_not_for_a_server_that_the_file_names(
    file: Path, monkeypatch, source: str, line: str
) -> None:
    file.write_text(line)
    if source == "variable":
        monkeypatch.setenv("LCAGENT_API_KEY", "mine")
    flags = {"api_key": "mine"} if source == "flag" else {}
    assert load_settings(flags, trust_config=True).api_key is None
    file.write_text(f"{line}\napi_key = 'its own'")
    assert load_settings(flags, trust_config=True).api_key == "its own"


def test_a_server_that_wants_a_key_is_told_where_it_may_come_from(file, loopback, monkeypatch) -> None:
    server = loopback(window=2048, reply=clever, api_key="mine")
    document = file.with_name("doc.txt")
    document.write_text(haystack(20))
    monkeypatch.setenv("LCAGENT_API_KEY", "mine")
    file.write_text(f"api_base = '{server.url}'")
    refused = in_this_process("ask", str(document), QUESTION, "--strategy", "memagent")
    assert isinstance(refused.exception, SettingsError) and "127.0.0.1" in refused.exception.message
    without = in_this_process("ask", str(document), QUESTION, "--strategy", "memagent", "--trust-config")
    assert isinstance(without.exception, AccessRefused) and "lcagent.toml" in without.exception.hint
    file.write_text(f"api_base = '{server.url}'\napi_key = 'mine'")
    done = in_this_process("ask", str(document), QUESTION, "--strategy", "memagent", "--trust-config", "-q")
    assert done.stdout.strip() == "Oskar Brandvold"


def test_a_provider_without_litellm_is_told_with_the_extra(monkeypatch) -> None:
    monkeypatch.setattr("lcagent.models.serving.connect.find_spec", lambda _: None)
    monkeypatch.setattr("lcagent.models.serving.connect.LOCAL_BASE", "http://127.0.0.1:9/v1")
    from lcagent.models.serving.connect import choose

    choice = choose(Settings(model="anthropic/claude"))
    assert (choice.source, choice.remedy) == ("none", "pip install 'lcagent[providers]'")
    assert "anthropic" in choice.why
    assert choose(Settings(model="microsoft/phi-4")).source != "provider"
