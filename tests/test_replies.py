"""Replies that cannot be used as they came: cleaned, asked for once more, never replayed for ever."""

from pathlib import Path

import pytest

from lcagent import Reader
from tests.loopback import Loopback

QUESTION = "Who was the harbour master?"


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "doc.txt"
    path.write_text("The harbour master was Oskar Brandvold.\n")
    return path


def ask(server: Loopback, document: Path, question: str = QUESTION, **options):
    with Reader(api_base=server.url, **options) as reader:
        return reader.ask(document, question)


@pytest.mark.parametrize(
    "text",
    [
        '{"found": "yes", "answer": "Oskar Brandvold \\ud83d"}',  # an escape within the JSON
        '{"found": "yes", "answer": "Oskar Brandvold \ud83d"}',  # the character itself
    ],
)
def test_half_a_surrogate_pair_in_a_reply_is_shown_as_such(loopback, document: Path, text: str) -> None:
    answer = ask(loopback(reply=lambda _: text), document)
    assert (answer.text, answer.status) == ("Oskar Brandvold \ufffd", "answered")


def test_two_halves_in_two_pieces_of_a_stream_are_one_character(loopback, document: Path) -> None:
    text = '"found": "yes", "answer": "Oskar Brandvold \ud83d\udea2"}'
    blank = " " * ((5 - text.index("\ud83d")) % 7)  # the loopback server streams seven characters at a time
    server = loopback(reply=lambda _: "{" + blank + text)
    with Reader(api_base=server.url) as reader:
        events = list(reader.stream(document, QUESTION))
    assert events[-1].answer.text == "Oskar Brandvold 🚢"


def test_a_byte_of_the_question_that_is_no_utf8_is_shown_as_such(loopback, document: Path) -> None:
    server = loopback(reply=lambda _: '{"found": "yes", "answer": "Oskar Brandvold"}')
    answer = ask(server, document, "Who was the harbour master of Vell\udce9mere?")
    assert answer.status == "answered"
    assert "Vell\ufffdmere" in server.requests[0].text
