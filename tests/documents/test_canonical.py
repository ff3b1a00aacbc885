"""One text, however it is written: what is compared has one form, and what is cited stands as it did."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcagent.documents.answers import normalise, same_answer
from lcagent.documents.canonical import Characters, canonical, traced
from lcagent.documents.lexical import search
from lcagent.documents.mentions import unmentioned
from lcagent.documents.quotes import find_quote
from lcagent.documents.support import support
from lcagent.documents.unlaid import Unlaid, unlaid
from lcagent.documents.words import Folded, query_words
from tests.helpers import prose

PIECES = (
    "e \u0301 \u200d é &eacute; &amp; \\u00e9 \\ud83d\\ude00 \\ud800 %C3%A9 %zz １ ٣ ¹ ² ⁻ ½ ① ﷺ اَ \u0654 ا ـ ﬁ 　 "
    "\u3131 \u314f 가 ｶ ﾞ ´ ` ™ 5 10 - – ㎡ ﹱ \u0344 º ％ ＆ ＼u00e9 lt; amp; eacute; \u2028 \n"
).split(" ")
TEXTS = st.lists(st.sampled_from([*PIECES, " "]) | st.text(max_size=3), max_size=12).map("".join)


@given(TEXTS)
def test_the_form_of_a_form_is_itself(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)


@given(TEXTS)
def test_each_character_of_the_form_knows_what_it_was_made_of(text: str) -> None:
    form, starts, ends = traced(text)
    assert form == canonical(text)
    for character, start, end in zip(form, starts, ends, strict=True):
        assert 0 <= start < end <= len(text) and character in canonical(text[start:end])
    assert starts == sorted(starts) and ends == sorted(ends)


@given(TEXTS, st.text("ab \n,é„’١ﬁ\u0301\u200b", max_size=40))
def test_the_characters_of_a_whole_tell_the_form_of_its_parts(one: str, other: str) -> None:
    characters = Characters(f"{one}\n{other}")
    assert characters(other) == canonical(other) and characters(one) == canonical(one)


@given(st.text("ab12é\u0301١ﬁ½ \n-–\u00ad\u200b", min_size=1, max_size=60), st.integers(1, 40), st.data())
def test_what_is_found_in_a_long_text_stands_there(text: str, times: int, data: st.DataObject) -> None:
    text *= times
    whole = unlaid(text)
    start = data.draw(st.integers(0, len(whole)))
    wanted = whole[start : start + data.draw(st.integers(1, 30))]
    places = list(Unlaid(text).find(wanted))
    assert bool(places) == bool(wanted)
    for begin, end in places:
        assert wanted in unlaid(text[begin:end])


SAME = [
    (unicodedata.normalize("NFD", "His wife is Élise Müller."), "Élise Müller"),
    ("The keeper is To\u200bra\u200d V\u200cik of Vågen.", "Tora Vik"),
    ("The rent is \u202d12\u200f00\u202c crowns.", "1200 crowns"),
    ("اِسْمُ الحَارِسِ مُحَمَّدٌ وَهُوَ", "الحارس محمد"),
    ("שָׁלוֹם עוֹלָם", "שלום עולם"),
    ('[{"name": "Bj\\u00f8rn \\u00c5sg\\u00e5rd"}]', "Bjørn Åsgård"),
    ("<p>Bj&oslash;rn &Aring;sg&#xe5;rd</p>", "Bjørn Åsgård"),
    ("see /wiki/Vik_(%C3%85sg%C3%A5rd) there", "Åsgård"),
    ("料金は１２００円です。", "1200円"),
    ("سعر القارب ١٢٠٠ دينار", "1200"),
    ("क़ीमत १२०० रुपये", "1200"),
    ("ﾊﾞｽが来る", "バスが来る"),
    (unicodedata.normalize("NFD", "한국어 문서"), "한국어 문서"),
    ("its ﬁrst oﬃce", "first office"),
    ("the sched\u00adule of the Ｈａｒｂｏｕｒ", "schedule of the Harbour"),
    ("It’s “quoted” – really…", '"quoted" - really...'),
    ("I\u00a0am\u202fhere\u3000now", "I am here now"),
    ("the fleet counted 450¹ boats", "450"),
]
"""A text, and what stands in it as a person types it."""
OTHER = [
    ("10⁶ people", "106"),
    ("10^6 people", "10"),
    ("450¹ boats", "4501"),
    ("10½ boats", "101"),
    ("10 1/2 boats", "101"),
    ("the number 10₂", "102"),
    ("①5 boats", "15"),
    ("19 04 ships", "1904"),
    ("the depth is −5", "5"),
    ("it is 1\u202f250 crowns", "250"),
    ("cafe\u0301s", "cafe"),
    ("the Mu\u0308ller", "ller"),
]
"""A text, and what only seems to stand in it."""


@pytest.mark.parametrize(("text", "typed"), SAME)
def test_what_is_written_in_another_way_is_found_and_cited_as_it_stands(text: str, typed: str) -> None:
    whole = f"{prose(40)}\n\n{text}\n\n{prose(40, 1)}"
    span = find_quote(whole, typed)
    assert span and whole[span.start : span.end] in text
    assert canonical(whole[span.start : span.end]).strip('"') == canonical(typed).strip('"')
    assert support(typed, [text]) == "verbatim"


@pytest.mark.parametrize(("text", "typed"), OTHER)
def test_what_only_seems_to_stand_there_is_not_found(text: str, typed: str) -> None:
    assert not find_quote(text, typed)
    assert support(typed, [text]) != "verbatim"


@pytest.mark.parametrize(("text", "typed"), SAME[:-1])
def test_its_words_are_searched_in_that_form(text: str, typed: str) -> None:
    whole = f"{prose(40)}\n\n{text}\n\n{prose(40, 1)}"
    (best,) = search(whole, typed, limit=1)
    assert text in whole[best.start : best.end]
    assert Folded([prose(2), text]).holders(query_words(typed)).keys() == {1}


def test_a_name_is_mentioned_however_it_is_written() -> None:
    question = "Where does the keeper Bjørn Åsgård live at the end of the year?"
    for form in (
        unicodedata.normalize("NFD", "Åsgård"),
        "\\u00c5sg\\u00e5rd",
        "Ås\u00adgård",
        "Åsg\u200bård",
    ):
        assert not unmentioned(
            question, [f"The keeper is {form}, who does live in the house of the harbour."]
        )
    assert unmentioned(question, ["The keeper is Nils, who does live in the house of the harbour."])


@pytest.mark.parametrize(
    "mark", ["[1]", " [1]", "[12, 13]", "[3–5]", "(1)", "¹", "⁽¹²⁾", "[^2]", "【3†source】", "†"]
)
def test_the_mark_of_a_note_is_no_part_of_an_answer(mark: str) -> None:
    assert support(f"4,350{mark}", ["1902 | 4,350 | 4,020"]) == "verbatim"
    assert support(f"Tora Vik{mark}", ["The keeper is Tora Vik."]) == "verbatim"
    assert same_answer(f"Tora Vik{mark}", "Tora Vik")
    assert normalise(f"The 450{mark}") == "450"


def test_brackets_that_are_all_of_an_answer_are_no_mark() -> None:
    assert support("[12, 13]", ["The gates are [12, 13]."]) == "verbatim"
    assert normalise("[12]") == "12"
    assert not same_answer("10⁶", "10")
