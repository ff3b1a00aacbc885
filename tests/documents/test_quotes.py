"""Quotes stand where they are said to stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcagent.documents import (
    Document,
    Sentences,
    Span,
    check_quote,
    find_quote,
    lay_out,
    opening,
    passages,
    query_words,
    search,
    sentences,
)
from tests.helpers import prose

TEXT = "The Ho-\ntel “Royal” opened in\n1911 — its ﬁrst guest was Mrs. Frey.\n\nIt closed in 1939."


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("its first guest was Mrs. Frey", "its ﬁrst guest was Mrs. Frey"),
        ('The Hotel "Royal" opened in 1911 - its', "The Ho-\ntel “Royal” opened in\n1911 — its"),
        ("It closed in 1939.", "It closed in 1939."),
        ("it closed in 1939", None),  # another case is another word
        ("opened in 1912", None),
        ("he Hotel", None),  # begins within a word
        ("", None),
        ("—", None),
    ],
)
def test_find_quote_forgives_layout_and_nothing_else(quote: str, found: str | None) -> None:
    span = find_quote(TEXT, quote)
    assert (TEXT[span.start : span.end] if span else None) == found


@pytest.mark.parametrize(
    ("text", "quote", "at"),
    [
        ("She sat. Then he sat.", "he sat", 14),
        ("It paid 1500 dollars, then 500 dollars.", "500 dollars", 27),
        ("It paid 1500 dollars.", "500 dollars", -1),
        ("It paid 1,500 dollars.", "500 dollars", -1),
        ("It weighed 12.500 tons.", "It weighed 12", -1),
        ("It weighed 12. Then 500 tons came.", "It weighed 12", 0),
        ("The years are 1911.", "years are 1911", 4),
        ("Sum of 4136800,4272429 and 7", "4272429", 15),
        ("The old_gate_key turned, then the gate.", "gate", 34),
        ("Das _Royal_ in Köln", "Royal", 5),
        ("他出生于东京，后来搬到大阪。", "出生于东京", 1),
    ],
)
def test_a_quote_is_no_part_of_a_longer_word_or_number(text: str, quote: str, at: int) -> None:
    span = find_quote(text, quote)
    assert (span.start if span else -1) == at


@given(st.data())
def test_every_sentence_of_a_text_is_found_and_checked(data: st.DataObject) -> None:
    text = prose(30, seed=data.draw(st.integers(0, 50)))
    span = data.draw(st.sampled_from(sentences(text)))
    quote = text[span.start : span.end]
    found = find_quote(text, " \n".join(quote.split()))
    assert found is not None
    assert text[found.start : found.end].split() == quote.split()
    document = Document("d", text, (), "", "", "text")
    assert check_quote(document, found, quote)
    assert not check_quote(document, Span(found.start, found.end), quote + " And more.")


def test_closing_marks_belong_to_the_sentence_before_them() -> None:
    text = "“The harbour froze.” He shut the ledger (in 1907.)\n\n“Dr. Frey wrote: ‘It thawed.’”\n\nIt did.「Yes。」No"
    assert [text[span.start : span.end] for span in sentences(text)] == [
        "“The harbour froze.”",
        "He shut the ledger (in 1907.)",
        "“Dr. Frey wrote: ‘It thawed.’”",
        "It did.「Yes。」",
        "No",
    ]


@given(st.text(max_size=400))
def test_sentences_are_trimmed_ordered_and_inside(text: str) -> None:
    last = 0
    for span in sentences(text):
        assert last <= span.start < span.end <= len(text)
        assert text[span.start : span.end] == text[span.start : span.end].strip()
        last = span.end


def test_a_note_leads_back_to_its_sentence() -> None:
    text = prose(20) + " The dredging of the northern channel began in 1907, says Oksendal. " + prose(20, 3)
    ((span, score),) = Sentences(text).nearest(
        "Oksendal says dredging in the northern channel started 1907", limit=1
    )
    assert "1907" in text[span.start : span.end] and score > 0.5
    assert Sentences(text).nearest("Submarine volcanoes erupted in Peru", limit=1) == []


def test_a_search_in_a_layout_finds_what_a_search_without_one_finds() -> None:
    text = f"{prose(300)}\n\nThe Harbour Master's BOATS, ÉCOLE and harbours.\n\n{prose(300, 1)}"
    layout = lay_out(text)
    assert list(zip(layout.starts, layout.ends, strict=True)) == [(p.start, p.end) for p in passages(text)]
    for query in ("harbour master's boat", "école", "the mill in the morning"):
        assert search(text, query, limit=5, layout=layout) == search(text, query, limit=5) != []


def test_a_passage_of_hard_wrapped_lines_ends_with_a_sentence() -> None:
    text = "The default weight value of it\nis 50, and the maximum of it\nis 100. " * 40
    found = list(passages(text.strip()))
    assert len(found) > 4
    for passage in found:
        assert text[passage.start : passage.end].strip().startswith("The default")
    chinese = "港务长是王小明。他出生于东京，后来住在上海。" * 60
    assert all(chinese[p.start : p.end].endswith("。") for p in passages(chinese))
    unpunctuated = "one row of a table\n" * 100
    assert all(unpunctuated[p.start : p.end].startswith("one row") for p in passages(unpunctuated))


@pytest.mark.parametrize(
    "words", ["code codes coded coding", "place places placed", "box boxes", "year years"]
)
def test_forms_of_a_word_have_one_stem(words: str) -> None:
    assert len(query_words(words)) == 1


def test_no_passage_crosses_the_stretches_given() -> None:
    text = prose(300)
    cuts = range(0, len(text), 1000)
    layout = lay_out(text, [(cut, min(cut + 1000, len(text))) for cut in cuts])
    assert all(
        start // 1000 == (end - 1) // 1000 for start, end in zip(layout.starts, layout.ends, strict=True)
    )


def test_search_ranks_the_passage_that_is_about_it() -> None:
    needle = "The harbour master of Vellmere was Oskar Brandvold."
    text = f"{prose(300)}\n\n{needle}\n\n{prose(300, 1)}"
    best = search(text, "Who was harbour master of Vellmere?", limit=3)[0]
    assert needle in text[best.start : best.end]
    assert search(text, "quantum chromodynamics", limit=3) == []
    assert search(text, "the of and", limit=3) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Kassel: a town on the Fulda", "Kassel"),
        ("The Rialto Bridge (Italian: Ponte di Rialto) spans", "Rialto Bridge"),
        ("“Siege of Cassel”, 1761", "Siege Cassel"),
        ("St. Louis lies on the river", "St Louis"),
        ("Oslo", "Oslo"),
        ("Лена is a river", "Лена"),
        ("He was born in Oslo", ""),
        ("a town on the Fulda, Kassel", ""),
        ("1911 was a good year", ""),
        ("4.2 Notice period", "Notice"),
        ("Article 12. Notice of defects", "Article Notice"),
        ("", ""),
    ],
)
def test_the_name_that_a_text_begins_with(text: str, name: str) -> None:
    assert opening(text) == query_words(name)
