"""What the answering call is shown, and what becomes of the marks in its answer; over the loopback server."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from lcagent import AnswerDelta, Finished, Reader, SegmentRead
from tests.helpers import NEEDLE, haystack, prose
from tests.helpers import QUESTION as ASKED
from tests.loopback import Loopback, Reply, Request
from tests.mapping import mark_of, passages_of
from tests.side_by_side import ask, role, segment_of
from tests.test_every_strategy import knows

MEMAGENT = {"strategy": "memagent"}
QUESTION = "Which cargo did each skipper land at Vellmere?"
NAMES = (
    "Aslak Brede Cato Dagny Eilif Frode Gerda Hallvard Ingrid Jorunn Knut Liv Magnus Njord Oddny Peder Ragna"
)
NAMES += " Sigrid Torstein Unni Vegard Wenche Ylva Asmund Bodil"
SKIPPERS = NAMES.split()
LANDED = [f"Skipper {name} landed {20 + n} barrels at Vellmere." for n, name in enumerate(SKIPPERS)]


@pytest.fixture(scope="module")
def server():
    with Loopback(window=2048) as running:
        yield running


@pytest.fixture(autouse=True)
def forgotten(server: Loopback) -> None:
    server.requests.clear()


def reads(facts: Sequence[str], answers: Callable[[Request], str | Reply], said: Callable[[str], str] = str):
    """A reader that finds those facts that stand in a segment, and says them in its way."""

    def reply(request: Request) -> str | Reply:
        if role(request) == "read":
            found = [said(fact) for fact in facts if fact in segment_of(request)]
            relevant = "yes" if found else "no"
            return json.dumps({"relevant": relevant, "facts": found, "sufficient": "no", "next": ""})
        if role(request) == "answer":
            return answers(request)
        return json.dumps({"core": QUESTION, "form": "", "asks": "list", "steps": [QUESTION]})

    return reply


def answered(answer: str, **more: str) -> str:
    return json.dumps({"found": "yes" if answer else "no", "answer": answer, **more})


def spread(path: Path, lines: Sequence[str], *, between: int = 8, seed: int = 0) -> Path:
    parts = [part for n, line in enumerate(lines) for part in (prose(between, seed + n), line)]
    path.write_text("\n\n".join([*parts, prose(between, seed + 99)]))
    return path


def last(server: Loopback) -> Request:
    return server.requests[-1]


def test_all_findings_are_shown_in_reading_order_with_their_sentences(server, tmp_path: Path) -> None:
    path = spread(tmp_path / "doc.txt", LANDED[:9], between=30)
    server.reply = reads(
        LANDED, lambda _: answered("nine"), said=lambda fact: fact.replace("landed", "brought")
    )
    answer = ask(server, path, QUESTION, **MEMAGENT)
    shown = passages_of(last(server))
    assert [part.split("]")[0] for part in shown] == [f"[{n}" for n in range(1, len(shown) + 1)]
    holding = [next(n for n, part in enumerate(shown) if line in part) for line in LANDED[:9]]
    assert holding == sorted(holding)
    for at, line in zip(holding, LANDED, strict=False):
        assert f"Noted: {line.replace('landed', 'brought')}" in shown[at]
    assert answer.coverage.segments_total > 1 and answer.warnings == []


def test_a_finding_without_a_place_brings_the_best_passages_of_its_segment(server, tmp_path: Path) -> None:
    place = "Die Ladung lag am Kai von Tarn."  # shares one word with what is said of it
    path = spread(tmp_path / "doc.txt", [LANDED[0], place, LANDED[1]], between=60)
    fact = "The goods of Tarn were twelve pianos for a school."

    def finds(request: Request) -> str | Reply:
        if role(request) == "read" and place in segment_of(request):
            return json.dumps({"relevant": "yes", "facts": [fact], "sufficient": "no", "next": ""})
        return reads([], lambda _: answered("twelve pianos"))(request)

    server.reply = finds
    answer = ask(server, path, "What did the cargo consist of?", **MEMAGENT)
    shown = last(server).messages[-1]["content"]
    assert f"Noted here, its sentence was not found: {fact}" in shown and place in shown
    assert (answer.answer, answer.claims[0].support) == ("twelve pianos", "inferred")


def test_what_readers_missed_is_filled_in_by_retrieval(server, tmp_path: Path) -> None:
    path = spread(tmp_path / "doc.txt", [*LANDED[:3], NEEDLE], between=60)
    server.reply = reads(LANDED, lambda r: answered("Oskar Brandvold" if NEEDLE in r.text else ""))
    answer = ask(server, path, "Who was the harbour master of Vellmere?", **MEMAGENT)
    assert (answer.answer, answer.status) == ("Oskar Brandvold", "answered")
    assert answer.citations[0].quote == NEEDLE
    assert all(any(line in part for part in passages_of(last(server))) for line in LANDED[:3])


def test_where_neighbours_do_not_fit_the_sentences_stand_alone(server, tmp_path: Path) -> None:
    """Each sentence in a paragraph of its own that takes twenty times its room."""
    path = tmp_path / "doc.txt"
    paragraphs = [
        f"{prose(4, n)} {line} {prose(4, n + 50)}".replace("\n\n", " ") for n, line in enumerate(LANDED)
    ]
    path.write_text("\n\n".join(paragraphs))
    server.reply = reads(LANDED, lambda _: answered("all"))
    ask(server, path, QUESTION, **MEMAGENT)
    assert "merge" not in {role(request) for request in server.requests}
    shown = last(server).messages[-1]["content"]
    assert all(line in shown for line in LANDED)
    assert sum(paragraph in shown for paragraph in paragraphs) < len(paragraphs) // 2
    assert server.overruns == 0


def test_a_list_of_25_things_comes_out_whole_each_with_its_source(loopback, tmp_path: Path) -> None:
    server = loopback(window=4096)
    path = spread(tmp_path / "doc.txt", LANDED)
    lines = [f"{name}: {20 + n} barrels" for n, name in enumerate(SKIPPERS)]

    def lists(request: Request) -> str:
        rows = zip(lines, LANDED, strict=True)
        return answered("\n".join(f"{line} {mark_of(landed, request)}" for line, landed in rows))

    server.reply = reads(LANDED, lists)
    answer = ask(server, path, QUESTION, **MEMAGENT)
    assert answer.answer == "\n".join(lines)
    assert [claim.text for claim in answer.claims] == lines
    quotes = {citation.number: citation.quote for citation in answer.citations}
    assert set(quotes.values()) == set(LANDED)
    for claim, landed in zip(answer.claims, LANDED, strict=True):
        assert landed in [quotes[number] for number in claim.citations]
        assert claim.support == "supported"


def streamed(server: Loopback, path: Path, **options) -> tuple[str, str]:
    """The text as it was streamed, and that of the answer."""
    with Reader(api_base=server.url, window=server.window, **{**MEMAGENT, **options}) as reader:
        events = list(reader.stream(path, QUESTION))
    told = "".join(event.text for event in events if isinstance(event, AnswerDelta))
    assert isinstance(events[-1], Finished)
    return told, events[-1].answer.text


def test_the_marks_of_a_streamed_answer_are_those_of_its_citations(server, tmp_path: Path) -> None:
    """The model names passages in an order of its own, one of them twice and one that does not exist."""
    path = spread(tmp_path / "doc.txt", LANDED[:4])

    def marks(request: Request) -> str:
        a, b, c, d = (mark_of(line, request)[1:-1] for line in LANDED[:4])
        return answered(
            f"Dagny landed 23 barrels [{d}]. Aslak and Brede landed 20 and 21 barrels [{a}, {b}].\n"
            f"Dagny came last [{d}], as stands in [99].\nCato landed 22 barrels [{c}]."
        )

    server.reply = reads(LANDED, marks)
    told, text = streamed(server, path)
    numbers = re.findall(r"\[(\d+)\]", told)
    assert numbers == ["1", "2", "3", "1", "99", "4"]
    answer = ask(server, path, QUESTION, **MEMAGENT)
    assert answer.text == text
    quotes = {citation.number: citation.quote for citation in answer.citations}
    assert [quotes[n] for n in (1, 2, 3, 4)] == [LANDED[3], LANDED[0], LANDED[1], LANDED[2]]
    for line, claim in zip(
        (told.split(". ")[0], told.splitlines()[-1]), answer.claims[:: len(answer.claims) - 1], strict=True
    ):
        assert int(re.findall(r"\[(\d+)\]", line)[0]) in claim.citations
    assert "as stands in [99]" in answer.answer  # the text's own brackets stay
    assert re.sub(r" ?\[\d\]", "", told) == answer.answer


def test_a_statement_that_rests_on_two_sentences_shifts_no_mark_of_a_later_one(
    server, tmp_path: Path
) -> None:
    first = "Aslak of Vellmere landed the barrels in spring. They were sold to the brewer Oddny."
    path = spread(tmp_path / "doc.txt", [first, LANDED[1]])

    def marks(request: Request) -> str:
        one, other = (mark_of(line, request) for line in (first, LANDED[1]))
        return answered(
            f"Aslak landed the barrels in spring, sold to the brewer Oddny {one}.\nBrede landed 21 {other}."
        )

    server.reply = reads([first, LANDED[1]], marks)
    told, text = streamed(server, path)
    assert told.endswith("Brede landed 21 [2].")
    quotes = {one.number: one.quote for one in ask(server, path, QUESTION, **MEMAGENT).citations}
    assert len(quotes) == 3 and quotes[2] == LANDED[1]
    assert text.endswith("Brede landed 21. [2]")


@pytest.mark.parametrize("conflict", ["yes", "no"])
def test_a_model_that_sees_a_conflict_is_believed(server, tmp_path: Path, conflict: str) -> None:
    path = spread(tmp_path / "doc.txt", LANDED[:2])
    server.reply = reads(LANDED, lambda _: answered("20 barrels, or 21", conflict=conflict))
    answer = ask(server, path, QUESTION, **MEMAGENT)
    assert answer.status == {"yes": "conflicting", "no": "answered"}[conflict]


@pytest.mark.parametrize("strategy", ["memagent", "mapreduce", "segment", "longagent", "direct"])
@pytest.mark.parametrize(
    ("style", "wish"),
    [("short", "as short as the question allows"), ("full", "in full sentences"), ("auto", "as long as the")],
)
def test_the_style_wished_for_reaches_the_prompt(server, tmp_path: Path, style, wish, strategy) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(LANDED[0])
    found = {"found": "yes", "answer": "20 barrels", "state": "ANSWER", "refuse": "no", "fact": LANDED[0]}
    found |= {"facts": [LANDED[0]], "relevant": "yes", "answered": "yes", "confidence": "high", "keep": "yes"}
    found |= {"core": QUESTION, "form": "", "steps": [], "sufficient": "no", "next": "", "reasoning": ""}
    server.reply = lambda r: json.dumps({k: v for k, v in found.items() if k in r.schema["properties"]})
    ask(server, path, QUESTION, strategy=strategy, style=style)
    prompt = last(server).messages[-1]["content"].split("</question>")[-1]
    assert f"in the language of the question, {wish}" in prompt


def test_of_a_reply_that_is_cut_what_can_be_read_is_answered(server, tmp_path: Path) -> None:
    path = spread(tmp_path / "doc.txt", LANDED[:3])
    cut = '{"found": "yes", "answer": "Aslak landed 20 barrels.\\nBrede landed 21 barrels.\\nCato landed 2'
    server.reply = reads(LANDED, lambda _: Reply(cut, "length"))
    answer = ask(server, path, QUESTION, **MEMAGENT)
    assert answer.answer == "Aslak landed 20 barrels.\nBrede landed 21 barrels."
    assert answer.status == "answered"
    assert any("as long as the window allows" in warning for warning in answer.warnings)
    assert {citation.quote for citation in answer.citations} >= set(LANDED[:2])


def test_memagent_reads_several_documents_side_by_side(server, tmp_path: Path) -> None:
    paths = [spread(tmp_path / f"{n}.txt", [line], between=60, seed=n) for n, line in enumerate(LANDED[:4])]
    served, latency = server.peak_in_flight, server.latency
    server.peak_in_flight, server.latency = 0, 0.05
    try:
        server.reply = reads(LANDED, lambda _: answered("\n".join(SKIPPERS[:4])))
        answer = ask(server, paths, QUESTION, **MEMAGENT)
        assert server.peak_in_flight == 4  # one call a document: within each the reading is in order
    finally:
        server.peak_in_flight, server.latency = served, latency
    assert {citation.document for citation in answer.citations} == {f"{n}.txt" for n in range(4)}
    calls = [r for r in server.requests if role(r) == "read"]
    assert len(calls) == answer.coverage.segments_total == answer.coverage.segments_read
    for line in LANDED[:4]:  # what one document says, the reader of another is not shown
        memories = [r.text.split("<memory>")[-1].split("</memory>")[0] for r in calls if "<memory>" in r.text]
        assert not any(
            line in memory and other in memory for memory in memories for other in LANDED if other != line
        )


@pytest.mark.parametrize("strategy", ["memagent", "mapreduce", "segment", "longagent"])
def test_what_a_segment_gave_is_told_as_it_is_read(loopback, tmp_path: Path, strategy: str) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(haystack(150))
    server = loopback(window=2048, reply=knows)
    with Reader(api_base=server.url, window=2048, strategy=strategy) as reader:
        events = [e for e in reader.stream(path, ASKED) if isinstance(e, SegmentRead)]
    assert sum(event.kept for event in events) == 1
    assert [event.done for event in events] == list(range(1, events[0].total + 1))
