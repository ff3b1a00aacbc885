"""MemAgent in parallel rounds over the loopback server."""

import json
from pathlib import Path

import pytest

from lcagent.memory.ledger import STRIDE
from lcagent.memory.store import Store
from lcagent.runs.records import Runs
from tests.helpers import NEEDLE, clever, haystack, prose, some_slow
from tests.loopback import Reply
from tests.mapping import passages_of
from tests.side_by_side import ask, killed_then_resumed, role, segment_of

PARALLEL = {"strategy": "memagent", "memagent": {"mode": "parallel"}}
FIRST = "The ferry Aurelia was built by the shipwright Isolde Frey."
SECOND = "Under a copper beech at Marrowby lies Isolde Frey, with her two brothers."
TWO_HOPS = "Where does the person who built the ferry Aurelia lie?"


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "doc.txt"
    path.write_text(haystack())
    return path


def memory_of(request) -> str:
    return request.text.split("<memory>")[-1].split("</memory>")[0] if "<memory>" in request.text else ""


def reads(server) -> list:
    return [r for r in server.requests if role(r) == "read"]


def reading(*facts: str, following: str = "") -> str:
    relevant = "yes" if facts else "no"
    return json.dumps({"relevant": relevant, "facts": facts, "sufficient": "no", "next": following})


def two_hops(request) -> str:
    """Sees the second hop only where its memory names the person."""
    if role(request) == "read":
        if FIRST in segment_of(request):
            return reading(FIRST, following="where Isolde Frey lies")
        if SECOND in segment_of(request) and "Isolde Frey" in memory_of(request):
            return reading(SECOND)
        return reading()
    if role(request) == "answer":
        found = SECOND in request.text
        return json.dumps({"found": "yes" if found else "no", "answer": "at Marrowby" if found else ""})
    return json.dumps({"core": TWO_HOPS, "form": "", "steps": [TWO_HOPS]})


def restless(request) -> str:
    """Finds another sentence in every round, and says which comes next."""
    if role(request) == "read":
        sentences = [s.strip() for s in segment_of(request).split(".") if len(s) > 20]
        number = (
            int(request.text.split("sentence number ")[-1].split()[0])
            if "sentence number" in request.text
            else 0
        )
        return reading(sentences[number], following=f"sentence number {number + 1}")
    return clever(request)


def rows(home: Path, run: str) -> list[dict]:
    store = Store(home / "lcagent.db")
    try:
        return Runs(store).findings(run)
    finally:
        store.close()


@pytest.mark.parametrize("at", [0.02, 0.5, 0.95])
def test_finds_a_fact_wherever_it_stands(loopback, tmp_path: Path, at: float) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(haystack(at=at))
    server = loopback(window=2048, reply=clever)
    answer = ask(server, path, **PARALLEL)
    assert (answer.answer, answer.status, answer.strategy) == ("Oskar Brandvold", "answered", "memagent")
    assert answer.citations[0].quote == NEEDLE
    total = answer.coverage.segments_total
    assert answer.usage.calls == server.calls == 2 * total + 2  # the second round finds nothing new
    assert answer.coverage.segments_read == total
    assert server.overruns == 0


def test_a_round_reads_all_segments_at_once_against_one_memory(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=clever, latency=0.05)
    answer = ask(server, document, **PARALLEL, concurrency=6)
    assert server.peak_in_flight == 6
    total = answer.coverage.segments_total
    first, second = reads(server)[:total], reads(server)[total:]
    assert {memory_of(r) for r in first} == {""}
    assert len({memory_of(r) for r in second}) == 1 and NEEDLE in memory_of(second[0])


def test_a_second_hop_is_found_by_the_second_round_alone(loopback, tmp_path: Path, home: Path) -> None:
    path = tmp_path / "doc.txt"
    path.write_text("\n\n".join([SECOND, prose(150), FIRST, prose(150, 1)]))
    server = loopback(window=2048, reply=two_hops)
    answer = ask(server, path, TWO_HOPS, **PARALLEL)
    assert (answer.answer, answer.status) == ("at Marrowby", "answered")
    assert SECOND in [c.quote for c in answer.citations]
    noted = {r["quote"]: r["seq"] for r in rows(home, answer.run_id) if r["op"] == "add"}
    assert noted == {FIRST: 0, SECOND: STRIDE}
    total = answer.coverage.segments_total
    assert all("where Isolde Frey lies" in r.text for r in reads(server)[total : 2 * total])
    assert len(reads(server)) == 3 * total  # the third round finds nothing new


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_there_is_a_last_round(loopback, document: Path, home: Path, rounds: int) -> None:
    server = loopback(window=2048, reply=restless)
    options = {"strategy": "memagent", "memagent": {"mode": "parallel", "rounds": rounds}}
    answer = ask(server, document, **options)
    assert len(reads(server)) == rounds * answer.coverage.segments_total
    keys = [(r["document"], r["segment"], r["seq"]) for r in rows(home, answer.run_id)]
    assert len(keys) == len(set(keys))
    assert {seq // STRIDE for _, _, seq in keys} == set(range(rounds))


def test_three_rounds_are_the_most_by_default(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=restless)
    answer = ask(server, document, **PARALLEL)
    assert len(reads(server)) == 3 * answer.coverage.segments_total


def test_nothing_found_is_not_looked_for_again(loopback, tmp_path: Path) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(prose(300))
    server = loopback(window=2048, reply=clever)
    answer = ask(server, path, **PARALLEL)
    assert answer.status == "not_found"
    assert len(reads(server)) == answer.coverage.segments_total


def test_early_exit_ends_the_rounds(loopback, document: Path) -> None:
    def sure(request):
        return clever(request).replace('"sufficient": "no"', '"sufficient": "yes"')

    server = loopback(window=2048, reply=sure)
    options = {"strategy": "memagent", "memagent": {"mode": "parallel", "early_exit": True}}
    answer = ask(server, document, **options)
    assert len(reads(server)) == answer.coverage.segments_total == answer.coverage.segments_read


def test_a_segment_never_read_is_told_and_one_read_later_is_not(
    loopback, document: Path, monkeypatch
) -> None:
    monkeypatch.setattr("lcagent.models.chat.ATTEMPTS", 2)
    sentences = prose(400).split(".")

    def refuses(request):
        never = role(request) == "read" and sentences[0] in request.text
        at_first = role(request) == "read" and sentences[-2] in request.text and not memory_of(request)
        return Reply("", status=500) if never or at_first else clever(request)

    answer = ask(loopback(window=2048, reply=refuses), document, **PARALLEL)
    assert (answer.answer, answer.status) == ("Oskar Brandvold", "answered")
    assert answer.coverage.segments_read == answer.coverage.segments_total - 1
    assert len(answer.coverage.skipped) == 1 and "segment 1" in answer.coverage.skipped[0]


@pytest.mark.parametrize("number", some_slow([3, 9, 40, 60]))
def test_sigkill_in_any_round_repeats_only_the_unfinished_calls(
    loopback, document: Path, tmp_path: Path, number: int
) -> None:
    server = loopback(window=2048, latency=0.02)
    options = ["--strategy", "memagent", "--set", "memagent.mode=parallel", "--set", "concurrency=4"]
    options += ["--set", "memagent.segment_tokens=300"]
    answer, first, second = killed_then_resumed(
        server, document, tmp_path / "home", options, at=lambda r: r.number == number, reply=clever
    )
    assert answer["answer"] == "Oskar Brandvold"
    assert answer["usage"]["calls"] == 2 * answer["coverage"]["segments_total"] + 2
    replayed = answer["usage"]["replayed"]
    assert number - 3 <= replayed <= number
    assert len(set(first) & set(second)) == len(first) - replayed
    assert len(second) == len(set(second)) == answer["usage"]["calls"] - replayed


def test_corrections_and_repetitions_among_rounds_are_seen(loopback, tmp_path: Path, home: Path) -> None:
    old = "The bell of Vellmere weighs 12 tons."
    new = "Correction: the bell of Vellmere weighs 14 tons."
    path = tmp_path / "doc.txt"
    path.write_text("\n\n".join([prose(60), new, prose(90, 1), old, prose(60, 2)]))

    def reads_late(request) -> str:
        """The correction is seen by the second round alone."""
        if role(request) != "read":
            return clever(request)
        seen = [old] if old in segment_of(request) else []
        return reading(*seen, *[new] * (new in segment_of(request) and "12 tons" in memory_of(request)))

    server = loopback(window=2048, reply=reads_late)
    answer = ask(server, path, "What does the bell of Vellmere weigh?", **PARALLEL)
    found = {(row["quote"], row["op"], row["seq"] // STRIDE) for row in rows(home, answer.run_id)}
    assert found >= {(old, "add", 0), (new, "supersede", 1), (old, "merge", 1)}
    third = reads(server)[-1]
    assert "14 tons" in memory_of(third) and "12 tons" not in memory_of(third)  # it was corrected
    block = next(part for part in passages_of(server.requests[-1]) if old in part)
    assert "corrected elsewhere" in block


def test_what_was_found_does_not_depend_on_which_reading_ended_first(
    loopback, document: Path, tmp_path: Path
) -> None:
    def slow(request) -> Reply:
        return Reply(clever(request), delay=0.02 * (request.number % 4))

    found = []
    for number, reply in enumerate((clever, slow)):
        folder = tmp_path / str(number)
        answer = ask(loopback(window=2048, reply=reply), document, **PARALLEL, home=folder)
        found.append([(r["segment"], r["seq"], r["op"], r["text"]) for r in rows(folder, answer.run_id)])
    assert found[0] == found[1] != []
