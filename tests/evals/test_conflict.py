"""The conflict task: what is planted, and what counts as right."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcagent.documents.corrections import corrects
from lcagent.evals.bench import Bench, Plan
from lcagent.evals.items import Cited, Item, Row
from lcagent.evals.scorers import score_row, sub_exact_match
from lcagent.evals.tasks import Request, generate
from lcagent.evals.tasks.conflict import KINDS
from lcagent.models.serving.session import ModelSession
from lcagent.settings import Settings
from tests.helpers import examples
from tests.loopback import count

properties = settings(max_examples=examples(25), deadline=None, derandomize=True)


def items(length: int = 2000, n: int = 12, seed: int = 0) -> list[Item]:
    return generate("conflict", Request(None, length, n, seed, count))


@properties
@given(length=st.integers(600, 9000), seed=st.integers(0, 10_000))
def test_each_kind_is_planted_as_it_says(length: int, seed: int) -> None:
    made = items(length, seed=seed)
    assert {item.category.split()[1] for item in made} == set(KINDS)
    for item in made:
        variant = item.category.split()[0]
        quotes = item.gold_texts()
        rest = item.text
        for quote in quotes:
            rest = rest.replace(quote, "")
        assert all(any(sub_exact_match(q, value) for q in quotes) for value in item.answers)
        assert not any(sub_exact_match(rest, value) for value in item.answers)
        if variant == "contradicted":
            assert (item.metric, item.match, len(quotes)) == ("conflict", "all", 2)
            assert item.answers[0] != item.answers[1]
            assert not any(corrects(quote) for quote in quotes)
            assert item.gold[0][1] < item.gold[1][0]
        else:
            assert (item.metric, item.match, len(quotes)) == ("sub_em", "any", 1)
            assert corrects(quotes[0]) == (variant == "corrected")


def test_half_of_the_items_contradict_themselves() -> None:
    variants = [item.category.split()[0] for item in items(n=40)]
    assert [variants.count(v) for v in ("contradicted", "corrected", "once")] == [20, 10, 10]


def test_the_two_sentences_stand_in_different_paragraphs() -> None:
    for item in items(n=20):
        if item.metric == "conflict":
            assert "\n\n" in item.text[item.gold[0][1] : item.gold[1][0]]


def row(prediction: str, status: str, quotes: tuple[str, ...] = (), **changes: object) -> Row:
    fields: dict[str, object] = {
        "task": "conflict",
        "item": "c-0",
        "length": 2000,
        "strategy": "s",
        "question": "How many?",
        "answers": ("314", "271"),
        "match": "all",
        "metric": "conflict",
        "category": "",
        "options": {},
        "gold": (),
        "gold_pages": (),
        "tokens": 2000,
        "prediction": prediction,
        "status": status,
        "citations": [
            Cited(page=None, char_start=0, char_end=1, quote=quote, verbatim=not quote.startswith("made up"))
            for quote in quotes
        ],
    }
    return Row.model_validate(fields | changes)


@pytest.mark.parametrize(
    ("given_row", "score"),
    [
        (row("314", "conflicting", ("It has 314 steps.", "It has 271 steps.")), 1.0),
        (row("314 or 271", "conflicting"), 1.0),
        (row("314", "conflicting", ("It has 314 steps.",)), 0.0),  # only one of them is shown
        (row("314 or 271", "answered"), 0.0),  # but it was not seen to be a contradiction
        (row("314", "conflicting", ("made up: 271 steps.",)), 0.0),
        (row("3142 or 2710", "conflicting"), 0.0),
        (row("", "not_found"), 0.0),
        (row("314 or 271", "budget"), 0.0),
        (row("314 or 271", "conflicting", error="TimedOut"), 0.0),
    ],
)
def test_both_values_and_the_status_count(given_row: Row, score: float) -> None:
    assert score_row(given_row)["conflict"] == score


def test_a_control_is_scored_as_any_question() -> None:
    control = {"answers": ("271",), "match": "any", "metric": "sub_em"}
    assert score_row(row("271", "answered", **control))["sub_em"] == 1
    assert score_row(row("314", "answered", **control))["sub_em"] == 0
    assert "conflict" not in score_row(row("271", "answered", **control))


def test_the_bench_runs_it(loopback, tmp_path: Path) -> None:
    """A model that names the sentences that hold the answer: figures that differ are a conflict."""

    def finds(request) -> str:
        names = request.schema["properties"]
        if "found" in names:
            evidence = request.text.split("<evidence>")[-1].split("</evidence>")[0]
            line = next((x for x in evidence.split("\n") if " tower of " in x), "")
            figures = [word for word in line.rstrip(".").split() if word.isdigit()]
            return json.dumps({"found": "yes" if figures else "no", "answer": figures[0] if figures else ""})
        if "facts" in names:
            return json.dumps({"relevant": "no", "facts": [], "sufficient": "no", "next": ""})
        return json.dumps({"core": "", "form": "", "steps": []})

    server = loopback(reply=finds)
    settings = Settings(api_base=server.url, window=8192, home=tmp_path / "home")
    plan = Plan(("conflict",), (1500,), ("memagent", "segment"), n=4, seed=0, out=tmp_path / "out")
    bench = Bench(plan, settings, lambda _: None, lambda _: None)
    with ModelSession(settings) as session:
        rows = bench.run(session)
    assert len(rows) == 8 and not any(r.error for r in rows)
    assert {r.metric for r in rows} == {"conflict", "sub_em"}
    assert all(r.cost.overruns == 0 for r in rows)
