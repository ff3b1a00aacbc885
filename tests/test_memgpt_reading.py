"""MemGPT's strategy hands a question over that searching cannot answer: the documents are read within the run."""

import json
from pathlib import Path

import pytest

from lcagent import Answer, AnswerDelta, Reader
from tests.helpers import in_this_process, prose
from tests.killable import killed_at
from tests.loopback import Loopback, Request
from tests.reader import Case, CompetentReader
from tests.reader.cases import Hop

QUESTION = "Which vessel did the founder of Vellmere perish on?"
HOPS = (
    Hop("Vellmere goes back to Oskar Brandvold.", "Oskar Brandvold", "Who is the founder of Vellmere?"),
    Hop("The Anna Sofie carried him under.", "Anna Sofie", "What did they perish on?"),
)
"""No word of the second one is in its question, nor in any other that is put."""
CASE = Case(QUESTION, HOPS, "Anna Sofie", ("Anna Sofie",))
WINDOW = 4096


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "doc.txt"
    path.write_text(f"{HOPS[0].sentence}\n\n{prose(350)}\n\n{HOPS[1].sentence}\n\n{prose(80, 1)}")
    return path


def ask(server: Loopback, document: Path, question: str = QUESTION, **options: object) -> Answer:
    with Reader(strategy="memgpt", api_base=server.url, window=WINDOW, **options) as reader:
        return reader.ask(document, question)


def calls_function(request: Request) -> bool:
    return "send_message" in json.dumps(request.schema)


def test_what_searching_does_not_find_is_read_and_cited(loopback, document: Path) -> None:
    reader = CompetentReader([CASE])
    server = loopback(window=WINDOW, reply=reader)
    answer = ask(server, document)
    assert not reader.faults
    assert (answer.answer, answer.status) == ("Anna Sofie", "answered")
    assert {one.quote for one in answer.citations} == {hop.sentence for hop in HOPS}
    # What it cost is the answer's, what was read its coverage.
    agent = [request for request in server.requests if calls_function(request)]
    assert answer.usage.calls == server.calls > len(agent)
    assert answer.coverage.segments_read == answer.coverage.segments_total > 1
    assert any("everything" in step or "read" in step for step in answer.way)
    assert server.overruns == 0


def test_who_finds_it_by_searching_is_not_offered_it_before_and_reads_nothing(
    loopback, document: Path
) -> None:
    case = Case("Who is the founder of Vellmere?", HOPS[:1], "Oskar Brandvold")
    server = loopback(window=WINDOW, reply=CompetentReader([case]))
    answer = ask(server, document, case.question)
    assert (answer.answer, answer.usage.calls) == ("Oskar Brandvold", 2)
    assert "read_document" not in server.requests[0].text
    assert answer.coverage.segments_read == 0


@pytest.mark.slow
def test_a_reading_that_is_killed_anywhere_goes_on_and_repeats_no_finished_call(
    loopback, document: Path, tmp_path: Path
) -> None:
    reader = CompetentReader([CASE])
    whole = loopback(window=WINDOW, reply=reader)
    told = ask(whole, document, home=str(tmp_path / "whole"), concurrency=1)
    handed = max(n for n, one in enumerate(whole.requests) if calls_function(one) and n + 1 < whole.calls)
    assert handed + 4 < whole.calls
    arguments = ["ask", str(document), QUESTION, "--strategy", "memgpt", "--window", str(WINDOW)]
    for step in range(1, whole.calls):
        server = loopback(window=WINDOW, reply=reader)
        home = str(tmp_path / f"home{step}")
        given = [*arguments, "--api-base", server.url, "--home", home, "--set", "concurrency=1"]
        killed_at(step, server, given, reader)
        answer = ask(server, document, home=home, concurrency=1)
        assert answer.citations == told.citations and answer.answer == told.answer
        assert answer.usage.replayed == step, step
        assert set(server.keys) == set(whole.keys)
        assert not set(server.keys[:step]) & set(server.keys[step + 1 :])


def test_a_budget_that_ends_the_reading_gives_what_it_has_and_can_be_raised(loopback, document: Path) -> None:
    server = loopback(window=WINDOW, reply=CompetentReader([CASE]))
    needed = ask(server, document, home=str(document.parent / "other")).usage.calls
    spent = server.calls
    answer = ask(server, document, max_calls=needed - 3, concurrency=1)
    assert answer.status == "budget" and answer.usage.calls <= needed - 3
    assert any("budget" in warning for warning in answer.warnings)
    raised = ask(server, document)
    assert (raised.answer, raised.status) == ("Anna Sofie", "answered")
    assert len(server.keys[spent:]) == len(set(server.keys[spent:]))


def test_reading_is_bounded_and_what_it_answers_is_not_streamed(loopback, document: Path) -> None:
    def agent(request: Request) -> str:
        if not calls_function(request):
            return str(reads(request))
        offered = json.dumps(request.schema)
        if "read_document" in offered:
            asked = len(handed)
            handed.append(request)
            return json.dumps({"thought": "", "do": "read_document", "question": f"{asked}: {QUESTION}"})
        if not handed:
            query = {"query": "founder of Vellmere", "page": 1}
            return json.dumps({"thought": "", "do": "archival_memory_search", **query})
        return json.dumps({"thought": "", "do": "send_message", "known": "yes", "message": "It sank."})

    handed: list[Request] = []
    cases = [Case(f"{number}: {QUESTION}", HOPS, "Anna Sofie") for number in range(9)]
    competent = CompetentReader(cases)

    def reads(request: Request) -> object:
        return competent(request).text

    server = loopback(window=WINDOW, reply=agent)
    with Reader(strategy="memgpt", api_base=server.url, window=WINDOW) as reader:
        *events, finished = reader.stream(document, QUESTION)
    assert len(handed) == 2
    written = "".join(one.text for one in events if isinstance(one, AnswerDelta))
    assert written == finished.answer.answer == "It sank."


def test_explain_tells_how_the_documents_were_read(loopback, document: Path) -> None:
    server = loopback(window=WINDOW, reply=CompetentReader([CASE]))
    options = ["--strategy", "memgpt", "--api-base", server.url, "--window", str(WINDOW), "--explain"]
    done = in_this_process("ask", str(document), QUESTION, *options)
    assert done.exit_code == 0 and "Anna Sofie" in done.stdout
    assert "of 4 segments" in done.stderr or "segments" in done.stderr
