"""How an answer stands on the text shown: its label, the sentences cited, and what is said against it."""

import json
from pathlib import Path

import pytest

from lcagent import Answer, Reader

STATED = [
    ("2024", "It was signed on 2024-03-05."),
    ("2024", "It was signed on 5.3.2024."),
    ("March 5, 2024", "It was signed on 2024-03-05."),
    ("2024-03-05", "It was signed on the 5th of March 2024."),
    ("2024-03-05", "Signed: Mar. 5, 2024"),
    ("March 2024", "It was signed on 2024-03-05."),
    ("1945", "The war (1939-1945) ended."),
    ("1911", "in the 1911-12 season"),
    ("1939-1945", "from 1939 to 1945"),
    ("3", "They had three children."),
    ("21 boats", "There were twenty-one\nboats."),
    ("Three", "They had 3 children."),
    ("twenty-one", "The crew was 21."),
    ("1,500", "1500 tons of coal"),
    ("1500", "1,500 tons of coal"),
    ("4272429", "The values are 4136800,4272429."),
]
NOT_STATED = [
    ("500", "It weighed 1500 tons."),
    ("500", "It weighed 1,500 tons."),
    ("41368004272429", "The values are 4136800,4272429."),
    ("24", "It was signed on 2024-03-05."),
    ("April 5, 2024", "It was signed on 2024-03-05."),
    ("March 6, 2024", "It was signed on 2024-03-05."),
    ("2024-03-05", "It was signed in March 2024."),
    ("March 5, 2024", "It was signed on a 5 March."),
    ("1500200", "The values are 1500,200."),
    ("14", "pi is 3.14"),
    ("30", "The train left at 14:30."),
    ("1.2", "It runs version 1.2.3."),
    ("4", "They had three children."),
    ("3", "They had thirty-three children."),
    ("1940", "The war (1939-1945) ended."),
    ("Zebulon Quartermain", "The master was Oskar Brandvold."),
    ("no", "It was signed."),
    ("B", "It was signed."),
]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory):
    """Asks about a text a model that gives this reply."""
    from tests.loopback import Loopback

    folder = tmp_path_factory.mktemp("checks")
    with Loopback() as server:

        def once(text: str, question: str, reply: dict[str, str], **options) -> Answer:
            path: Path = folder / "doc.txt"
            path.write_text(text)
            server.reply = lambda _: json.dumps({"found": "yes", **reply})
            settings = {"api_base": server.url, "strategy": "direct", "home": folder / "home", **options}
            with Reader(**settings) as reader:
                return reader.ask(path, question)

        yield once


@pytest.mark.parametrize(("answer", "shown"), STATED)
def test_what_the_text_states_otherwise_is_supported(ask, answer: str, shown: str) -> None:
    given = ask(shown, "What is it?", {"answer": answer})
    assert (given.answer, given.status, given.warnings) == (answer, "answered", [])
    assert given.claims[0].support in {"verbatim", "supported"}
    assert shown.endswith(given.citations[0].quote)


@pytest.mark.parametrize(("answer", "shown"), NOT_STATED)
def test_what_the_text_does_not_state_is_carried_and_labelled(ask, answer: str, shown: str) -> None:
    given = ask(shown, "What is it?", {"answer": answer})
    assert (given.answer, given.status) == (answer, "answered")
    assert [claim.support for claim in given.claims] == ["inferred"]


@pytest.mark.parametrize(
    ("answer", "right"),
    [("He kept it for 28 years [1][2].", True), ("He kept it for 38 years [1][2].", False)],
)
def test_what_a_claim_reckons_is_reckoned_again_and_a_wrong_result_is_a_warning(
    ask, answer: str, right: bool
) -> None:
    text = "Oskar Brandvold became keeper in 1901.\n\nOskar Brandvold resigned in 1929."
    given = ask(text, "For how many years was Oskar Brandvold keeper?", {"answer": answer})
    assert (given.answer, given.status) == (answer.replace(" [1][2]", ""), "answered")
    assert [citation.quote for citation in given.citations] == text.split("\n\n")
    assert bool(given.warnings) != right


def test_a_contradiction_that_the_model_reports_is_told_with_both_sides(ask) -> None:
    text = "The old tower has 314 steps.\n\nOf steps, the tower counts no fewer than two hundred."
    reply = {"answer": "314 steps [1], or two hundred [2]", "conflict": "yes"}
    given = ask(text, "How many steps has the tower?", reply)
    assert given.status == "conflicting"
    assert len(given.citations) == 2


def test_marks_that_name_no_passage_are_text_and_those_that_do_are_renumbered(ask) -> None:
    text = "\n\n".join(
        f"The {name} of Vellmere is made of {of}." for name, of in zip("abc", "xyz", strict=True)
    )
    reply = {"answer": "It is made of z [3] and of x [1], see [77]."}
    given = ask(text.replace("The a", "The lamp"), "What is the lamp of Vellmere made of?", reply)
    assert "[77]" in given.answer and "[3]" not in given.answer and "[1]" not in given.answer
    assert {"[1]", "[2]"} <= {f"[{citation.number}]" for citation in given.citations}


@pytest.mark.parametrize("profile", ["auto", "cautious"])
def test_a_name_that_stands_nowhere_is_told_and_only_a_weak_model_withheld(ask, profile: str) -> None:
    text = "The harbour master of Vellmere was Oskar Brandvold."
    question = "Who was the harbour master of Skarholm?"
    given = ask(text, question, {"answer": "Oskar Brandvold"}, profile=profile)
    assert any("never mentions Skarholm" in warning for warning in given.warnings)
    assert given.status == ("answered" if profile == "auto" else "not_found")
