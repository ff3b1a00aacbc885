"""Notes that do not fit one call are merged until they do, whatever a model writes; what is cut is told."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lcagent import Reader
from lcagent.errors import BudgetReached, CutReply, MalformedReply, UsageError
from lcagent.graphs.shared.condensing import SHARE, Merged, Merger, condensed, tokens
from lcagent.graphs.shared.evidence import Note
from lcagent.memory.store import Store
from lcagent.runs.records import Runs
from tests.helpers import examples, prose
from tests.loopback import Faults, Loopback, count
from tests.mapping import mapped, passages_of, reduced, role, roles
from tests.side_by_side import segment_of
from tests.test_window import PIECES

WORDS = st.text(alphabet="ab c漢\n", max_size=500)
REPLIES = st.one_of(
    st.builds(Merged, st.lists(WORDS, max_size=8).map(tuple), WORDS),
    st.sampled_from([MalformedReply("no"), CutReply("no"), BudgetReached("10 calls")]),
)


@st.composite
def notes(draw: st.DrawFn) -> list[Note]:
    made: list[Note] = []
    for at in range(draw(st.integers(0, 40))):
        facts = tuple(
            f"{at}.{n} {fact}" for n, fact in enumerate(draw(st.lists(WORDS, min_size=1, max_size=6)))
        )
        made.append(Note((0, at * 9), (0, at * 9), facts, ((0, at * 9, at * 9 + 5),), draw(WORDS)))
    return made


class Condensing:
    """As much of a Task as condensing asks for, and what it shows to a model."""

    def __init__(self) -> None:
        self.question = "What is a b c?"
        self.corpus = SimpleNamespace(where=lambda document, offset: f"page {offset}")
        self.model = SimpleNamespace(window=SimpleNamespace(count=count))
        self.shown: list[str] = []

    def run(
        self, made: list[Note], room: int, reply: Callable[[str], Any], most: int = 10**9
    ) -> tuple[list[Note], list[str]]:
        async def merge(shown: str) -> Merged:
            self.shown.append(shown)
            if isinstance(got := reply(shown), Exception):
                raise got
            return got

        async def all_of_it() -> tuple[list[Note], list[str]]:
            gate = asyncio.Semaphore(4)
            self.progress = SimpleNamespace(notice=lambda _: None, gate=gate)
            task: Any = self
            return await condensed(task, made, room, Merger(merge, lambda: most))

        return asyncio.run(all_of_it())

    def size(self, *some: Note) -> int:
        task: Any = self
        return tokens(task, some)


def said(some: list[Note]) -> list[str]:
    return [fact for note in some for fact in note.facts]


@settings(max_examples=examples(120), deadline=None)
@given(made=notes(), room=st.integers(128, 1500), most=st.integers(128, 1500), data=st.data())
def test_condensing_ends_fits_and_keeps_regions(made, room: int, most: int, data: st.DataObject) -> None:
    task = Condensing()
    whole = task.size(*made)
    left, warnings = task.run(made, room, lambda _: data.draw(REPLIES), most)
    assert not left or task.size(*left) <= room
    assert all(count(shown) <= min(room, most) for shown in task.shown)
    assert [note.first for note in left] == sorted(note.first for note in left)
    regions = {region for note in made for region in note.regions}
    kept = {region for note in left for region in note.regions}
    assert kept <= regions
    assert kept == regions or any("did not fit" in warning for warning in warnings)
    if whole <= room and max(map(task.size, made), default=0) <= min(room, most) // SHARE:
        assert (left, warnings, task.shown) == (made, [], [])


@settings(max_examples=examples(60), deadline=None)
@given(made=notes(), room=st.integers(128, 1500), fails=st.booleans())
def test_a_model_that_does_not_shorten_loses_nothing_without_a_word(made, room: int, fails: bool) -> None:
    """It fails, or says all of it again: then what does not fit is left out, and counted."""

    def repeats(shown: str) -> Any:
        facts = tuple(line[2:] for line in shown.splitlines() if line.startswith("- "))
        return MalformedReply("no") if fails else Merged(facts)

    left, warnings = Condensing().run(made, room, repeats)
    before, after = ({" ".join(fact.split()) for fact in said(some)} for some in (made, left))
    lost = before - after
    told = [int(warning.split()[0]) for warning in warnings]
    assert len(lost) <= sum(told)


def test_what_a_budget_kept_from_being_merged_is_told() -> None:
    made = [Note((0, n), (0, n), (f"fact {n} of a b c " * 3,), ((0, n, n + 1),)) for n in range(60)]
    left, warnings = Condensing().run(made, 300, lambda _: BudgetReached("the budget of 3 calls is reached"))
    assert left and "budget: the budget of 3 calls is reached" in warnings
    assert len(said(made)) - len(said(left)) == int(warnings[0].split()[0])


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
    loopback, tmp_path: Path, home: Path
) -> None:
    path, server = many(loopback, tmp_path)
    answer = ask(server, path, mapreduce={"segment_tokens": 200})
    assert roles(server).count("collapse") >= 4
    assert (answer.answer, answer.status) == ("Oskar Brandvold", "answered")
    text = path.read_text()
    assert answer.citations
    assert answer.citations[0].quote == FACT
    store = Store(home / "lcagent.db")
    rows = Runs(store).findings(answer.run_id)
    store.close()
    assert len(rows) > 60
    for row in rows:
        assert " ".join(text[start:end] for start, end in json.loads(row["spans"])) == row["quote"] != ""
    assert server.overruns == 0


def test_a_merge_that_drops_the_answer_is_mended_by_retrieval(loopback, tmp_path: Path) -> None:
    path, server = many(loopback, tmp_path)
    empty = {
        "facts": ["Nothing of note."],
        "rationale": "",
        "answered": "no",
        "answer": "",
        "confidence": "zero",
    }
    server.reply = lambda r: json.dumps(empty) if role(r) == "collapse" else reads(r)
    answer = ask(server, path, mapreduce={"segment_tokens": 200})
    assert (answer.answer, answer.status) == ("Oskar Brandvold", "answered")
    assert any("Nothing of note." in part for part in passages_of(server.requests[-1]))
    assert answer.citations[0].quote == FACT


@pytest.mark.parametrize("kind", ["malformed", "budget"])
def test_a_collapse_that_fails_costs_no_answer(loopback, tmp_path: Path, kind: str) -> None:
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
    assert any("facts that were found did not fit the answering call" in w for w in answer.warnings)
    assert answer.coverage.segments_read == answer.coverage.segments_total
    assert server.overruns == 0


@settings(
    max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
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
            "conflict": "no",
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
