"""MemGPT's agent played by a real small model on the CPU: a document paged through, and two turns of a talk."""

from pathlib import Path

import pytest
from platformdirs import user_cache_path

from lcagent import ChatSession, Reader
from lcagent.models.serving.weights import ensure
from tests.helpers import NEEDLE, QUESTION, haystack

pytestmark = [pytest.mark.cpu_model, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def weights() -> str:
    return str(ensure(None, models_dir=user_cache_path("lcagent") / "models", progress=lambda *_: None))


def test_a_document_is_paged_through(weights: str, tmp_path: Path) -> None:
    path = tmp_path / "document.txt"
    path.write_text(haystack(60), encoding="utf-8")
    with Reader(model=weights, window=2048, strategy="memgpt", memgpt={"steps": 3}) as reader:
        answer = reader.ask(path, QUESTION)
    text = path.read_text(encoding="utf-8")
    assert 1 <= answer.usage.calls <= 8
    assert answer.status in {"answered", "not_found"}
    assert all(text[one.char_start : one.char_end] == one.quote for one in answer.citations)
    if answer.status == "answered":
        assert any(one.quote in NEEDLE or NEEDLE in one.quote for one in answer.citations)


def test_a_talk_is_answered_and_kept(weights: str) -> None:
    with ChatSession("talk", model=weights, window=2048, memgpt={"steps": 2}) as chat:
        first = chat.send("My sister Ida lives in Oslo.")
        second = chat.send("In which town does Ida live?")
        assert first.text and second.text
        assert [one.author for one in chat.history()] == ["user", "assistant", "user", "assistant"]
        assert chat.search("Ida Oslo").messages[0].text == "My sister Ida lives in Oslo."
        assert chat.why()["prompt"] < 2048
