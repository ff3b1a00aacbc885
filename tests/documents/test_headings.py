"""The headings above a character: what is taken for one, what is not, and what always holds."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcagent.documents import Outline, Page, headings_text
from lcagent.documents.formats.html import html_text
from lcagent.documents.headings import MOST_CHARS, MOST_HEADER_CHARS

BODY = "The tenant may leave the house at the end of any month that follows, if this was said in writing."


def above(text: str, mark: str) -> str:
    return headings_text(Outline(text), text.index(mark), 400)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"# Contract\n\n## Terms\n\n{BODY} HERE\n", "Contract > Terms"),
        (f"# Contract\n\n## Terms\n\n{BODY}\n\n## Rent ##\n\nHERE\n", "Contract > Rent"),
        (f"4 Terms\n\n4.2 Notice period\n{BODY} HERE", "4 Terms > 4.2 Notice period"),
        (f"4 Terms\n\n4.2 Notice period\n{BODY}\n\n5 Rent\n{BODY} HERE", "5 Rent"),
        (f"§ 12 Kündigung\n\n{BODY} HERE", "§ 12 Kündigung"),
        (f"PART II\n\nCHAPTER III.\n\n{BODY}\n\nHERE", "PART II > CHAPTER III."),
        (f"Kapitel 4: Die Reise\n\n{BODY} HERE", "Kapitel 4: Die Reise"),
        (f"第三章 旅行\n\n{BODY} HERE", "第三章 旅行"),
        (f"Глава 5\n\n{BODY} HERE", "Глава 5"),
        (f"Lease\n=====\n\nNotice\n------\n{BODY} HERE", "Lease > Notice"),
        (f"== History ==\n{BODY} HERE", "History"),
        (f"{BODY}\n\nNotice period\n\n{BODY} HERE", "Notice period"),
        (f"{BODY}\nNotice period\n{BODY} HERE", "Notice period"),
        (f"Terms\n\nNotice period\n\n{BODY} HERE", "Terms > Notice period"),
        (f"Lease\n\n1 Rent\n\n{BODY}\n\n2 Notice\n\n{BODY} HERE", "Lease > 2 Notice"),
        (f"**Notice period**\n\n{BODY} HERE", "Notice period"),
        (f"{BODY}\r\n\r\n4.2 Notice period\r\n{BODY} HERE", "4.2 Notice period"),
        (
            "=== Session 1 — 1:56 pm on 8 May, 2023 ===\n[D1:1] Ann: Hey HERE",
            "Session 1 — 1:56 pm on 8 May, 2023",
        ),
        ("Session 3, 8 May 2023\nAnn: Hey! HERE", "Session 3, 8 May 2023"),
        ("[2023-05-08]\nAnn: Hey! HERE", "[2023-05-08]"),
        ("DATE: 1:56 pm on 8 May, 2023\nAnn: Hey! HERE", "DATE: 1:56 pm on 8 May, 2023"),
        ("Session 3\n\n8 de mayo de 2023\nAnn: Hola. HERE", "Session 3 > 8 de mayo de 2023"),
        ("2023年5月8日\n安: 你好 HERE", "2023年5月8日"),
        ("## Costs\n\n| Item | Spent |\n|---|---|\n| Oil | HERE |", "Costs > | Item | Spent |"),
        ("Name\tRole\nAnn\tCook\nBea\tHERE\n", "Name\tRole".replace("\t", " ")),
        ("name,role,since\nAnn,Cook,1911\nBea,HERE,1912\n", "name,role,since"),
    ],
)
def test_headings_are_found_by_their_form(text: str, expected: str) -> None:
    assert above(text, "HERE") == expected


@pytest.mark.parametrize(
    "text",
    [
        "He went home. HERE",
        "1. Wash the apples\n2. Peel the apples\n3. Boil them\n\nHERE",
        "1 Terms ........ 3\n2 Rent ........ 5\n\nHERE",
        "CHAPTER I\nCHAPTER II\nCHAPTER III\n\nHERE",
        f"{BODY} It is told in section\n8 The storm of that year\nwas a great one. HERE",
        "83 Tower Road North\n\nBristol, the tenth of May. HERE",
        "# one setting\n# and more of it\nkey = 1\nHERE",
        "```\n# a comment\n```\nHERE",
        f"Ann: Hello there\n\n{BODY} HERE",
        "Home\n\nAbout us\n\nContact\n\nNews\n\nHERE",
        f"Dear Sir,\n\n{BODY} HERE",
        "- a\n- b\n\nHERE",
        "Rent: | 900 |\nOil: | 20 |\nHERE: | 1 |",
        "On 8 May 2023 the boat came.\nHERE",
    ],
)
def test_what_only_looks_like_a_heading_is_none(text: str) -> None:
    assert above(text, "HERE") == ""


def test_a_running_header_is_no_heading() -> None:
    first = f"{BODY}\nNotice period\n{BODY}"
    pages = [first, *(f"Annual report {n}\n{BODY}" for n in range(2, 6))]
    text = "\f".join(pages)
    ends = list(itertools.accumulate(len(page) + 1 for page in pages))
    numbered = [Page(n, start, end) for n, (start, end) in enumerate(zip([0, *ends], ends, strict=False), 1)]
    assert headings_text(Outline(text, numbered), len(text)) == "Notice period"


def test_a_table_ends_where_its_rows_end() -> None:
    text = f"a | b\n---|---\n1 | 2\n\n{BODY}\n"
    outline = Outline(text)
    assert [h.kind for h in outline.above(text.index("1 |"))] == ["table"]
    assert outline.above(text.index("tenant")) == ()
    assert outline.above(0) == ()


def test_a_heading_stands_under_those_above_it_but_not_under_itself() -> None:
    text = f"# Terms\n\n## Notice\n\n{BODY}"
    outline = Outline(text)
    assert [h.text for h in outline.above(text.index("Notice") + 2)] == ["Terms"]
    assert outline.above(text.index("Terms")) == ()


def test_html_headings_and_table_headers_survive_the_parser() -> None:
    text = html_text(
        f"<h1>Lease</h1><h2>4.2 Notice</h2><p>{BODY}</p><table><tr><th><p>Month</p></th><th>Rent</th></tr>"
        "<tr><td><p>May</p></td><td>900</td></tr></table><ul><li>One</li> <li><p>Two</p></li></ul>"
    )
    assert above(text, "tenant") == "Lease > 4.2 Notice"
    assert above(text, "900") == "Lease > 4.2 Notice > Month | Rent"
    assert "One\nTwo\n" in text


def test_the_outermost_headings_go_first_where_there_is_no_room() -> None:
    text = f"# Contract\n\n## Terms and conditions\n\n### Notice\n\n{BODY}"
    outline, at = Outline(text), text.index("tenant")
    assert headings_text(outline, at, 32) == "Terms and conditions > Notice"
    assert headings_text(outline, at, 10) == "Notice"
    assert headings_text(outline, at, 4) == "Not…"


PIECES = st.sampled_from(
    ["# A title", "4.2 Notice", "1 Rent", "Terms", BODY, "Session 3", "[2023-05-08]", "| a | b |", "|--|--|", "x,y,z",
     "\t", "\f", "\n", "\r\n", " ", "```", "===", "CHAPTER II", "=== 8 May 2023 ===", "\u2028", "é", "**", "II. Second"]
)  # fmt: skip


@given(st.lists(PIECES | st.text(max_size=6), max_size=40).map("\n".join), st.integers(0, 2000))
def test_headings_are_exact_text_in_order_before_the_place(text: str, at: int) -> None:
    outline = Outline(text)
    found = outline.above(at)
    assert len(found) <= 7
    for heading in found:
        assert text[heading.start : heading.end] == heading.text
        assert 0 < len(heading.text) <= (MOST_HEADER_CHARS if heading.kind == "table" else MOST_CHARS)
        assert heading.end <= at
    assert [h.start for h in found] == sorted({h.start for h in found})
    assert len(headings_text(outline, at, 50)) <= 50


def test_a_list_as_long_as_the_document_takes_no_memory() -> None:
    outline = Outline("8 May 2023\nx\n" * 50_000)
    assert outline.above(400_000) == ()
