"""Scores worked out by hand, and what must hold for every text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcagent.documents.answers import normalise
from lcagent.evals.choices import chosen_letter
from lcagent.evals.items import Cited, Row
from lcagent.evals.scorers import rescored, score_row

OPTIONS = {"A": "the butler", "B": "Paris", "C": "Vitamin C", "D": "dark Paris"}


def row(prediction: str = "", answers: tuple[str, ...] = ("Paris",), **changes: object) -> Row:
    fields: dict[str, object] = {
        "task": "t",
        "item": "t-0",
        "length": 8192,
        "strategy": "reader",
        "question": "Where?",
        "answers": answers,
        "match": "any",
        "metric": "sub_em",
        "category": "",
        "options": {},
        "gold": (),
        "gold_pages": (),
        "tokens": 8000,
        "prediction": prediction,
        "status": "answered",
    }
    return Row.model_validate(fields | changes)


def cited(start: int, end: int, page: int | None = None, verbatim: bool = True) -> Cited:
    return Cited(page=page, char_start=start, char_end=end, quote="q", verbatim=verbatim)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("  The  Cat,\n a Dog!", "cat dog"),
        ("1,234", "1234"),
        ("1,234.5 kg", "1234.5 kg"),
        ("12,345,678", "12345678"),
        ("5.9", "5.9"),
        ("It was 5.9.", "it was 5.9"),
        (".5", "0.5"),
        ("4,7", "4 7"),
        ("1234567,7654321", "1234567 7654321"),
        ("$1,000", "1000"),
        ("€5", "5"),
        ("U.S.A.", "usa"),
        ("O’Brien's “Ulysses”", "obriens ulysses"),
        ("2019–2020", "20192020"),
        ("Paris—the capital", "paris capital"),
        ("caf\u0065\u0301", "café"),
        ("the", ""),
        ("?!", ""),
        ("", ""),
    ],
)
def test_normalise(text: str, normal: str) -> None:
    assert normalise(text) == normal


@pytest.mark.parametrize(
    ("prediction", "answers", "em", "f1", "sub_em"),
    [
        ("Paris", ("Paris",), 1, 1, 1),
        ("paris.", ("Paris",), 1, 1, 1),
        ("It is Paris.", ("Paris",), 0, 0.5, 1),  # 1 of 3 tokens, 1 of 1: 2 * 1 / (3 + 1)
        ("", ("Paris",), 0, 0, 0),
        (" .", ("Paris",), 0, 0, 0),
        ("the", ("the Paris",), 0, 0, 0),
        ("Par", ("Paris",), 0, 0, 0),
        ("Parisian", ("Paris",), 0, 0, 0),
        ("New York", ("New York City",), 0, 0.8, 0),  # never the other way round
        ("York New", ("New York",), 0, 1, 0),  # a run, not a bag
        ("I", ("Iceland",), 0, 0, 0),
        ("Iceland", ("I",), 0, 0, 0),
        ("yes", ("no",), 0, 0, 0),
        ("Yes, it does.", ("yes",), 0, 0.5, 1),
        ("no", ("no",), 1, 1, 1),
        ("nothing", ("no",), 0, 0, 0),
        ("1,234", ("1234",), 1, 1, 1),
        ("1234 people", ("1,234",), 0, 2 / 3, 1),
        ("1,234.5", ("12345",), 0, 0, 0),
        ("59", ("5.9",), 0, 0, 0),
        ("5.9 %", ("5.9",), 1, 1, 1),
        ("12345", ("1234",), 0, 0, 0),
        # a reference that normalises to nothing is compared as it stands
        ("the capital is Paris", ("the",), 0, 0, 0),
        ("The", ("the",), 1, 1, 1),
        ("a", ("the",), 0, 0, 0),
        ("", ("the",), 0, 0, 0),
        ("", ("",), 0, 0, 0),
        ("anything", ("",), 0, 0, 0),
        ("A.", ("A",), 1, 1, 1),
        ("A+", ("A",), 0, 0, 0),
        ("-", ("-",), 1, 1, 1),
        # several references: the best one
        ("the old mill", ("a new mill", "old mill", "barn"), 1, 1, 1),
        ("red red", ("red",), 0, 2 / 3, 1),  # each token as often as it stands in both
    ],
)
def test_text_scores(prediction: str, answers: tuple[str, ...], em: float, f1: float, sub_em: float) -> None:
    scores = score_row(row(prediction, answers))
    assert (scores["em"], scores["f1"], scores["sub_em"]) == (em, pytest.approx(f1), sub_em)


@pytest.mark.parametrize(
    ("prediction", "answer", "value"),
    [
        ("the light of the moon", "moon of the north", 4 / 6),  # light of moon / moon of north: 2 shared
        ("of in at", "moon of north in winter", 0),  # F1 is 0.5, but no key word is said
        ("red", "red blue green black white", 2 / 6),  # 1 of 5 key words is 0.2: not under it
        ("red", "red blue green black white pink", 0),  # 1 of 6 is
        ("no", "no", 1),  # nothing but stop words: they are the key words
        ("yes", "no", 0),
        ("the", "the", 1),
    ],
)
def test_f1_star(prediction: str, answer: str, value: float) -> None:
    scores = score_row(row(prediction, (answer,), metric="f1_star"))
    assert scores["f1_star"] == pytest.approx(value)


def test_recall_counts_the_references_that_stand_there() -> None:
    found = rescored(row("12, 345 and 1,678", ("12", "34", "1678"), match="all", metric="recall"))
    assert found.scores["recall"] == found.score == pytest.approx(2 / 3)
    assert found.scores["sub_em"] == 0
    assert score_row(row("1678 34 12", ("12", "34", "1678"), match="all"))["sub_em"] == 1
    # All values together are one reference: 4 tokens said, 3 wanted, 2 shared.
    assert found.scores["f1"] == pytest.approx(2 * 2 / (4 + 3))


@pytest.mark.parametrize(
    ("prediction", "letter"),
    [
        ("B", "B"),
        ("b", "B"),
        ("(B)", "B"),
        ("B)", "B"),
        ("B) Paris", "B"),
        ("B. It was Paris, as the diary says", "B"),
        ("Answer: B", "B"),
        ("answer: (b)", "B"),
        ("**Answer:** B", "B"),
        ("The correct answer is option B.", "B"),
        ("I choose B", "B"),
        ("Answer: A", "A"),
        ("The answer is A because he had the key", "A"),
        ("A man came", ""),  # an article is no choice
        ("the butler", "A"),
        ("Butler", ""),  # word for word
        ("Paris", "B"),
        ("It was dark Paris", "D"),  # the longer option, not the one within it
        ("Vitamin C", "C"),
        ("Answer: B. Vitamin C", "B"),  # a letter before a text
        ("A. the butler", "A"),
        ("A or B", ""),
        ("A, B", ""),
        ("Answer: A or B", ""),
        ("A) the butler\nB) Paris", ""),
        ("the butler in Paris", ""),
        ("E", ""),
        ("", ""),
        ("Bread", ""),
    ],
)
def test_chosen_letter(prediction: str, letter: str) -> None:
    assert chosen_letter(prediction, OPTIONS) == letter


def test_accuracy_takes_the_gold_as_letter_or_text() -> None:
    for gold in ("B", "(B)", "Paris"):
        asked = row("Answer: B", (gold,), metric="accuracy", options=OPTIONS)
        assert score_row(asked) == {"accuracy": 1}
        assert score_row(asked.model_copy(update={"prediction": "A or B"})) == {"accuracy": 0}
    assert score_row(row("(c)", ("C",), metric="accuracy")) == {"accuracy": 1}
    assert score_row(row("", ("C",), metric="accuracy")) == {"accuracy": 0}


def test_rouge_by_hand() -> None:
    pytest.importorskip("rouge_score")
    # Stems: cat sat on mat / the cat sat on the mat. 1-grams 4 shared of 4 and 6; 2-grams
    # cat-sat and sat-on of 3 and 5; longest common subsequence 4.
    answers = ("a dog", "the cat sat on the mat")
    scores = score_row(row("cats sat on mats", answers, metric="rouge_l"))
    assert scores["rouge_1"] == pytest.approx(0.8)
    assert scores["rouge_2"] == pytest.approx(0.5)
    assert scores["rouge_l"] == pytest.approx(0.8)
    assert "rouge_l" not in score_row(row("cats"))


@pytest.mark.parametrize(
    ("status", "error", "absent", "present"),
    [
        ("not_found", "", 1, 0),  # refused: right if absent; wrong if present, whatever the text says
        ("answered", "", 0, 1),
        ("conflicting", "", 0, 1),
        ("budget", "", 0, 0),
        ("failed", "", 0, 0),
        ("answered", "Timeout", 0, 0),
        ("not_found", "Timeout", 0, 0),
    ],
)
def test_status(status: str, error: str, absent: float, present: float) -> None:
    gone = rescored(row("Paris", (), status=status, error=error, metric="f1"))
    assert gone.scores == {"abstained": absent, "f1": absent}
    assert gone.score == absent
    there = rescored(row("Paris", status=status, error=error))
    assert {there.scores[name] for name in ("em", "f1", "sub_em", "f1_star")} == {present}
    # "abstained" asks an item that has answers for one of them.
    assert rescored(row("Paris", status=status, error=error, metric="abstained")).score == present


def test_citations_against_gold_spans() -> None:
    citations = [cited(90, 101), cited(0, 100), cited(150, 160, verbatim=False), cited(500, 510)]
    scores = score_row(row("Paris", citations=citations, gold=((100, 200), (300, 400))))
    assert scores["citation_precision"] == 0.75
    assert scores["citation_recall"] == 0.5  # the first span is touched, the second is not
    assert scores["citation_gold"] == 0.5  # 0:100 ends where the span begins


def test_citations_against_gold_pages() -> None:
    found = row("Paris", citations=[cited(0, 9, page=3), cited(0, 9, page=None)], gold_pages=(3, 4, 5))
    scores = score_row(found)
    assert scores["citation_recall"] == pytest.approx(1 / 3)
    assert scores["citation_gold"] == 0.5
    stopped = score_row(found.model_copy(update={"status": "budget"}))
    assert stopped.keys() == scores.keys()
    assert set(stopped.values()) == {0.0}


def test_citation_scores_are_left_out_where_nothing_defines_them() -> None:
    assert not {name for name in score_row(row("Paris")) if name.startswith("citation")}
    uncited = score_row(row("Paris", gold=((1, 2),)))
    assert uncited["citation_recall"] == 0
    assert "citation_precision" not in uncited
    assert "citation_gold" not in uncited


texts = st.text(st.sampled_from("abthe TI14.,-’— \n") | st.characters(codec="utf-8"), max_size=30)


@given(texts, st.lists(texts, min_size=1, max_size=3), st.sampled_from(["any", "all"]))
def test_scores_stay_between_0_and_1(prediction: str, answers: list[str], match: str) -> None:
    scores = score_row(row(prediction, tuple(answers), match=match, citations=[cited(0, 5)], gold=((2, 9),)))
    assert all(0 <= value <= 1 for value in scores.values())
    assert scores["f1_star"] <= scores["f1"]
    if not prediction.strip():
        assert scores["em"] == scores["f1"] == scores["sub_em"] == 0


@given(texts, texts, texts)
def test_a_reference_that_stands_in_the_prediction_as_tokens_is_found(
    before: str, gold: str, after: str
) -> None:
    if normalise(gold):
        assert score_row(row(f"{before} \n {gold} \n {after}", (gold,)))["sub_em"] == 1


@given(texts)
def test_normalising_twice_changes_nothing_that_counts(text: str) -> None:
    if text.strip():
        assert score_row(row(text, (text,)))["em"] == 1


@given(
    st.sampled_from("ABCD"),
    st.sampled_from(["{}", "({})", "{}.", "Answer: {}", "the answer is {}", "**{}**"]),
)
def test_a_letter_is_read_in_every_form(letter: str, form: str) -> None:
    assert chosen_letter(form.format(letter), OPTIONS) == letter
    assert chosen_letter(form.format(letter.lower()), OPTIONS) == letter
