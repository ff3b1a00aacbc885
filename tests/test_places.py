"""Values and numbers that a model names are found where they stand by themselves, or not at all."""

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
