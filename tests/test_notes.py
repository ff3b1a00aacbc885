"""Merging notes ends whatever a model replies, and never makes a sentence up."""

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from lcagent.agents.merger import named
from lcagent.documents import Document, Page
from lcagent.memory import notes as packing
from lcagent.memory.entries import Evidence
from lcagent.memory.notes import HEAD_TOKENS, JOINT_TOKENS, MERGED_SHARE, MOST_MERGES, Note, from_state
from tests.loopback import count

TEXT = " ".join(
    f"Sentence {n} says that the mill has {n * 7} wheels 漢字{'x' * (n % 90)}." for n in range(400)
)
DOCUMENT = Document("d.txt", TEXT, (Page(1, 0, len(TEXT)),), "page", "0" * 64, "text")


@st.composite
def notes(draw: st.DrawFn) -> list[Note]:
    made = []
    for index in range(draw(st.integers(0, 40))):
        evidence = []
        for _ in range(draw(st.integers(1, 6))):
            start = draw(st.integers(0, len(TEXT) - 2))
            end = min(len(TEXT), start + draw(st.integers(1, 400)))
            score = draw(st.floats(0, 1))
            evidence.append(Evidence(0, index, start, end, TEXT[start:end], "n", score))
        places = {e.start: e for e in evidence}
        made.append(Note(tuple(places[s] for s in sorted(places)), draw(st.text(max_size=160))))
    return made


def verbatim(some: list[Note]) -> bool:
    return all(TEXT[e.start : e.end] == e.quote != "" for note in some for e in note.evidence)


@settings(max_examples=150, deadline=None)
@given(made=notes(), room=st.integers(40, 1500), seed=st.integers(0, 2**32), talkative=st.booleans())
def test_merging_ends_and_every_batch_fits(made: list[Note], room: int, seed: int, talkative: bool) -> None:
    """Any merger: one that names nothing, anything or everything, and reasons at any length."""
    rng = random.Random(seed)
    known = {(e.document, e.start) for note in made for e in note.evidence}
    before, merges, left = None, 0, made
    while True:
        batches = packing.next_batches(left, room, count, before=before, merges=merges)
        shown = [note for batch in batches for note in batch]
        assert all(packing.total(batch, count) <= room for batch in batches)
        assert verbatim(shown)
        assert {(e.document, e.start) for note in shown for e in note.evidence} <= known
        if before is not None:
            assert packing.total(left, count) <= before or len(batches) <= 1 or merges
        if len(batches) <= 1:
            break
        assert merges < MOST_MERGES
        before = packing.total(shown, count)
        left = []
        for batch in batches:
            evidence = [e for note in batch for e in note.evidence]
            chosen = rng.sample(evidence, rng.randint(0, len(evidence)))
            reasoning = "because " * rng.randint(0, 40 if talkative else 3)
            note = packing.merged(batch, chosen, reasoning, room // MERGED_SHARE, count)
            assert packing.size(note, count) <= room // MERGED_SHARE or not note.evidence
            left.append(note)
        merges += 1


@settings(max_examples=100, deadline=None)
@given(made=notes(), room=st.integers(30, 600))
def test_splitting_an_oversize_note_keeps_its_sentences(made: list[Note], room: int) -> None:
    for note in made:
        pieces = packing.split(note, room, count)
        assert all(packing.size(piece, count) <= room for piece in pieces)
        assert verbatim(pieces)
        starts = [e.start for piece in pieces for e in piece.evidence]
        fitting = [e.start for e in note.evidence if packing.size(Note((e,)), count) <= room]
        assert set(fitting) <= set(starts) <= {e.start for e in note.evidence}
        assert starts == sorted(starts)


@settings(max_examples=100, deadline=None)
@given(made=notes(), room=st.integers(0, 600))
def test_trimming_keeps_the_best_and_fits(made: list[Note], room: int) -> None:
    for note in made:
        trimmed = packing.trim(note, room, count)
        assert packing.size(trimmed, count) <= room or not trimmed.evidence
        # In less room than a few characters take, another sentence may be all that fits.
        if trimmed.evidence and trimmed != note and room >= HEAD_TOKENS + JOINT_TOKENS + 8:
            assert max(e.score for e in trimmed.evidence) == max(e.score for e in note.evidence)


@given(made=notes())
def test_a_note_comes_back_from_a_state(made: list[Note]) -> None:
    for note in made:
        state = note.as_state()
        assert from_state(state, [DOCUMENT]) == note
        assert "quote" not in state and all(len(row) == 6 for row in state["evidence"])


def test_what_the_merger_names_goes_first() -> None:
    evidence = [Evidence(0, n, n * 10, n * 10 + 5, f"fact number {n} of all", "", 0.5) for n in range(20)]
    room = packing.size(Note(tuple(evidence[:3])), count)
    weak = replace(evidence[-1], score=0.1)
    note = packing.merged([Note((*evidence[:-1], weak))], [weak], "", room, count)
    assert weak in note.evidence and len(note.evidence) == 3
    assert packing.merged([Note(tuple(evidence))], [], "", room, count).evidence == tuple(evidence[:3])


def test_facts_lead_to_the_sentences_of_the_batch() -> None:
    evidence = [
        Evidence(0, 0, 0, 40, "The mill at Tarn was built in 1911 by Ida."),
        Evidence(0, 1, 50, 90, "Its first miller was Isolde Frey."),
        Evidence(0, 2, 100, 140, "The weather was dry."),
    ]
    assert named(evidence, ["Isolde Frey was the first miller", "the moon is made of cheese"]) == [
        evidence[1]
    ]
    assert named(evidence, ["Ida built the mill at Tarn in 1911"]) == [evidence[0]]
    assert named([], ["anything"]) == named(evidence, []) == []
