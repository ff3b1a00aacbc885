"""Nothing of a run is posted to LangSmith, whatever the environment says, unless a setting asks for it."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lcagent import Reader
from tests.helpers import QUESTION, clever, haystack


class Listener:
    """Counts connections and bytes that arrive."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.arrived = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.arrived.set()
            peer.close()


@pytest.fixture
def listener(monkeypatch) -> Iterator[Listener]:
    from langsmith import utils

    heard = Listener()
    for name, value in {
        "LANGSMITH_TRACING": "true",
        "LANGCHAIN_TRACING_V2": "true",
        "LANGSMITH_API_KEY": "secret",
        "LANGSMITH_ENDPOINT": heard.url,
    }.items():
        monkeypatch.setenv(name, value)
    utils.get_env_var.cache_clear()
    yield heard
    heard.socket.close()
    monkeypatch.undo()
    utils.get_env_var.cache_clear()


def ask(loopback, tmp_path: Path, **options) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(haystack(60))
    server = loopback(window=2048, reply=clever)
    with Reader(api_base=server.url, window=2048, strategy="memagent", **options) as reader:
        assert reader.ask(path, QUESTION).answer == "Oskar Brandvold"


def flushed() -> None:
    """What had been queued for LangSmith by now has been tried."""
    from langchain_core.tracers.langchain import wait_for_all_tracers

    wait_for_all_tracers()


@pytest.mark.filterwarnings("ignore")  # langsmith's, of the listener that hangs up
def test_a_tracer_that_is_set_up_for_others_hears_nothing(loopback, tmp_path, listener: Listener) -> None:
    from langsmith.run_helpers import tracing_context

    ask(loopback, tmp_path)
    with tracing_context(enabled=True):  # the calling program's own
        ask(loopback, tmp_path)
    flushed()
    assert not listener.arrived.is_set()


@pytest.mark.slow  # langsmith tries for a while
@pytest.mark.filterwarnings("ignore")  # langsmith's, of the listener that hangs up
def test_a_setting_of_ours_lets_it_hear(loopback, tmp_path: Path, listener: Listener) -> None:
    ask(loopback, tmp_path, tracing=True)
    flushed()
    assert listener.arrived.wait(10)
