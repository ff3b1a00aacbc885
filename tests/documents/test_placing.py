"""Values, numbers and statements of a model are found where they stand by themselves, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcagent.documents.placing import Placing


@pytest.mark.parametrize(
    ("text", "number", "found"),
    [
        ("The first ship carried 1500 tons.", "500", False),
        ("The first ship carried 1,500 tons.", "500", False),
        ("The first ship carried 500.25 tons.", "500", False),
        ("The first ship carried 1500 tons, the second 500.", "500", True),
        ("The loads were 4136800,4272429 tons.", "4272429", True),
        ("一共运了500吨煤。", "500", True),
    ],
)
def test_a_number_is_no_part_of_another(text: str, number: str, found: bool) -> None:
    spans = list(Placing(text).numbers(number, "How many tons?"))
    assert [text[s.start : s.end] for s in spans] == [number] * found


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("The key is 7f3a9c21-4be0-9d11-a2c4.", "f3a9c21-4be0-9d11-a2c", ""),
        ("The key is 7f3a9c21-4be0-9d11-a2c4.", "7f3a9c21-4be0-9d11-a2c4", "7f3a9c21-4be0-9d11-a2c4"),
        ("The key is old_gate_key.", "gate_key", ""),
        ("The master is Oskar\nBrandvold.", "Oskar Brandvold", "Oskar\nBrandvold"),
        ("他出生于东京，后来搬到大阪。", "东京", "东京"),
    ],
)
def test_a_value_is_whole(text: str, value: str, found: str) -> None:
    placed = Placing(text).value(value, "What is the key?")
    assert (text[placed[0].start : placed[0].end] if placed else "") == found


def test_of_several_numbers_the_one_that_is_asked_for_goes_first() -> None:
    text = "The mill has 12 boats. The harbour of Vellmere has 12 masts."
    spans = list(Placing(text).numbers("12", "How many masts has the harbour?"))
    assert [text[: s.start].count("12") for s in spans] == [1, 0]


BELL = [
    "The bell of Vellmere was cast in 1871.",
    "It weighs twelve tons.",
    "Oskar Brandvold rang it first.",
    "The hull of the ship was painted green.",
]


@pytest.mark.parametrize(
    ("said", "carriers"),
    [
        (f"{BELL[0]} {BELL[1]}", BELL[:2]),
        ("The bell was cast in 1871, in Vellmere", BELL[:1]),
        (f"{BELL[0]} Zebulon Quartermain stole the lamp.", BELL[:1]),
        ("The bell of Dr. Vellmere was cast.", BELL[:1]),
        ("Oskar Brandvold was the first to ring the bell of Vellmere", [BELL[0], BELL[2]]),
        ("the ship's hull is green", BELL[3:]),
        ("The bell of Vellmere was cast in 1872.", []),  # a figure that no sentence holds
        ("Zebulon Quartermain stole it. He sold the lamp.", []),
        ("", []),
    ],
)
def test_each_sentence_of_a_statement_has_carriers_of_its_own(said: str, carriers: list[str]) -> None:
    text = " ".join(BELL)
    assert [text[s.start : s.end] for s in Placing(text).carriers(said)] == carriers


def test_nothing_is_placed_outside_its_stretch() -> None:
    text = " ".join(BELL)
    start, end = text.index("It weighs"), text.index("The hull")
    placing = Placing(text, start, end)
    assert not placing.carriers(BELL[0]) and not placing.carriers(BELL[3])
    assert not list(placing.numbers("1871", "When was it cast?")) and placing.value("1871", "") is None
    (span,) = placing.carriers("Brandvold rang first")
    assert text[span.start : span.end] == BELL[2]


@given(
    said=st.lists(
        st.sampled_from([*BELL, "bell", "1871", "Oskar", "was cast in", "钟", "", "\ud83d", "</s>"])
    ),
    text=st.lists(st.sampled_from([*BELL, "\n\n", "bell", "钟。", "Dr.", "1871", " "])),
)
def test_carriers_are_sentences_of_the_text_in_order(said: list[str], text: list[str]) -> None:
    placing = Placing(" ".join(text))
    spans = placing.carriers(" ".join(said))
    assert set(spans) <= set(placing.sentences.spans)
    assert list(spans) == sorted(set(spans), key=lambda span: span.start)
