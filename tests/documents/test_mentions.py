"""Names in a question that no text mentions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcagent.documents import unmentioned

TEXT = (
    "The harbour of Vellmere was built by Oskar Brandvold in the year of the great flood. "
    "Beyoncé sang there, and the Dodgers played in the town; the Norwegian guests of Mr. Said Ashour stayed in it."
)


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("Who built the harbour of Skarholm in the year of the flood?", ["Skarholm"]),
        ("In the harbour, what did Peter Bonetti's team of the town do?", ["Peter Bonetti"]),
        ("What did Harris W. Fawell do in the town?", ["Harris W. Fawell"]),
        ("The director Armando Iannucci was in the town. Who built it?", ["Armando Iannucci"]),
        (
            "In the harbour of Vellmere, what did the firm of Jens Brandvold build?",
            [],
        ),  # his surname is there
        ("Where did Beyonce sing in the town?", []),  # without the accent
        ("When did the Los Angeles Dogers play in the town?", []),  # a slip
        ("What is said of Norway in the text?", []),  # another ending
        ("Skarholm was built by the people of which town?", []),  # a sentence's first word is always capital
        ("Who was with NASA in the town in May?", []),  # short forms and months are written in many ways
        ("What Is The Budget Of The Skarholm Ferry?", []),  # a title
        ("WHO BUILT THE HARBOUR OF SKARHOLM?", []),
        ("Wer ist der Hafenmeister von Skarholm?", []),  # each noun has a capital
        ("Où est le port de Skarholm?", []),  # in another language than the text
        (
            "What did the Harbour Master, the Aunt of the guests, say in the town?",
            [],
        ),  # a capital makes no name
        ("What did Said Ashour's Aunt do in the town?", []),
        ("Was the harbour of the town built by a Catholic or an American?", []),
        ("According to the Report, was it built in the Middle Ages?", []),
        ("Wer war in dem Hafen von Skarholm?", []),  # in another language than the text
        ("Kto był w porcie Skarholm w mieście?", []),
        ("Кто был в порту Скархольм в этом городе?", []),
        ("¿Quién estaba en el puerto de Skarholm?", []),
        ("What was built in the town?\n\n(A) Skarholm in the sea\n(B) the Vellmere of old", []),
    ],
)
def test_only_what_is_surely_missing_is_told(question: str, missing: list[str]) -> None:
    assert unmentioned(question, [TEXT]) == missing


def test_any_of_several_texts_may_mention_a_name() -> None:
    question = "What did the harbour master of Skarholm say of the town?"
    assert unmentioned(question, [TEXT]) == ["Skarholm"]
    assert unmentioned(question, [TEXT, "SKARHOLM is an island."]) == []


@given(st.text(max_size=80), st.text(max_size=400))
def test_what_is_told_stands_in_the_question_and_not_in_the_text(question: str, text: str) -> None:
    for name in unmentioned(question, [text]):
        assert name in question
        assert name not in text
