"""GraphReader with the real CPU model, over HTTP: a graph is extracted, explored, and asked once more."""

from pathlib import Path

import pytest
from platformdirs import user_cache_path

from lcagent import Reader
from lcagent.models.serving.weights import ensure
from tests.exploring import QUESTION
from tests.helpers import prose

pytestmark = [pytest.mark.cpu_model, pytest.mark.timeout(900)]

TEXT = f"""The Skarholm light

The Skarholm light was built by Oskar Brandvold in 1893. It stands on the eastern point of the island.

{prose(5)}

Oskar Brandvold was born in the town of Vellmere, where his father kept the ferry.
"""


@pytest.fixture(scope="module")
def weights() -> Path:
    return ensure(None, models_dir=user_cache_path("lcagent") / "models", progress=lambda *_: None)


def test_a_graph_is_built_once_and_explored(weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "light.txt"
    path.write_text(TEXT)
    options = {"model": str(weights), "window": 4096, "strategy": "graphreader"}
    with Reader(**options, graphreader={"paths": 1, "calls": 3, "segment_tokens": 200}) as reader:
        counts = reader.build(path)
        answer = reader.ask(path, QUESTION)
    assert counts["facts"] >= 2 and counts["nodes"] >= 4 and counts["unread"] == 0
    assert answer.status == "answered"
    assert "Vellmere" in answer.answer
    assert any("Vellmere" in citation.quote for citation in answer.citations)
    assert answer.usage.building is None  # the question built nothing
    assert answer.paths and answer.paths[0].steps
