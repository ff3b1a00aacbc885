"""What a member's reply amounts to, by the sentences that code finds for it; replies as a 1.5B model wrote
them."""

import json
from pathlib import Path

import pytest

from lcagent import Reader
from tests.loopback import Loopback

TEXT = (
    "The call sign of the station was LX9 Kilo Tango. Weather was sent to Vellmere at six, noon and six.\n\n"
    "The trustees of the Vellmere Navigation Fund paid for the profiler with a gift of 18,000 crowns.\n\n"
    "The station's library was lent 31 books by the seamen's mission at Vellmere."
)


@pytest.fixture(scope="module")
def server():
    with Loopback(window=2048) as running:
        yield running


@pytest.fixture
def says(server: Loopback, tmp_path: Path):
    """What the leader is told and the answer, where a member says something."""
    path = tmp_path / "a.txt"
    path.write_text(TEXT)

    def ask(question: str, profile: str, refuse: str, answer: str, fact: str = ""):
        def reply(request):
            names = request.schema["properties"]
            if "refuse" in names:
                return json.dumps({"refuse": refuse, "answer": answer, "fact": fact})
            if "state" in names:
                return json.dumps({"state": "ANSWER", "several": "no", "ask": ""})
            return json.dumps({"found": "yes", "answer": answer or "nothing"})

        server.reply = reply
        server.requests.clear()
        options = {"strategy": "longagent", "profile": profile, "window": server.window}
        with Reader(api_base=server.url, **options) as reader:
            given = reader.ask(path, question)
        led = [r.text for r in server.requests if "state" in r.schema["properties"]]
        return led[-1].split("Answered: ")[-1].splitlines()[0], given

    return ask


@pytest.mark.parametrize(
    ("question", "answer", "fact", "quote"),
    [
        (
            "Who paid for the profiler?",
            "the trustees of the Vellmere Navigation Fund",
            "The trustees of the Vellmere Navigation Fund paid for the profiler with 18,000 crowns.",
            "The trustees of the Vellmere Navigation Fund paid",
        ),
        (  # the fact is another sentence than the answer's
            "What is the call sign of the station?",
            "LX9 Kilo Tango",
            "Weather was sent to Vellmere at six, noon and six.",
            "The call sign of the station was LX9",
        ),
    ],
)
@pytest.mark.parametrize(("refuse", "profile"), [("yes", "cautious"), ("no", "cautious"), ("no", "trusting")])
def test_an_answer_that_its_quote_holds_counts_of_a_weak_model_beside_a_refusal(
    says, question, answer, fact, quote, refuse, profile
) -> None:
    told, given = says(question, profile, refuse, answer, fact)
    assert told == f'"{answer}"'
    assert given.status == "answered" and given.warnings == []
    assert given.citations[0].quote.startswith(quote)


@pytest.mark.parametrize(
    ("answer", "fact"),
    [
        ("", "The station called for help."),
        ("none", "none"),
        ("N/A", ""),
        ("The answer", ""),
        ("not mentioned in the text", ""),
        ("the station", "The station's library was lent 31 books by the seamen's mission at Vellmere."),
        ("Zebulon Quartermain", "Zebulon Quartermain rowed the boat."),
    ],
)
def test_a_refusal_stands_where_code_cannot_vouch_for_the_answer(says, answer: str, fact: str) -> None:
    assert says("Who rowed the boat to Tarnvik?", "cautious", "yes", answer, fact)[0] == "nobody found it"


def test_a_refusal_of_a_believed_model_is_one(says) -> None:
    assert says("How many books were lent?", "trusting", "yes", "31")[0] == "nobody found it"


@pytest.mark.parametrize(
    ("question", "answer", "held"),
    [
        ("Who paid for the profiler?", "Zebulon Quartermain", False),
        ("How many books were lent?", "31", True),
        ("How many books were lent?", "32 books", False),
    ],
)
def test_an_invented_answer_has_no_sentence_of_its_own(says, question: str, answer: str, held: bool) -> None:
    told, given = says(question, "trusting", "no", answer)
    assert told == f'"{answer}"'  # a believed member is heard
    assert any("no sentence of its segment was found that holds" in w for w in given.warnings) != held
    assert given.claims[0].support == ("verbatim" if held else "inferred")
