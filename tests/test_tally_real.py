"""The text's own words, counted by code for a real small model on the CPU."""

from pathlib import Path

import pytest
from platformdirs import user_cache_path

from lcagent import Reader
from lcagent.evals.tasks import Request, generate
from lcagent.models.serving.weights import ensure

pytestmark = [pytest.mark.cpu_model, pytest.mark.timeout(1800)]


def test_the_most_common_words_of_a_list_are_all_found(tmp_path: Path) -> None:
    (item,) = generate("common-words", Request(None, 4000, 1, 0, lambda text: len(text) // 4))
    path = tmp_path / "list.txt"
    path.write_text(item.text)
    weights = ensure(None, models_dir=user_cache_path("lcagent") / "models", progress=lambda *_: None)
    with Reader(model=str(weights), window=2048, strategy="tally") as reader:
        answer = reader.ask(path, item.question)
    assert sum(f"{word}: " in answer.answer for word in item.answers) >= 8
    assert answer.usage.calls == 2
