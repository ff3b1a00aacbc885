"""Collapsing ends by construction, and loses neither evidence nor order."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lcagent import Reader
from lcagent.errors import CutReply, MalformedReply, UsageError
from lcagent.graphs.mapreduce.findings import SHARE, Finding, carry, clip, group, keep, split, squeeze, union
from lcagent.memory.store import Store
from lcagent.runs.records import Runs
from tests.helpers import prose
from tests.loopback import Faults, Loopback
from tests.mapping import mapped, reduced, role, roles
from tests.side_by_side import segment_of
from tests.test_window import PIECES

WORDS = st.text(alphabet="ab c", max_size=600)
IDS = st.sampled_from([f"0.{n}.0" for n in range(40)])
CONFIDENCE = st.sampled_from(["high", "middle", "zero"])


def size(finding: Finding) -> int:
    """A stand-in for tokens: characters, and something for each place."""
    return sum(map(len, finding["facts"])) + len(finding["rationale"]) + len(finding["answer"]) + 8


@st.composite
def findings(draw, ids: st.SearchStrategy[str] = IDS) -> Finding:
    place = f"page {draw(st.integers(1, 99))}"
    return Finding(
        first=place,
        last=place,
        facts=draw(st.lists(WORDS, max_size=6)),
        rationale=draw(WORDS),
        answer=draw(WORDS),
        confidence=draw(CONFIDENCE),
        evidence=draw(st.lists(ids, max_size=4)),
    )


@given(finding=findings(), most=st.integers(64, 400))
def test_an_oversize_finding_is_split_and_no_fact_is_lost(finding: Finding, most: int) -> None:
    pieces = split(finding, most, size)
    assert all(size(piece) <= most for piece in pieces)
    assert union(pieces) == union([finding])
    said = "".join("".join(piece["facts"]) for piece in pieces)
    assert said.replace(" ", "") == "".join(finding["facts"]).replace(" ", "")


@given(finding=findings(), most=st.integers(16, 400))
def test_clipping_keeps_to_its_bound(finding: Finding, most: int) -> None:
    before = json.dumps(finding)
    clipped = clip(finding, most, size)
    assert size(clipped) <= most
    assert clipped["evidence"] == finding["evidence"]
    assert json.dumps(finding) == before


@given(sizes=st.lists(st.integers(0, 100), max_size=60), budget=st.integers(100, 400))
def test_groups_are_consecutive_and_keep_to_the_budget(sizes: list[int], budget: int) -> None:
    groups = group(sizes, budget)
    assert [i for members in groups for i in members] == list(range(len(sizes)))
    assert all(sum(sizes[i] for i in members) <= budget for members in groups)


@given(members=st.lists(findings(), min_size=1, max_size=8), most=st.integers(64, 400))
def test_without_a_model_the_surest_answer_stays(members: list[Finding], most: int) -> None:
    merged = squeeze(members, most, size)
    assert size(merged) <= most
    assert merged["evidence"] == union(members)
    assert (merged["first"], merged["last"]) == (members[0]["first"], members[-1]["last"])


@given(finding=findings(), facts=st.lists(WORDS, max_size=8), most=st.integers(64, 2000))
def test_dropped_facts_are_carried_on_within_the_bound(finding, facts, most: int) -> None:
    finding = clip(finding, most, size)
    carried = carry(finding, facts, "a b?", most, size)
    assert size(carried) <= most
    assert carried["facts"][: len(finding["facts"])] == finding["facts"]
    assert set(carried["facts"]) <= {*finding["facts"], *facts}


def test_a_bridge_that_the_model_drops_is_carried_on() -> None:
    # What Qwen2.5-Coder-1.5B wrote for a group of three: the first of its facts was gone.
    bridge = "Benedikt Aune kept the instruments at the station."
    owner = "The owner of the boat Ternen is the keeper of the instruments."
    wrote: Finding = {
        **{"first": "page 2", "last": "page 9", "rationale": "", "answer": "", "confidence": "zero"},
        **{"facts": [owner], "evidence": []},
    }
    facts = ["The mast broke in a wind of 47 metres a second.", bridge, owner]
    room = size(wrote) + len(bridge) + 10  # for one more, not for both
    assert carry(wrote, facts, "Who owns the boat Ternen?", room, size)["facts"] == [owner, bridge]


@given(every=st.lists(findings(), max_size=12), budget=st.integers(64, 900))
def test_what_is_kept_fits_and_stays_in_order(every: list[Finding], budget: int) -> None:
    kept = keep(every, budget, size)
    assert sum(map(size, kept)) <= budget
    places = [id(finding) for finding in every]
    assert [places.index(id(f)) for f in kept] == sorted(places.index(id(f)) for f in kept)


# The whole loop, with a model that writes whatever it likes.


class Tokens:
    """Stands in for a Task: only what packing asks for."""

    def __init__(self, most_rounds: int) -> None:
        from types import SimpleNamespace

        self.settings = SimpleNamespace(mapreduce=SimpleNamespace(most_rounds=most_rounds))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), count=st.integers(1, 60), budget=st.integers(300, 2000))
def test_the_rounds_end_whatever_the_model_writes(data, count: int, budget: int) -> None:
    from unittest.mock import patch

    from lcagent.graphs.mapreduce import collapsing

    every = [data.draw(findings(st.just(f"0.{n}.0"))) for n in range(count)]
    evidence = set(union(every))
    with (
        patch.object(collapsing, "findings_budget", lambda _: budget),
        patch.object(collapsing, "size_of", lambda _, finding: size(finding)),
    ):
        packed = collapsing.pack_findings(Tokens(50), every, [], {}, 0)
        total, done = sum(map(size, packed.findings)), 0
        while packed.groups:
            assert all(sum(size(packed.findings[i]) for i in m) <= budget for m in packed.groups)
            made = {}
            for number, members in enumerate(packed.groups):
                inner = [packed.findings[i] for i in members]
                # Longer than what it was made from, as likely as not.
                wrote = {**data.draw(findings()), "evidence": union(inner)}
                made[number] = clip(wrote, budget // SHARE, size)
            done += 1
            packed = collapsing.pack_findings(Tokens(50), packed.findings, packed.groups, made, done)
            shrunk = sum(map(size, packed.findings))
            assert shrunk <= total / 3 + budget / SHARE  # so less than before, while it does not fit
            total = shrunk
    assert total <= budget
    assert set(union(packed.findings)) == evidence
    assert not packed.warnings


def test_the_cap_on_rounds_leaves_out_the_least_sure(loopback, tmp_path: Path) -> None:
    path, server = many(loopback, tmp_path)
    answer = ask(server, path, mapreduce={"most_rounds": 0, "segment_tokens": 200})
    assert "collapse" not in roles(server)
    assert any("did not fit the last call" in warning for warning in answer.warnings)
    assert answer.answer == "Oskar Brandvold"  # its finding was the only sure one
    assert server.overruns == 0


LEDGER = "In the ledger of Vellmere the harbour is named on sheet {n}, beside the master's {n} boats."
FACT = "The harbour master of Vellmere in that year was Oskar Brandvold."
QUESTION = "Who was the harbour master of Vellmere?"


def many(loopback, tmp_path: Path) -> tuple[Path, Loopback]:
    """A document in which most segments hold something, and one holds the answer."""
    blocks = []
    for n in range(60):
        blocks += [prose(12, n), LEDGER.format(n=n + 100)]
        if n == 30:
            blocks.append(FACT)
    path = tmp_path / "doc.txt"
    path.write_text("\n\n".join(blocks))
    return path, loopback(window=1536, reply=reads)


def reads(request) -> str:
    if role(request) == "map":
        segment = segment_of(request)
        lines = [line for line in segment.split("\n\n") if "ledger of Vellmere" in line]
        if FACT in segment:
            return mapped([*lines[:1], FACT], "Oskar Brandvold")
        return mapped(lines[:2])
    shown = request.text.split("<findings>")[-1].split("</findings>")[0]
    known = "Oskar Brandvold" in shown
    if role(request) == "collapse":
        facts = [line[2:] for line in shown.splitlines() if line.startswith("- ")]
        facts = [fact for fact in facts if "Oskar" in fact] or facts[:4]
        answer = "Oskar Brandvold" if known else ""
        return json.dumps(
            {
                "facts": facts,
                "rationale": "",
                "answered": "yes" if known else "no",
                "answer": answer,
                "confidence": "high" if known else "zero",
            }
        )
    return reduced("Oskar Brandvold" if known else "")


def ask(server: Loopback, path: Path, question: str = QUESTION, **options):
    options = {"api_base": server.url, "strategy": "mapreduce", "window": server.window, **options}
    with Reader(**options) as reader:
        return reader.ask(path, question)


def test_what_does_not_fit_is_collapsed_and_its_quotes_keep_their_places(
    loopback, tmp_path: Path, home: Path, monkeypatch
) -> None:
    # Believed, so that every finding goes on; this reader finds something nearly everywhere.
    monkeypatch.setattr("lcagent.graphs.mapreduce.gathering.BELIEVED", 0.0)
    path, server = many(loopback, tmp_path)
    answer = ask(server, path, mapreduce={"segment_tokens": 200})
    assert roles(server).count("collapse") >= 4
    assert (answer.answer, answer.status) == ("Oskar Brandvold", "answered")
    text = path.read_text()
    assert answer.citations and answer.dropped_quotes == 0
    assert answer.citations[0].quote == FACT
    rows = Runs(Store(home / "lcagent.db")).entries(answer.run_id)
    assert len(rows) > 60
    assert all(text[row["char_start"] : row["char_end"]] == row["quote"] for row in rows)
    assert server.overruns == 0


@pytest.mark.parametrize("kind", ["malformed", "budget"])
def test_a_collapse_that_fails_is_done_by_code(loopback, tmp_path: Path, monkeypatch, kind: str) -> None:
    monkeypatch.setattr("lcagent.graphs.mapreduce.gathering.BELIEVED", 0.0)
    path, server = many(loopback, tmp_path)
    options = {}
    if kind == "malformed":
        server.reply = lambda r: "no" if role(r) == "collapse" else reads(r)
    else:
        with Loopback(window=1536, reply=reads) as counted:
            segments = ask(counted, path, home=tmp_path / "other", mapreduce={"segment_tokens": 200})
        options["max_calls"] = segments.coverage.segments_total + 2  # one group, and the answer
    answer = ask(server, path, mapreduce={"segment_tokens": 200}, **options)
    assert answer.answer == "Oskar Brandvold"
    assert answer.status == ("answered" if kind == "malformed" else "budget")
    assert any(("by code" if kind == "malformed" else "budget") in w for w in answer.warnings)
    assert answer.coverage.segments_read == answer.coverage.segments_total


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(PIECES, min_size=1, max_size=120),
    question=st.text(min_size=1, max_size=300).filter(str.strip),
    window=st.integers(900, 3000),
    mode=st.sampled_from(["qa", "summary", "code", "math", "retrieval"]),
    long=st.booleans(),
)
def test_no_call_exceeds_the_window(tmp_path_factory, pieces, question, window, mode, long) -> None:
    folder = tmp_path_factory.mktemp("w")
    path = folder / "doc.txt"
    path.write_bytes("".join([*pieces, " end"]).encode("utf-8", "replace") * 6)

    def talks(request):
        names = request.schema["properties"]
        words = segment_of(request).split() or ["a"]
        text = " ".join(words[: 60 if long else 6])
        full = {
            "relevant": "yes",
            "facts": [text, text[::-1], *words[:8]],
            "rationale": text,
            "answered": "yes",
            "answer": text if long else "the harbour master",
            "confidence": "high",
            "found": "yes",
            "summary": text * 3,
            "operation": "other",
        }
        return json.dumps({name: full[name] for name in names})

    faults = Faults(every=4, kinds=("malformed", "cut"))
    with Loopback(window=window, reply=talks, faults=faults) as server:
        options = {"api_base": server.url, "window": window, "home": folder / "home"}
        mapreduce = {"mode": mode, "segment_tokens": 160, "words": 60}
        with Reader(**options, strategy="mapreduce", mapreduce=mapreduce) as reader:
            try:
                answer = reader.ask(path, question)
            except UsageError:
                assert not server.requests  # refused before the first call
                return
            except (MalformedReply, CutReply):
                answer = None  # the answering call itself was spoilt twice
        assert server.overruns == 0
        sent = [r for r in server.requests if "<|im_end|>" in r.text or "\ud800" in r.text]
        assert not sent  # a document writes no control tokens
        assert answer is None or answer.coverage.segments_total > 0
