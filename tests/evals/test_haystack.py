"""The filling of a haystack, where counters are odd and paragraphs are odd."""

import re
from itertools import repeat
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcagent.errors import UsageError
from lcagent.evals.haystack import compose, cut
from lcagent.evals.tasks.hiding import bury, shuffled, slot_at, weave
from lcagent.evals.tasks.pool import Paragraph, Pool, Screen, forms, holds
from tests.helpers import examples
from tests.loopback import count

WORDS = ["the", "mill", "of", "Vellmere", "1874,", "ran.", "12,345", "757,", "and", "slowly", "was"]
PARAGRAPHS = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=8, max_size=120).map(" ".join), min_size=1, max_size=12
)
properties = settings(max_examples=examples(60), deadline=None, derandomize=True)


def dense(text: str) -> int:
    """Figures cost a token each: the proportion of characters to tokens changes all the time."""
    return len(re.findall(r"\d|[^\W\d]+|[^\w\s]|\n+", text)) + 1


@properties
@given(paragraphs=PARAGRAPHS, length=st.integers(300, 6000), seed=st.integers(0, 99))
@pytest.mark.parametrize("counter", [count, dense])
def test_any_paragraphs_fill_any_length(counter, paragraphs: list[str], length: int, seed: int) -> None:
    rng = Random(seed)
    hidden = ["Needle one stands here.", "Needle two stands there."]

    def stream():
        while True:
            yield from paragraphs

    made = compose(stream(), hidden, length, counter, lambda fillers: bury(fillers, hidden, rng))
    assert made.tokens == counter(made.text)
    assert abs(made.tokens - length) <= 0.02 * length
    assert [made.text[start:end] for start, end in made.spans] == hidden


@properties
@given(fillers=PARAGRAPHS, hidden=PARAGRAPHS, seed=st.integers(0, 99))
def test_spans_are_right_wherever_things_are_hidden(fillers, hidden, seed: int) -> None:
    rng = Random(seed)
    woven = weave(fillers, hidden, [rng.randint(0, len(fillers)) for _ in hidden])
    buried = bury(fillers, hidden, rng)
    for laid in (woven, buried):
        assert [laid.text[start:end] for start, end in laid.spans] == hidden
    assert list(buried.spans) == sorted(buried.spans)
    assert sorted(woven.text.split("\n\n")) == sorted(fillers + hidden)


def test_a_cut_ends_with_a_sentence_where_one_is_near() -> None:
    text = "One two three four. Five six seven eight. Nine ten eleven twelve."
    tokens = count("\n\n" + text[:41])
    for wanted in (tokens - 1, tokens, tokens + 1):
        piece = cut(text, wanted, count, slack=2.0, ratio=43 / tokens)
        assert piece == "One two three four. Five six seven eight."
    assert cut(text, 3, count, slack=0.0) == "One two"


def test_what_is_hidden_must_fit() -> None:
    with pytest.raises(UsageError, match="too short"):
        compose(repeat("Filler."), ["word " * 100], 50, count, lambda fillers: weave(fillers, ["x"], [0]))


def test_depths_are_measured_in_characters() -> None:
    fillers = ["a" * 100, "b" * 300, "c" * 100]
    assert [slot_at(fillers, depth) for depth in (0, 0.2, 0.33, 0.8, 1)] == [0, 1, 1, 2, 3]
    assert slot_at([], 0.5) == 0


def test_a_paragraph_that_is_cut_stays_last() -> None:
    assert all(shuffled(["a", "b", "c", "cut"], Random(seed))[-1] == "cut" for seed in range(9))
    assert shuffled([], Random(0)) == []


@pytest.mark.parametrize(
    ("text", "answer", "found"),
    [
        ("He lives in the U.S. now.", "US", True),
        ("from 661–750 on", "661", True),
        ("a singer/songwriter", "singer, songwriter", True),
        ("J.R.R. Tolkien wrote it", "J. R. R. Tolkien", True),
        ("the year 1993, or so", "1993", True),
        ("19930 pieces", "1993", False),
        ("Londoners", "London", False),
        ("1,234 men", "1234", True),
    ],
)
def test_an_answer_is_found_as_a_run_of_words(text: str, answer: str, found: bool) -> None:
    assert holds(forms(text), answer) is found


def test_a_screen_keeps_copies_and_answers_out() -> None:
    gold = Paragraph("1", "The Mill (novel)", "The Mill is a novel by Ole Brack, written in one winter.")
    screen = Screen([gold], ["Ole Brack", "no"])
    kept = [
        Paragraph("2", "the  mill, (Novel)", "Another text."),  # the same title
        Paragraph("3", "Mill", gold.body),  # the same text
        Paragraph("4", "Brack", "A man called Ole  Brack-Holm."),  # the answer
    ]
    assert not any(map(screen.lets, kept))
    assert screen.lets(Paragraph("5", "Ferries", "There is no bridge."))


def test_a_pool_repeats_itself_without_end_but_not_in_vain() -> None:
    paragraphs = [Paragraph(str(number), f"T{number}", f"Text {number}.") for number in range(5)]
    pool = Pool(paragraphs)
    stream = pool.stream(Random(0), Screen([], ["Text 3"]), first=paragraphs[:1])
    taken = [next(stream) for _ in range(12)]
    assert taken[0] == "T0: Text 0."
    assert sorted(taken[:4]) == [f"T{n}: Text {n}." for n in (0, 1, 2, 4)]
    assert sorted(taken[4:8]) == sorted(taken[8:12]) == sorted(taken[:4])
    with pytest.raises(UsageError, match="holds the answer"):
        next(pool.stream(Random(0), Screen([], ["Text"])))
