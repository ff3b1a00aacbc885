"""What a member's reply amounts to, by what code can vouch for; replies as a 1.5B model wrote them."""

import pytest

from lcagent.agents.member import Held, MemberReply, weigh
from lcagent.documents import Document, Segment

TEXT = (
    "The call sign of the station was LX9 Kilo Tango. Weather was sent to Vellmere at six, noon and six.\n\n"
    "The trustees of the Vellmere Navigation Fund paid for the profiler with a gift of 18,000 crowns.\n\n"
    "The station's library was lent 31 books by the seamen's mission at Vellmere."
)
DOCUMENT = Document("a.txt", TEXT, (), "", "", "text")
HELD = Held(DOCUMENT, Segment(0, 0, len(TEXT), 99))


def weighed(question: str, refuse: str, answer: str, fact: str = ""):
    return weigh(MemberReply(refuse=refuse, answer=answer, fact=fact), question, [HELD])


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
@pytest.mark.parametrize("refuse", ["yes", "no"])
def test_an_answer_that_its_quote_holds_counts_beside_a_refusal(
    question, answer, fact, quote, refuse
) -> None:
    claim = weighed(question, refuse, answer, fact)
    assert claim.answer == answer
    assert claim.quote and claim.quote.supported and claim.quote.text.startswith(quote)
    assert TEXT[claim.quote.span.start : claim.quote.span.end] == claim.quote.text


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
def test_a_refusal_stands_where_code_cannot_vouch_for_the_answer(answer: str, fact: str) -> None:
    assert weighed("Who rowed the boat to Tarnvik?", "yes", answer, fact).answer == ""


def test_an_invented_answer_has_no_support_of_its_own() -> None:
    claim = weighed("Who paid for the profiler?", "no", "Zebulon Quartermain")
    assert claim.answer and claim.quote and not claim.quote.supported
    assert weighed("How many books were lent?", "no", "31").quote.supported
    assert not weighed("How many books were lent?", "no", "32 books").quote.supported
