"""A question in other words than the text, an answer in another notation: the model's answer is given and cited."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from lcagent import Reader
from tests.helpers import prose
from tests.test_unspaced import says

FORMS = [
    (
        unicodedata.normalize("NFD", "Bjørn Åsgård keeps it. His wife is Élise Müller."),
        "Élise Müller",
        "verbatim",
    ),
    ("The keeper is To\u200bra\u200d V\u200cik, born in 19\u206004.", "Tora Vik", "verbatim"),
    ('[{"name": "Bj\\u00f8rn \\u00c5sg\\u00e5rd", "role": "keeper"}]', "Bjørn Åsgård", "verbatim"),
    ("اِسْمُ الحَارِسِ مُحَمَّدٌ وَهُوَ مِنَ القَرْيَةِ.", "محمد", "verbatim"),
    ("料金は１２００円です。", "1200円", "verbatim"),
    ("سعر القارب ١٢٠٠ دينار.", "1200", "verbatim"),
    ("The fleet counted 450[1] boats.", "450[1]", "verbatim"),
    ("1902 | 4,350 | 4,020", "4,350", "verbatim"),
    ("Der Preis beträgt 1.250,75 € im Jahr.", "1250,75 Euro", "supported"),
    ("The contract was signed on 03.04.2021 in Oslo.", "3 April 2021", "supported"),
    ("The office closes at 17:00.", "5 pm", "supported"),
]
QUESTIONS = [
    "Who tends the lamp?",
    "Wer ist der Leuchtturmwärter?",
    "灯塔的看守人是谁？",
    "Who is the keepr of the ligth?",
    "Кто смотритель маяка?",
    "من هو حارس المنارة؟",
]


@pytest.mark.parametrize("strategy", ["direct", "memagent"])
@pytest.mark.parametrize(("text", "answer", "label"), FORMS)
def test_an_answer_in_another_form_is_cited_as_the_text_has_it(
    loopback, tmp_path: Path, strategy: str, text: str, answer: str, label: str
) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(whole := f"{prose(12)}\n\n{text}\n\n{prose(12, 1)}")
    server = loopback(window=4096, reply=says(answer, answer))
    with Reader(api_base=server.url, strategy=strategy, window=4096) as reader:
        given = reader.ask(path, "What does the text say?")
    assert given.status == "answered"
    assert [claim.support for claim in given.claims] == [label]
    assert any(cited.quote in text for cited in given.citations)
    assert all(cited.quote == whole[cited.char_start : cited.char_end] for cited in given.citations)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_in_other_words_than_the_text_is_answered(loopback, tmp_path: Path, question: str) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(
        f"{prose(400)}\n\nThe keeper of the light is Tora Vik, who came in 1904.\n\n{prose(400, 1)}"
    )
    server = loopback(window=4096, reply=says("Tora Vik", "Tora Vik"))
    with Reader(api_base=server.url, strategy="memagent", window=4096) as reader:
        given = reader.ask(path, question)
    assert (given.status, given.answer) == ("answered", "Tora Vik")
    assert [claim.support for claim in given.claims] == ["verbatim"]
