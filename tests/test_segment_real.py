"""SEGMENT+ and parallel rounds with the real model on the CPU: a short text, four to six segments."""

from pathlib import Path

import pytest
from platformdirs import user_cache_path

from lcagent import Reader
from lcagent.models.serving.weights import ensure

pytestmark = [pytest.mark.cpu_model, pytest.mark.timeout(900)]
ONE_HOP = "To which place did Captain Isolde Pellworth retire in 1920?"
TWO_HOPS = "In which town did the first master of the ferry Aurelia retire?"
TEXT = "\n\n".join(
    [
        "The ferry Aurelia was launched at Tarnholt in 1911. Her first master was Captain Isolde Pellworth,"
        " who commanded her for nine years.",
        *["The mill at Brackwater grinds oats and barley for the farms along the river, and its wheel was"
        f" mended {n} times in the last century." for n in range(3, 7)],
        "The library at Ravensund keeps four thousand maps of the coast, most of them drawn by hand.",
        *[f"Orchard number {n} on the hill above the village bears plums in even years and pears in odd"
        " ones, and the fruit is sold at the autumn market." for n in range(20, 24)],
        "Captain Isolde Pellworth retired to Karsholm in 1920, where she kept bees until her death.",
        *[f"In the winter of {year} the lake froze and the children of the town skated to school every"
        " morning." for year in range(1930, 1934)],
    ]
)  # fmt: skip


@pytest.fixture(scope="module")
def weights() -> Path:
    return ensure(None, models_dir=user_cache_path("lcagent") / "models", progress=lambda *_: None)


@pytest.mark.parametrize(
    ("options", "question"),
    [
        # Two hops from notes are beyond this model, most of the time.
        ({"strategy": "segment", "segment": {"segment_tokens": 128}}, ONE_HOP),
        (
            {"strategy": "memagent", "memagent": {"mode": "parallel", "rounds": 2, "segment_tokens": 128}},
            TWO_HOPS,
        ),
    ],
    ids=["segment", "parallel"],
)
def test_a_fact_among_segments_is_found_and_cited(
    weights: Path, tmp_path: Path, options: dict, question: str
) -> None:
    path = tmp_path / "note.txt"
    path.write_text(TEXT)
    with Reader(model=str(weights), window=1536, **options) as reader:
        answer = reader.ask(path, question)
    assert answer.status == "answered" and "Karsholm" in answer.answer
    assert 4 <= answer.coverage.segments_total == answer.coverage.segments_read <= 6
    assert any("Karsholm" in citation.quote for citation in answer.citations)
    assert all(TEXT[c.char_start : c.char_end] == c.quote for c in answer.citations)
