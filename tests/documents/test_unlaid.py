"""Text as it reads, whatever its layout: what is in one form is found again, and where it stands."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lcagent.documents.quotes import Sentences, Span
from lcagent.documents.unlaid import Unlaid, unlaid
from lcagent.documents.words import Folded, query_words

LAID_OUT = st.text("ab1-– \n\r\tﬁ…“\u00ad", min_size=1, max_size=60)


def test_marks_have_one_form_and_line_ends_go() -> None:
    assert unlaid("The “har-\n bour” of\u00ad Vell–mere…") == 'The"harbour"ofVell-mere...'
    assert unlaid("1999-\n2001, a -\n\n-\r\nb, c--\nd") == "1999-2001,ab,c--d"


@given(LAID_OUT, st.integers(1, 40))
def test_a_long_text_is_found_in_itself(text: str, times: int) -> None:
    text *= times
    wanted = unlaid(text)
    places = list(Unlaid(text).find(wanted))
    assert bool(places) == bool(wanted)
    for start, end in places:
        assert not text[:start].strip(" \n\r\t\u00ad") and unlaid(text[start:end]) == wanted


@given(LAID_OUT, st.integers(1, 40), st.data())
def test_what_is_found_stands_where_it_is_said_to(text: str, times: int, data: st.DataObject) -> None:
    text *= times
    whole = unlaid(text)
    start = data.draw(st.integers(0, len(whole)))
    wanted = whole[start : start + data.draw(st.integers(1, 30))]
    places = list(Unlaid(text).find(wanted))
    assert bool(places) == bool(wanted)
    for begin, end in places:
        assert wanted in unlaid(text[begin:end])


@given(st.lists(st.text("aßeİsd'_ .1", max_size=30), max_size=8), st.text("aßeİsd'_ .1", max_size=30))
def test_pieces_hold_the_stems_of_their_content_words(pieces: list[str], query: str) -> None:
    stems = query_words(query)
    expected = {i: found for i, piece in enumerate(pieces) if (found := {*stems} & {*query_words(piece)})}
    folded = Folded(pieces)
    assert folded.holders(stems) == expected
    assert folded.holders(stems) == expected  # asked again, it knows them


@given(st.text("aB. \n1)”-", max_size=120), st.data())
def test_the_sentences_at_a_place_are_those_of_the_whole_text(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    place = Span(start, data.draw(st.integers(start, len(text))))
    expected = [s for s in Sentences(text).spans if s.start < place.end and place.start < s.end]
    apart = Sentences(text)
    assert apart.at(place) == expected
    assert (
        [span for span in apart.spans if span in expected] == apart.at(place) == expected
    )  # all are known now
