"""MapReduce with a real model on the CPU: a short text of four segments."""

from pathlib import Path

import pytest
from platformdirs import user_cache_path

from lcagent import Reader
from lcagent.agents.mapper import WHOLE
from lcagent.models.serving.weights import ensure

pytestmark = [pytest.mark.cpu_model, pytest.mark.timeout(900)]
PARTS = [
    "The ferry Aurelia was built at Tarn in 1911, for the crossing to Skarholm. Her engine came from a yard"
    " in the south and was never quite level.",
    "The weather that summer was dry. The fields by the river were mown twice, and the mill stood still from"
    " July to the first rain of September.",
    "The first master of the ferry was Captain Isolde Frey, who had sailed on whalers before. She kept a"
    " parrot on the bridge and would not have it spoken to.",
    "In the town hall of Vellmere the clock was repaired at last. The watchmaker asked for nine crowns and"
    " was given seven, with a promise of the rest.",
]


@pytest.fixture(scope="module")
def weights() -> Path:
    return ensure(None, models_dir=user_cache_path("lcagent") / "models", progress=lambda *_: None)


@pytest.fixture
def document(tmp_path: Path) -> Path:
    filler = " Of the rest of that year the book says little, and what it says is about the price of hay."
    path = tmp_path / "note.txt"
    path.write_text("\n\n".join(part + filler * 5 for part in PARTS))
    return path


def ask(weights: Path, document: Path, question: str, **options):
    mapreduce = {"segment_tokens": 160, **options}
    with Reader(model=str(weights), window=1536, strategy="mapreduce", mapreduce=mapreduce) as reader:
        return reader.ask(document, question)


def test_a_fact_is_found_and_cited(weights: Path, document: Path) -> None:
    answer = ask(weights, document, "Who was the first master of the ferry?")
    assert answer.coverage.segments_read == answer.coverage.segments_total >= 4
    assert answer.status == "answered"
    assert "Isolde Frey" in answer.answer
    assert any("Isolde Frey" in citation.quote for citation in answer.citations)


def test_a_summary_says_what_stands_there(weights: Path, document: Path) -> None:
    answer = ask(weights, document, WHOLE, mode="summary", words=60)
    assert answer.status == "answered"
    assert "ferry" in answer.answer.casefold()
    text = document.read_text()
    assert answer.citations
    assert all(text[c.char_start : c.char_end] == c.quote for c in answer.citations)
