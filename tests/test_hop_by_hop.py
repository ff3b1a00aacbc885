"""Hop by hop: a step is looked up, its answer filled into the next, and every hop is cited."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lcagent import Answer, Reader, UsageError
from lcagent.agents import planner
from lcagent.documents import coverage, load
from tests.exploring import World
from tests.helpers import REPORT, examples, in_this_process, some_slow
from tests.killable import killed_at
from tests.librarian import Librarian, document
from tests.loopback import Loopback, Request
from tests.team import Team, inside

ASKED = "In which town was the director of the film Skerry born?"
STEPS = ["Who directed the film Skerry?", "In which town was #1 born?"]
FILLED = ["Who directed the film Skerry?", "In which town was Ada Brown born?"]
FIRST = "The film Skerry of 1931 was directed by Ada Brown."
SECOND = "Ada Brown was born in Tarn, the third of seven children."
SAYS = {FILLED[0]: ("Ada Brown", [FIRST]), FILLED[1]: ("Tarn", [SECOND]), ASKED: ("Tarn", [FIRST, SECOND])}
"""By question the answer, and the sentences that it takes."""


def looks_up(request: Request, steps: list[str] = STEPS) -> str:
    """A model that plans these steps, and answers what its passages say."""
    return Librarian(SAYS, steps=steps)(request)


def ask(server: Loopback, path: Path, question: str = ASKED, **options: Any) -> Answer:
    given = {"strategy": "direct", "direct": {"retrieve": True}, "window": server.window, **options}
    with Reader(api_base=server.url, **given) as reader:
        return reader.ask(path, question)


def asked(server: Loopback) -> list[str]:
    """What was looked up or answered, in order."""
    return [inside(r.text, "question")[0] for r in server.requests if "evidence" in r.text]


@pytest.mark.parametrize("profile", ["trusting", "cautious"])
def test_an_answer_is_filled_into_the_next_step_and_every_hop_is_cited(
    loopback, tmp_path: Path, profile: str
) -> None:
    path = document(tmp_path, SECOND, FIRST)
    server = loopback(window=2048, reply=looks_up)
    answer = ask(server, path, profile=profile)
    assert (answer.answer, answer.status) == ("Tarn", "answered")
    assert asked(server)[:2] == FILLED and asked(server)[-1] == ASKED
    assert [(hop.question, hop.answer) for hop in answer.hops] == [
        (FILLED[0], "Ada Brown"),
        (FILLED[1], "Tarn"),
    ]
    assert [[c.quote for c in hop.citations] for hop in answer.hops] == [[FIRST], [SECOND]]
    quotes = {c.number: c.quote for c in answer.citations}
    assert {FIRST, SECOND} <= {quotes[n] for n in answer.claims[-1].citations}
    assert [quotes[hop.citations[0].number] for hop in answer.hops] == [FIRST, SECOND]


def test_how_much_was_looked_up_is_told_and_nothing_more(loopback, tmp_path: Path) -> None:
    path = document(tmp_path, SECOND, FIRST)
    answer = ask(loopback(window=2048, reply=looks_up), path)
    told = answer.coverage
    assert told.chars_read == 0 and 0 < told.chars_looked_up < told.chars_total / 2
    assert told.sentence.startswith(
        f"looked up in {told.chars_looked_up:,} of {told.chars_total:,} characters"
    )
    report = load(REPORT)
    page = {page.number: page for page in report.pages}
    within, across = (page[3].start, page[3].start + 9), (page[5].end - 9, page[6].start + 9)
    seen = coverage(report, [], [within, across])
    assert seen.sentence() == "looked up in 3 of 22 pages; 1 page holds no text"
    first = (page[1].start, page[2].end)
    beside = coverage(report, [first], [within, first])
    assert beside.sentence() == "read 2 of 22 pages, looked up in 1 more; 1 page holds no text"
    assert beside.chars_looked_up == 9


def test_what_needs_an_answer_that_was_not_found_is_not_asked(loopback, tmp_path: Path) -> None:
    path = document(tmp_path, SECOND)
    steps = [*STEPS, "In which town was Ada Brown born?"]
    server = loopback(window=2048, reply=lambda request: looks_up(request, steps))
    answer = ask(server, path)
    assert [(hop.question, hop.answer) for hop in answer.hops] == [(FILLED[0], ""), (FILLED[1], "Tarn")]
    assert answer.status == "not_found"
    assert any("only what matches the question best was looked at" in w for w in answer.warnings)


def test_a_question_of_one_step_takes_one_look(loopback, tmp_path: Path) -> None:
    path = document(tmp_path, FIRST)
    server = loopback(window=2048, reply=lambda request: looks_up(request, FILLED[:1]))
    answer = ask(server, path, FILLED[0])
    assert (answer.answer, answer.hops, len(server.requests)) == ("Ada Brown", [], 2)


def test_documents_that_fit_are_read_whole(loopback, tmp_path: Path) -> None:
    path = document(tmp_path, SECOND, FIRST, sentences=20)
    server = loopback(window=4096, reply=looks_up)
    answer = ask(server, path)
    assert (answer.answer, len(server.requests)) == ("Tarn", 1)
    assert answer.coverage.chars_read == answer.coverage.chars_total


def test_the_error_of_what_does_not_fit_names_the_way_out(loopback, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        ask(loopback(window=2048, reply=looks_up), document(tmp_path), direct={})
    assert "direct.retrieve=true" in error.value.hint


def test_a_budget_that_ends_on_the_way_leaves_the_answering_call(loopback, tmp_path: Path) -> None:
    path = document(tmp_path, SECOND, FIRST)
    server = loopback(window=2048, reply=looks_up)
    answer = ask(server, path, max_calls=3)
    assert [hop.answer for hop in answer.hops] == ["Ada Brown"]
    assert (answer.usage.calls, asked(server)[-1]) == (3, ASKED)


def test_the_command_prints_the_steps(loopback, tmp_path: Path) -> None:
    path = document(tmp_path, SECOND, FIRST)
    server = loopback(window=2048, reply=looks_up)
    arguments = ["ask", str(path), ASKED, "--api-base", server.url, "--window", "2048"]
    arguments += ["--strategy", "direct", "--set", "direct.retrieve=true", "--home", str(tmp_path / "home")]
    done = in_this_process(*arguments)
    assert done.stdout == "Tarn [1][2]\n"
    lines = re.sub(r"\s+", " ", done.stderr)
    assert "step 1. Who directed the film Skerry? Ada Brown [" in lines
    assert "step 2. In which town was Ada Brown born? Tarn [" in lines


@pytest.mark.parametrize("step", some_slow([0, 1, 2, 3]))
def test_sigkill_at_every_step_repeats_no_call(loopback, tmp_path: Path, step: int) -> None:
    path = document(tmp_path, SECOND, FIRST)
    server = loopback(window=2048)
    arguments = ["ask", str(path), ASKED, "--api-base", server.url, "--window", "2048", "--json"]
    arguments += ["--strategy", "direct", "--set", "direct.retrieve=true", "--home", str(tmp_path / "home")]
    killed_at(step, server, arguments, looks_up)
    second = in_this_process(*arguments)
    assert second.exit_code == 0, second.stderr
    told = json.loads(second.stdout)
    assert (told["answer"], [hop["answer"] for hop in told["hops"]]) == ("Tarn", ["Ada Brown", "Tarn"])
    assert len(server.requests) == 4 + 1  # the one in the air


def test_a_graph_is_explored_with_what_the_plan_gave(loopback, tmp_path: Path) -> None:
    world = World([FIRST, SECOND], {FIRST: ["Skerry"], SECOND: ["Tarn"]}, "Tarn", [FIRST, SECOND], ["Skerry"])
    path = document(tmp_path, SECOND, FIRST, sentences=60)

    def says(request):
        if "steps" in request.schema["properties"] or "found" in request.schema["properties"]:
            return looks_up(request)
        return world(request)

    server = loopback(window=4096, reply=says)
    answer = ask(server, path, strategy="graphreader", graphreader={"segment_tokens": 64, "paths": 2})
    assert answer.answer == "Tarn"
    assert [hop.answer for hop in answer.hops] == ["Ada Brown", "Tarn"]
    visits = [r.text for r in server.requests if "useful" in r.schema["properties"]]
    assert visits and all("Who directed the film Skerry? Ada Brown" in text for text in visits)
    assert all("In which town was Ada Brown born?" in text for text in visits)
    quotes = {c.number: c.quote for c in answer.citations}
    assert {FIRST, SECOND} <= {quotes[n] for n in answer.claims[-1].citations}


@pytest.mark.parametrize("profile", ["trusting", "cautious"])
def test_a_round_of_members_has_what_no_segment_says_alone(loopback, tmp_path: Path, profile: str) -> None:
    """The sub-question takes two sentences that stand in different segments."""
    path = document(tmp_path, SECOND, FIRST, sentences=300)
    question = "Tell me of the town of the film's director."
    leads = [{"state": "NEW_STATE", "ask": ASKED}, {"state": "ANSWER", "ask": ""}]

    def says(texts: list[str], question: str) -> str:
        return "Tarn" if all(any(s in text for text in texts) for s in (FIRST, SECOND)) else ""

    server = loopback(window=2048, reply=Team(says, leads, final=says))
    answer = ask(server, path, question, strategy="longagent", direct={}, profile=profile)
    sub = [
        r
        for r in server.requests
        if "found" in r.schema["properties"] and inside(r.text, "question")[0] == ASKED
    ]
    assert len(sub) == (profile == "trusting")
    told = [hop.answer for hop in answer.hops if hop.question == ASKED]
    assert told == ["Tarn" if profile == "trusting" else ""]


TEXTS = st.text(alphabet="abc #123漢<>\n", min_size=1, max_size=300)


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(TEXTS, max_size=6),
    answers=st.lists(TEXTS, min_size=1, max_size=4),
    question=st.text(min_size=1, max_size=400).filter(str.strip),
    window=st.integers(1000, 2048),
)
def test_no_call_exceeds_the_window_whatever_is_planned(
    tmp_path_factory, steps: list[str], answers: list[str], question: str, window: int
) -> None:
    folder = tmp_path_factory.mktemp("w")
    path = document(folder, FIRST, sentences=200)

    def talks(request):
        if "steps" in request.schema["properties"]:
            return json.dumps({"core": "", "form": "", "asks": "fact", "steps": steps})
        return json.dumps({"found": "yes", "answer": answers[request.number % len(answers)]})

    with Loopback(window=window, reply=talks) as server:
        try:
            answer = ask(server, path, question, home=folder / "home")
        except UsageError:
            assert not server.requests  # refused before the first call
            return
        assert server.overruns == 0
        assert len(answer.hops) <= planner.MOST_STEPS


@given(st.lists(TEXTS, max_size=5), st.sets(st.integers(1, 5)))
@example(["#  1"], set[int]())
def test_steps_need_only_steps_before_them(steps: list[str], dropped: set[int]) -> None:
    kept = planner.without(steps, dropped)
    for number, step in enumerate(kept, 1):
        assert all(1 <= other < number for other in planner.references(step))
    assert len(kept) <= len(steps) - len(dropped & set(range(1, len(steps) + 1)))
    answers = {number: f"answer {number}" for number in range(1, len(kept) + 1)}
    for step in kept:
        filled = planner.filled(step, answers)
        assert filled is not None and not planner.references(filled)
