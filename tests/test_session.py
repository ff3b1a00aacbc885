"""A model server that has gone, or is another one by now, is found out at the next question."""

from pathlib import Path

import pytest

from lcagent import ChatSession, Reader
from lcagent.errors import EndpointUnavailable
from tests.chatting import agent
from tests.helpers import QUESTION, clever, haystack


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "doc.txt"
    path.write_text(haystack(60))
    return path


def test_a_server_that_came_back_as_another_is_asked_as_that(loopback, document: Path) -> None:
    first = loopback(window=4096, model="first", reply=clever)
    with Reader(api_base=first.url, strategy="memagent") as reader:
        assert reader.ask(document, QUESTION).model == "first"
        first.die()
        second = loopback(window=2048, model="second", port=first.port, reply=clever)
        assert reader.ask(document, QUESTION).model == "second"
    assert second.overruns == 0


def test_a_dead_server_is_told_and_another_choice_is_made(loopback, document: Path, monkeypatch) -> None:
    server = loopback(window=2048, reply=clever)
    monkeypatch.setattr("lcagent.models.serving.connect.LOCAL_BASE", server.url)
    with Reader(strategy="memagent") as reader:
        assert reader.ask(document, QUESTION).answer == "Oskar Brandvold"
        server.die()
        other = loopback(window=2048, model="other", reply=clever)
        monkeypatch.setattr("lcagent.models.serving.connect.LOCAL_BASE", other.url)
        assert reader.ask(document, QUESTION).model == "other"
    with Reader(api_base=server.url) as reader, pytest.raises(EndpointUnavailable, match="no model server"):
        reader.ask(document, QUESTION)


def test_a_chat_whose_server_failed_goes_on_with_what_stands_there_by_then(loopback) -> None:
    first = loopback(model="first", reply=agent)
    with ChatSession(api_base=first.url, timeout=0.5) as chat:
        chat.send("Hello.")
        first.die()
        with pytest.raises(EndpointUnavailable):
            chat.send("Are you there?")
        second = loopback(model="second", port=first.port, reply=agent)
        reply = chat.resume()
    assert reply is not None and "Are you there?" in reply.text
    assert second.requests[-1].body["model"] == "second"
