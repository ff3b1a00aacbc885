"""Segments join back to the document, and none exceeds its budget: whatever the text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcagent.documents import split
from lcagent.documents.segments import Piece, split_again
from tests.helpers import examples, prose
from tests.loopback import count

TEXTS = st.one_of(
    st.text(max_size=3000),
    st.text(alphabet="ab", min_size=500, max_size=3000),  # no spaces, no punctuation
    st.text(alphabet=" \n\t\f", max_size=600),
    st.text(alphabet="漢字かな、。 ", max_size=1500),
    st.text(alphabet="👩‍👩‍👧🇳🇴👍🏽e\u0301 ", max_size=600),
    st.lists(
        st.sampled_from(["Dr. Aune came. ", "It is 3.5 m; i.e. deep.\n", "\n\n", "x" * 90]),
        max_size=80,
    ).map("".join),
)


@settings(max_examples=examples(150), deadline=None)
@given(text=TEXTS, budget=st.integers(16, 400))
def test_segments_tile_the_text_within_the_budget(text: str, budget: int) -> None:
    segments = split(text, budget, count)
    assert "".join(text[s.start : s.end] for s in segments) == text
    assert [s.index for s in segments] == list(range(len(segments)))
    for segment in segments:
        assert segment.start < segment.end
        assert segment.tokens == count(text[segment.start : segment.end]) <= budget


@pytest.mark.slow
@pytest.mark.parametrize("character", ["a", "a ", "漢", "👍", "\n"])
def test_one_ten_megabyte_line(character: str) -> None:
    text = (character * 10_000_000)[:10_000_000]
    segments = split(text, 100_000, count)
    assert segments[0].start == 0 and segments[-1].end == len(text)
    assert all(a.end == b.start for a, b in zip(segments, segments[1:], strict=False))
    assert max(s.tokens for s in segments) <= 100_000


def test_cuts_follow_paragraphs_then_sentences() -> None:
    text = prose(600)
    segments = split(text, 400, count)
    ends = [text[: s.end].rstrip()[-1] for s in segments]
    assert set(ends) == {"."}
    assert sum(s.tokens for s in segments) / len(segments) > 0.75 * 400


def test_no_cut_after_an_abbreviation() -> None:
    text = "Then Dr. Aune of St. Olaf met Mr. J. Quist at 3.5 km, i.e. far off. " * 40
    for segment in split(text, 120, count)[:-1]:
        assert text[: segment.end].endswith("far off. ")


def test_a_character_over_the_budget_is_refused() -> None:
    with pytest.raises(ValueError, match="one character"):
        split("漢", 1, lambda text: 5 * len(text))


def test_few_counts_are_asked_for() -> None:
    asked: list[int] = []
    text = prose(3000)
    segments = split(text, 500, lambda piece: asked.append(1) or count(piece))
    assert len(asked) <= 1.5 * len(segments)


@settings(max_examples=examples(150))
@given(text=TEXTS, budget=st.integers(16, 400), data=st.data())
def test_a_changed_text_is_cut_within_the_budget_and_as_before_where_it_is_the_same(
    text: str, budget: int, data: st.DataObject
) -> None:
    before = split(text, budget, count)
    at, until = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    changed = text[:at] + data.draw(st.text(max_size=200)) + text[until:]
    segments = split_again(changed, [Piece.of(text, one) for one in before], budget, count)
    assert "".join(changed[s.start : s.end] for s in segments) == changed
    assert [s.index for s in segments] == list(range(len(segments)))
    assert all(s.tokens == count(changed[s.start : s.end]) <= budget for s in segments)
    if changed == text:
        blank = [one for one in before if not text[one.start : one.end].strip()]
        assert segments == before or blank
