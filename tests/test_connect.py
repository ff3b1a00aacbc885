"""Which server is asked, by what name, and what is said where none can be."""

import json

import pytest

from lcagent.errors import EndpointUnavailable, SettingsError
from lcagent.models.serving.connect import choose
from lcagent.models.serving.session import ModelSession
from lcagent.settings import Settings
from tests.helpers import in_this_process

OPEN = "openai/gpt-oss-20b"


@pytest.mark.parametrize(
    ("listed", "wanted", "asked"),
    [
        (OPEN, OPEN, OPEN),
        (OPEN, f"hosted_vllm/{OPEN}", OPEN),
        (OPEN, None, OPEN),
        ("gpt-oss-20b", OPEN, "gpt-oss-20b"),
        ("gpt-oss-20b", None, "gpt-oss-20b"),
        ("another", OPEN, "gpt-oss-20b"),
    ],
)
def test_a_given_server_is_asked_by_the_name_that_it_lists(loopback, listed, wanted, asked) -> None:
    choice = choose(Settings(api_base=loopback(model=listed).url, model=wanted))
    assert (choice.source, choice.model) == ("given", asked)


@pytest.mark.parametrize(
    ("listed", "source"), [(OPEN, "found"), ("gpt-oss-20b", "provider"), ("another", "provider")]
)
def test_a_server_here_that_lists_the_very_name_goes_before_the_provider(
    loopback, monkeypatch, listed: str, source: str
) -> None:
    monkeypatch.setattr("lcagent.models.serving.connect.LOCAL_BASE", loopback(model=listed).url)
    choice = choose(Settings(model=OPEN))
    assert (choice.source, choice.model) == (source, OPEN)


def test_a_providers_key_is_not_shown_to_a_server_here(loopback, monkeypatch) -> None:
    server = loopback(model=OPEN, api_key="secret")
    monkeypatch.setattr("lcagent.models.serving.connect.LOCAL_BASE", server.url)
    assert choose(Settings(model=OPEN, api_key="secret")).source == "provider"
    assert choose(Settings(model=f"hosted_vllm/{OPEN}", api_key="secret")).source == "found"


@pytest.mark.parametrize(("key", "said"), [(None, "wants a key"), ("wrong", "does not take the key")])
def test_a_server_that_wants_a_key_is_not_called_absent(loopback, key: str | None, said: str) -> None:
    server = loopback(api_key="secret")
    with pytest.raises(EndpointUnavailable, match=said) as caught:
        choose(Settings(api_base=server.url, api_key=key))
    assert "LCAGENT_API_KEY" in caught.value.hint


@pytest.mark.parametrize(
    "url", ["http://localhost:80a0", "http://[::1", "local\thost:8000", "ftp://localhost:8000"]
)
def test_what_is_no_url_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(SettingsError, match="is no URL") as caught:
        choose(Settings(api_base=url))
    assert "http://127.0.0.1:8000" in caught.value.hint


def test_doctor_tells_its_facts_where_the_endpoint_is_down(monkeypatch) -> None:
    monkeypatch.setenv("LCAGENT_API_BASE", "http://127.0.0.1:9")
    plain, coded = in_this_process("doctor"), in_this_process("doctor", "--json")
    assert plain.exit_code == coded.exit_code == 1
    assert "no model server answers at http://127.0.0.1:9" in plain.stdout
    assert "LCAGENT_API_BASE" in plain.stdout and "lcagent doctor" not in plain.stdout
    told = json.loads(coded.stdout)
    assert told["uses"] == "none" and "because" in told["facts"]["instead"] and "gpu" in told["facts"]


def test_the_reserve_for_reasoning_is_a_share_of_the_window_that_is_served(loopback) -> None:
    server = loopback(model="qwq-32b", window=2048)
    with ModelSession(Settings(api_base=server.url)) as session:
        opened = session.open(lambda _: None)
    assert (opened.window, opened.reasoning) == (2048, 2048 // 5)
    with (
        pytest.raises(SettingsError, match="half of the window"),
        ModelSession(Settings(api_base=server.url, reasoning_tokens=1500)) as session,
    ):
        session.open(lambda _: None)
