"""The shipped report, a real model on the CPU, the real HTTP path."""

import json
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from lcagent import Reader
from lcagent.many.columns import Column
from lcagent.models.serving.weights import ensure
from tests.helpers import REPORT

pytestmark = [pytest.mark.cpu_model, pytest.mark.timeout(1800)]
QUESTIONS = [q for q in json.loads((REPORT.parent / "questions.json").read_text()) if q.get("headline")][-1:]
"""One, so that the whole report is read once."""


@pytest.fixture(scope="module")
def weights() -> Path:
    return ensure(None, models_dir=user_cache_path("lcagent") / "models", progress=lambda *_: None)


@pytest.mark.parametrize("item", QUESTIONS, ids=lambda item: item["answers"][0])
def test_the_report_is_read_and_answered_with_a_true_page(weights: Path, item: dict) -> None:
    with Reader(model=str(weights), window=1536, strategy="memagent") as reader:
        answer = reader.ask(REPORT, item["question"])
    assert answer.status == "answered"
    assert any(accepted.casefold() in answer.answer.casefold() for accepted in item["answers"])
    assert answer.coverage.segments_read == answer.coverage.segments_total >= 8
    assert set(item["pages"]) & {citation.page for citation in answer.citations}


def test_a_fact_of_the_report_is_looked_up(weights: Path) -> None:
    with Reader(model=str(weights), window=1536) as reader:
        answer = reader.ask(REPORT, QUESTIONS[0]["question"])
    assert (answer.strategy, answer.status) == ("auto", "answered")
    assert any(accepted.casefold() in answer.answer.casefold() for accepted in QUESTIONS[0]["answers"])
    assert set(QUESTIONS[0]["pages"]) & {citation.page for citation in answer.citations}
    assert answer.way and answer.coverage.segments_read < answer.coverage.segments_total


def test_overwrite_mode_and_direct_on_the_real_model(weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text(
        "The ferry Aurelia was built at Tarn in 1911.\n\nHer first master was Captain Isolde Frey.\n\n"
        + "The weather that summer was dry, and the fields by the river were mown twice.\n\n" * 30
    )
    question = "Who was the first master of the ferry Aurelia?"
    with Reader(
        model=str(weights), window=1024, memagent={"mode": "overwrite"}, strategy="memagent"
    ) as reader:
        overwritten = reader.ask(path, question)
    assert "Isolde Frey" in overwritten.text
    with Reader(model=str(weights), window=2048) as reader:
        direct = reader.ask(path, question)
    assert direct.strategy == "direct"
    assert "Isolde Frey" in direct.text
    assert "Isolde Frey" in direct.citations[0].quote


def test_a_table_of_two_documents(weights: Path, tmp_path: Path) -> None:
    for name, year in (("Aurelia", 1911), ("Sofie", 1926)):
        (tmp_path / f"{name}.txt").write_text(f"The ferry {name} was built at Tarn in {year}.")
    columns = [Column("built", "In which year was the ferry built?", "int")]
    with Reader(model=str(weights), window=2048) as reader:
        table = reader.map(str(tmp_path / "*.txt"), columns, out=tmp_path / "boats.csv")
    assert [row.values["built"] for row in table] == [1911, 1926]
    assert [row.answers["built"].citations[0].char_start for row in table] == [0, 0]
