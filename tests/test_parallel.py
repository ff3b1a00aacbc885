"""MemAgent in parallel rounds over the loopback server."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lcagent.graphs.shared.side_by_side import STRIDE, gather
from lcagent.memory.entries import Evidence, integrate

from lcagent.documents import Document, Layout, lay_out, split
from lcagent.memory.ledger import Ledger
from lcagent.memory.store import Store
from lcagent.runs.records import Runs
from tests.helpers import NEEDLE, clever, haystack, prose
from tests.loopback import Reply
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
    """Finds another sentence in every round."""
    if role(request) == "read":
        sentences = [s.strip() for s in segment_of(request).split(".") if len(s) > 20]
        return reading(sentences[min(len(sentences) - 1, len(memory_of(request)) % 7)])
    return clever(request)


def rows(home: Path, run: str) -> list[dict]:
    store = Store(home / "lcagent.db")
    try:
        return Runs(store).entries(run)
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
    noted = {r["quote"]: r["seq"] for r in rows(home, answer.run_id) if r["note"] and r["op"] == "add"}
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


@pytest.mark.parametrize("number", [3, 9, 40, 60])
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


# What was found side by side is put together by code.


TEXT = "\n\n".join(
    f"{name} of Vellmere weighs {n * 3} tons and stands near the mill."
    for n, name in enumerate("ABCDEFGHIJKL")
)


class _Task:
    """As much of a Task as `gather` uses."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.question, self.hints = ledger, "What does G of Vellmere weigh?", None
        self.documents = [Document("d.txt", TEXT, (), "", "0" * 64, "text")] * 2
        self.segments = [split(TEXT, 40, lambda text: len(text) // 4 + 1)] * 2

    def layout(self, document: int) -> Layout:
        return lay_out(TEXT, [(s.start, s.end) for s in self.segments[document]])

    def token_estimate(self, text: str) -> int:
        return len(text) // 4


def findings(task: _Task, picks: list[tuple[int, int]]) -> dict[tuple[int, int], list[Evidence]]:
    found: dict[tuple[int, int], list[Evidence]] = {}
    for document, pick in picks:
        segment = task.segments[document][pick % len(task.segments[document])]
        quote = TEXT[segment.start : segment.end].strip()
        item = Evidence(document, segment.index, segment.start, segment.start + len(quote), quote, "n", 0.5)
        found.setdefault((document, segment.index), []).append(item)
    return found


PICKS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 11)), max_size=20)


@settings(max_examples=40, deadline=None)
@given(first=PICKS, second=PICKS, shuffled=st.randoms())
def test_gathering_depends_on_nothing_but_what_was_found(tmp_path_factory, first, second, shuffled) -> None:
    def recorded(again: bool) -> list:
        store = Store(tmp_path_factory.mktemp("s") / "s.db")
        task = _Task(Ledger(store, "r"))
        places = [(d, s.index) for d, segments in enumerate(task.segments) for s in segments]
        for number, picks in ((1, first), (2, second)):
            found = findings(task, picks)
            if again:  # as after a kill in the middle: a part stands there already
                shuffled.shuffle(places)
                gather(task, places[: len(places) // 2], found, number=number)
                partly = task.ledger.rows()
                gather(task, places, found, number=number)
                assert [row for row in partly if row in task.ledger.rows()] == partly
            else:
                gather(task, places, found, number=number)
        entries = task.ledger.rows()
        store.close()
        return entries

    plain, again = recorded(False), recorded(True)
    assert {e.id for e in plain} == {e.id for e in again}
    assert {e.quote for e in plain} == {e.quote for e in again}


def test_corrections_and_repetitions_among_rounds_are_seen(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.db")
    task = _Task(Ledger(store, "r"))
    task.question = "zzz"
    old = Evidence(0, 0, 0, 10, "The bell of Vellmere weighs 12 tons.", "n", 0.5)
    new = Evidence(1, 0, 0, 10, "Correction: the bell of Vellmere weighs 14 tons.", "n", 0.5)
    assert len(gather(task, [(0, 0)], {(0, 0): [old]})) == 1
    assert gather(task, [(0, 0)], {(0, 0): [old]}, number=2) == []  # nothing new
    (fresh,) = gather(task, [(1, 0)], {(1, 0): [new]}, number=3)
    assert (fresh.op, fresh.target, fresh.seq) == ("supersede", "0.0.0", 2 * STRIDE)
    assert [e.quote for e in task.ledger.live()] == [new.quote]
    assert [e.quote for e in task.ledger.live(below=2 * STRIDE)] == [old.quote]
    store.close()


def test_looking_only_at_near_entries_decides_as_looking_at_all(tmp_path: Path) -> None:
    quotes = [
        f"The {w} mill of Tarn has {n} wheels{' and a roof' * (n % 3)}." for n in (3, 3, 4) for w in "ab"
    ]
    found = [Evidence(0, n, n * 100, n * 100 + 50, quote, "n", 0.5) for n, quote in enumerate(quotes * 2)]
    store = Store(tmp_path / "s.db")
    task = _Task(Ledger(store, "r"))
    task.question = "zzz"
    task.segments = [split(TEXT, 20, lambda text: len(text) // 4 + 1)] * 2
    gather(task, [(0, n) for n in range(len(found))], {(0, n): [e] for n, e in enumerate(found)})
    live = []
    for item in found:
        (entry,) = integrate([item], live)
        live += [entry] if entry.op != "merge" else []
    assert [e.id for e in task.ledger.live()] == [e.id for e in live]
    store.close()
