"""LongAgent with a real model on the CPU: a few members, of whom one holds the answer."""

from pathlib import Path

import pytest
from platformdirs import user_cache_path

from lcagent import Reader
from lcagent.models.serving.weights import ensure

pytestmark = [pytest.mark.cpu_model, pytest.mark.timeout(600)]
PARTS = [
    "The ferry Aurelia was built at Tarn in 1911. Her hull was of larch, and she carried forty passengers.",
    "The summer of that year was dry. The fields by the river were mown twice, and the mill stood still.",
    "Captain Isolde Frey was the first master of the ferry Aurelia. She came from the northern islands.",
    "The lighthouse on the western beach was painted white. Its keeper was Tobias Lund, a retired carpenter.",
    "The winter market was held on the ice. Bread, wool and herring were sold from sledges until dusk.",
]


@pytest.fixture(scope="module")
def weights() -> Path:
    return ensure(None, models_dir=user_cache_path("lcagent") / "models", progress=lambda *_: None)


def test_a_team_finds_what_one_member_holds(weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("\n\n".join(PARTS))
    options = {"strategy": "longagent", "longagent": {"segment_tokens": 64}, "window": 1024}
    with Reader(model=str(weights), **options) as reader:
        answer = reader.ask(path, "Who was the first master of the ferry Aurelia?")
    assert answer.coverage.segments_read == answer.coverage.segments_total >= 3
    assert "Isolde Frey" in answer.answer
    assert any("Isolde Frey" in citation.quote for citation in answer.citations)
    assert answer.status in {"answered", "conflicting"}
