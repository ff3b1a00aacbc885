"""`lcagent summarize`: one text, about as long as asked for, and the sentences that it rests on."""

import json
import subprocess
from pathlib import Path

import pytest

from lcagent import Reader
from tests.helpers import prose
from tests.killable import Command
from tests.loopback import Faults, Loopback
from tests.mapping import mapped, role, roles
from tests.side_by_side import segment_of

POINTS = [
    "The station at Skarholm was built in 1911 by the harbour board.",
    "Its first keeper, Marit Oksendal, measured the tides for nine years.",
    "A storm carried the gauge away in the winter of 1923.",
]
SUMMARY = (
    "The harbour board built a station at Skarholm in 1911. Marit Oksendal, the first keeper, measured tides "
    "for nine years. In 1923 a winter storm carried the gauge away."
)
MARKED = " ".join(f"{line.rstrip('.')}. [{n}]" for n, line in enumerate(SUMMARY.split(". "), 1))


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "doc.txt"
    path.write_text("\n\n".join([POINTS[0], prose(80), POINTS[1], prose(80, 1), POINTS[2], prose(80, 2)]))
    return path


def writes(request) -> str:
    if role(request) == "map":
        here = [point for point in POINTS if point in segment_of(request)]
        return mapped(here, "It tells of the station." if here else "")
    if role(request) == "collapse":
        shown = request.text.split("<findings>")[-1]
        facts = [point for point in POINTS if point in shown]
        return json.dumps(
            {"facts": facts or ["It tells of the station."], "rationale": "", "answered": "yes",
             "answer": "It tells of the station.", "confidence": "high"}
        )  # fmt: skip
    return json.dumps({"summary": SUMMARY})


def lcagent(*arguments: object) -> subprocess.CompletedProcess[str]:
    return Command(*arguments, environment={"COLUMNS": "100"}).told()


def summarize(server: Loopback, document: Path, *more: object) -> subprocess.CompletedProcess[str]:
    return lcagent("summarize", document, "--api-base", server.url, "--window", server.window, *more)


def test_stdout_carries_the_summary_alone(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=writes)
    done = summarize(server, document)
    assert (done.returncode, done.stdout) == (0, MARKED + "\n")
    assert all(point in done.stderr for point in POINTS)  # cited
    assert "about 200 words" in server.requests[-1].text
    quiet = summarize(server, document, "-q", "--stream", "--words", 80)
    assert (quiet.stdout, quiet.stderr) == (SUMMARY + "\n", "")
    assert "about 80 words" in server.requests[-1].text


def test_json_cites_what_each_sentence_rests_on(loopback, document: Path, tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    server = loopback(window=2048, reply=writes)
    done = summarize(server, document, "--json", "--about", "the tide gauge", "-o", out)
    answer = json.loads(done.stdout)
    assert json.loads(out.read_text()) == answer
    assert (answer["answer"], answer["status"], answer["strategy"]) == (SUMMARY, "answered", "mapreduce")
    text = document.read_text()
    assert [citation["quote"] for citation in answer["citations"]] == POINTS
    assert all(text[c["char_start"] : c["char_end"]] == c["quote"] for c in answer["citations"])
    assert answer["coverage"]["segments_read"] == answer["coverage"]["segments_total"]
    assert all("say about the tide gauge?" in r.text for r in server.requests)


def test_a_topic_that_is_nowhere_is_exit_status_3(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=lambda _: mapped([]))
    done = summarize(server, document, "--about", "the price of tin", "-q")
    assert (done.returncode, done.stdout) == (3, "The document does not say.\n")
    assert set(roles(server)) == {"map"}


def test_a_summary_of_everything_asks_no_segment_whether_it_is_relevant(loopback, document: Path) -> None:
    # A 1.5B model noted the points of every segment, and called each irrelevant to the whole.
    server = loopback(window=2048, reply=lambda r: writes(r).replace('"relevant": "yes"', '"relevant": "no"'))
    assert summarize(server, document, "-q").stdout == SUMMARY + "\n"
    assert summarize(server, document, "-q", "--about", "the tides").returncode == 3


def test_one_sentence_may_rest_on_several(loopback, document: Path) -> None:
    one = SUMMARY.replace(". Marit", ", where Marit").replace(". In 1923", ", until in 1923")
    server = loopback(window=2048, reply=lambda r: writes(r).replace(SUMMARY, one))
    answer = ask(server, document)
    assert answer.answer == one
    assert {citation.quote for citation in answer.citations} == set(POINTS)


def ask(server: Loopback, document: Path, **options):
    fixed = {"api_base": server.url, "strategy": "mapreduce", "window": server.window}
    with Reader(**fixed, mapreduce={"mode": "summary", **options}) as reader:
        return reader.ask(document, "What are the main points of this text?")


def test_a_figure_that_no_source_holds_is_told(loopback, document: Path) -> None:
    def errs(request):
        return writes(request).replace("1923", "1932")

    server = loopback(window=2048, reply=lambda r: errs(r) if role(r) == "summarise" else writes(r))
    answer = ask(server, document)
    assert answer.status == "answered"
    assert "figures that stand in no source: 1932" in answer.warnings


def test_notes_past_the_window_are_collapsed(loopback, tmp_path: Path) -> None:
    def noted(request) -> str:
        if role(request) == "map":  # of each segment another point, so that none repeats another
            paragraphs = segment_of(request).strip().split("\n\n")
            lines = [one for one in paragraphs if one in POINTS or one.endswith(POINTS[1])]
            return mapped(lines, "It tells of the station." if lines else "")
        return writes(request)

    blocks = [part for n in range(60) for part in (prose(10, n), f"In the log of day {n + 100}: {POINTS[1]}")]
    path = tmp_path / "long.txt"
    path.write_text("\n\n".join([*POINTS, *blocks]))
    server = loopback(window=1536, reply=noted)
    answer = ask(server, path, segment_tokens=200)
    assert roles(server).count("collapse") > 2
    assert (answer.answer, answer.status) == (SUMMARY, "answered")
    quotes = [citation.quote for citation in answer.citations]
    assert POINTS[0] in quotes and POINTS[2] in quotes and any(POINTS[1] in quote for quote in quotes)
    assert server.overruns == 0


def test_one_reply_in_three_malformed_and_the_last_one_always(loopback, document: Path) -> None:
    faults = Faults(every=3, kinds=("malformed", "cut", "500", "drop"))
    server = loopback(window=2048, reply=writes, faults=faults)
    assert ask(server, document).status == "answered"
    broken = loopback(window=2048, reply=lambda r: "{" if role(r) == "summarise" else writes(r))
    answer = ask(broken, document)
    assert all(point in answer.answer for point in POINTS)
    assert {citation.quote for citation in answer.citations} >= set(POINTS)
    assert any("these are the notes" in warning for warning in answer.warnings)


def test_a_summary_longer_than_the_window_allows_is_told(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=writes)
    answer = ask(server, document, words=3000)
    assert any("the window allows a summary of about" in warning for warning in answer.warnings)
    assert server.overruns == 0


def test_a_second_summary_reads_nothing_and_of_a_changed_document_only_what_changed(
    loopback, document: Path, home: Path
) -> None:
    server = loopback(window=2048, reply=writes)

    def asked(*more: object) -> tuple[dict, int]:
        before = len(server.requests)
        done = summarize(server, document, "--json", *more)
        assert done.returncode == 0, done.stderr
        new = server.requests[before:]
        return json.loads(done.stdout), sum(role(request) == "map" for request in new)

    first, read = asked("--words", 80)
    assert read == first["coverage"]["segments_total"] == first["usage"]["building"]["calls"]
    second, read = asked("--words", 60)
    assert (second["answer"], read, second["usage"]["building"]) == (SUMMARY, 0, None)
    assert second["coverage"] == first["coverage"]
    document.write_text(document.read_text() + "\n\nThe gauge was found again in 1931.")
    third, read = asked()
    assert third["answer"] == SUMMARY and 1 <= read <= 2 < third["coverage"]["segments_total"]
    listed = lcagent("works", "list")
    assert "summary notes" in listed.stdout
