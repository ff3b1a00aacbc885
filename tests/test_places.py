"""Values, numbers and statements of a model are found where they stand by themselves, or not at all."""

import pytest

from lcagent.documents import Document, Segment
from lcagent.memory.places import Places


def places(text: str) -> Places:
    return Places(Document("d.txt", text, (), "", "", "text"), 0, Segment(0, 0, len(text), 1))


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
    assert places(text).number(number, "How many tons?") == found


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
    assert places(text).value(value, "What is the key?") == found


BELL = "The bell of Vellmere was cast in 1871. It weighs twelve tons. Oskar Brandvold rang it first."


@pytest.mark.parametrize(
    ("said", "placed", "quotes"),
    [
        (BELL[:59], BELL[:59], 2),
        ("The bell was cast in 1871, in Vellmere", "The bell was cast in 1871, in Vellmere", 1),
        (BELL[:39] + "Zebulon Quartermain stole the lamp.", BELL[:38], 1),
        ("The bell of Dr. Vellmere was cast.", "The bell of Dr. Vellmere was cast.", 1),
        ("Zebulon Quartermain stole it. He sold the lamp.", "", 0),
    ],
)
def test_each_sentence_of_a_statement_has_a_place_of_its_own(said: str, placed: str, quotes: int) -> None:
    found = places(BELL)
    assert found.note(said) == placed
    assert len(found.evidence) == quotes
