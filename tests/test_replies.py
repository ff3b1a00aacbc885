"""Replies that cannot be used as they came: cleaned, asked for once more, never replayed for ever."""

import json
from pathlib import Path

import pytest

from lcagent import Reader
from lcagent.errors import BudgetReached, CutReply, MalformedReply
from lcagent.models.streaming import StringField
from tests.helpers import clever, haystack
from tests.loopback import Loopback, Reply, Request

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
    assert (answer.answer, answer.status) == ("Oskar Brandvold \ufffd", "answered")


def test_two_halves_in_two_pieces_of_a_stream_are_one_character(loopback, document: Path) -> None:
    text = '"found": "yes", "answer": "Oskar Brandvold \ud83d\udea2"}'
    blank = " " * ((5 - text.index("\ud83d")) % 7)  # the loopback server streams seven characters at a time
    server = loopback(reply=lambda _: "{" + blank + text)
    with Reader(api_base=server.url) as reader:
        events = list(reader.stream(document, QUESTION))
    assert events[-1].answer.answer == "Oskar Brandvold 🚢"


def test_a_byte_of_the_question_that_is_no_utf8_is_shown_as_such(loopback, document: Path) -> None:
    server = loopback(reply=lambda _: '{"found": "yes", "answer": "Oskar Brandvold"}')
    answer = ask(server, document, "Who was the harbour master of Vell\udce9mere?")
    assert answer.status == "answered"
    assert "Vell\ufffdmere" in server.requests[0].text


GOOD = '{"found": "yes", "answer": "Oskar Brandvold"}'


@pytest.mark.parametrize(
    ("useless", "error"),
    [
        (Reply("I am sorry, here you go:"), MalformedReply),
        (Reply('{"found": "yes", "ans', "length"), CutReply),
    ],
)
def test_a_useless_reply_and_its_retry_are_asked_for_anew_by_the_same_command(
    loopback, document: Path, useless: Reply, error: type[Exception]
) -> None:
    server = loopback(reply=lambda request: useless if request.number < 4 else GOOD)
    for calls in (2, 4):
        with pytest.raises(error) as caught:
            ask(server, document)
        assert server.calls == calls
        assert "the same command asks again" in caught.value.hint
    answer = ask(server, document)
    assert (answer.answer, answer.usage.calls, answer.usage.replayed) == ("Oskar Brandvold", 5, 0)


def test_a_useless_reply_whose_retry_is_good_is_not_asked_for_again(loopback, tmp_path: Path) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(haystack(150))

    def once(request: Request) -> str:
        return "I am sorry" if request.number == 0 else clever(request)

    server = loopback(window=2048, reply=once)
    options = {"strategy": "memagent", "window": 2048}
    assert ask(server, path, max_calls=4, **options).status == "budget"
    assert ask(server, path, **options).status == "answered"
    keys = [request.key for request in server.requests]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("limit", "calls"), [({"max_calls": 1}, 1), ({"max_tokens": 10}, 0), ({"max_seconds": 1e-9}, 1)]
)
def test_no_retry_of_the_answering_call_goes_past_the_budget(
    loopback, document: Path, limit: dict[str, float], calls: int
) -> None:
    server = loopback(reply=lambda request: "I am sorry" if request.number == 0 else GOOD)
    with pytest.raises(BudgetReached) as caught:
        ask(server, document, **limit)
    assert (server.calls, caught.value.exit_code) == (calls, 4)
    answer = ask(server, document)
    assert (answer.answer, answer.usage.calls, server.calls) == ("Oskar Brandvold", 2, 2)


def test_what_was_found_stands_in_for_an_answering_call_that_the_budget_left_no_retry(
    loopback, document: Path
) -> None:
    def finds(request: Request) -> str:
        if request.number == 1:
            return "I am sorry"
        fact = "The harbour master was Oskar Brandvold."
        said = {"relevant": "yes", "facts": [fact], "rationale": "", "answered": "yes"}
        return json.dumps({**said, "answer": "Oskar Brandvold", "confidence": "high"})

    server = loopback(reply=finds)
    answer = ask(server, document, strategy="mapreduce", max_calls=2)
    assert (answer.answer, server.calls) == ("Oskar Brandvold", 2)
    assert "surest single finding" in answer.warnings[0]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (r'{"found": "yes", "answer": "a \ud83d\ude00 \u00e9 b\\ \n c"}', "a \U0001f600 \u00e9 b\\ \n c"),
        (r'{"answer": "\\ud83d is no half"}', r"\ud83d is no half"),
        (r'{"answer": "half \ud83d, other half \ude00"}', "half \ufffd, other half \ufffd"),
        (r'{"answer": "so far \q"}', "so far "),
        (r'{"answer": "cut \u00', "cut "),
    ],
)
def test_a_streamed_field_is_passed_on_once_and_in_whole_characters(raw: str, text: str) -> None:
    pieces: list[str] = []
    field = StringField("answer", pieces.append)
    for character in raw:
        field(character)
    assert "".join(pieces) == text
    assert not any("\ud800" <= character <= "\udfff" for piece in pieces for character in piece)
