"""Superscripts and subscripts: what they are read as, in HTML, DOCX and PDF by the same rule."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcagent.documents import load
from lcagent.documents.formats.html import html_text
from lcagent.documents.formats.raised import lowered, raised, settle
from tests.documents.archives import docx, epub, p, page, r
from tests.documents.pdf_writer import Pdf

CASES = [
    ("The fleet counted 450<sup>1</sup> boats.", "The fleet counted 450[1] boats."),
    ("4,200<sup>12</sup> and $5<sup>3</sup> in 1931<sup>2</sup>", "4,200[12] and $5[3] in 1931[2]"),
    ("Built in 1911.<sup>2</sup> By Knut<sup>3</sup>", "Built in 1911.[2] By Knut[3]"),
    ("450<sup>a</sup> and 450<sup>*</sup> and 12<sup>1,2</sup>", "450[a] and 450* and 12[1,2]"),
    ("word<sup>[4]</sup> and<sup>1</sup><sup>2</sup>", "word[4] and[1][2]"),
    ("(as they said)<sup>2</sup>", "(as they said)[2]"),
    ("3.2 x 10<sup>6</sup>, 10<sup>−3</sup>, 10<sup>-9</sup>", "3.2 x 10^6, 10^-3, 10^-9"),
    (
        "30 m<sup>2</sup>, 5 km<sup>2</sup>, 9 m/s<sup>2</sup>, 4 s<sup>-1</sup>",
        "30 m^2, 5 km^2, 9 m/s^2, 4 s^-1",
    ),
    ("x<sup>2</sup> + y<sup>n</sup>; E = mc<sup>2</sup>; (a+b)<sup>2</sup>", "x^2 + y^n; E = mc^2; (a+b)^2"),
    ("2<sup>10</sup> = 1024, 5·10<sup>3</sup>, x<sup>2n+1</sup>", "2^10 = 1024, 5·10^3, x^(2n+1)"),
    ("the 1<sup>st</sup>, 2<sup>nd</sup>, 12<sup>th</sup>", "the 1st, 2nd, 12th"),
    ("le XIX<sup>e</sup>, M<sup>me</sup>, n<sup>o</sup> 4", "le XIXe, Mme, no 4"),
    ("Acme<sup>TM</sup> at 20<sup>o</sup>C", "Acme™ at 20°C"),
    ("3<sup>1</sup>/<sub>2</sub> cups", "3 1/2 cups"),
    ("H<sub>2</sub>O, CO<sub>2</sub>, C<sub>6</sub>H<sub>12</sub>", "H2O, CO2, C6H12"),
    ("<sup>Raised</sup> and <sub>lowered</sub>", "Raised and lowered"),
    ("Ca<sup>2+</sup> and <sup>14</sup>C", "Ca^2+ and 14C"),
    ("x<sub>1</sub>5 and T<sub>max</sub>, a<sub>n+1</sub>", "x_(1)5 and T_max, a_(n+1)"),
    ("boats<sup>1)</sup> and 450<sup>12)</sup> men, 7<sup>(3)</sup>", "boats[1] and 450[12] men, 7(3)"),
    ("Knut<sup>12a</sup>, 450<sup>3, 4</sup> and a<sup>2</sup> + 8", "Knut[12a], 450[3, 4] and a^2 + 8"),
    ("company's<sup>2</sup>, plan B<sup>12</sup>, m<sup>9</sup>", "company's[2], plan B[12], m^9"),
    ("(450<sup>2</sup> boats) at 5 km<sup>7</sup>, 10<sup>a</sup>", "(450[2] boats) at 5 km[7], 10[a]"),
    (
        "the M<sup>c</sup>Donald, x<sup>n-1</sup>, P<sup>C</sup>, m<sup>0</sup>",
        "the McDonald, x^(n-1), P^C, m^0",
    ),
    ("iodine (<sup>131</sup>I) and Y<sub>2</sub>, N<sub>2</sub>", "iodine (131I) and Y_2, N2"),
    ("trustees.<sup>/</sup> A", "trustees./ A"),
]
SPLIT = [
    ("Lipparelli<sup>(</sup><sup>1)</sup> said", "Lipparelli(1) said"),
    ("Lipparelli<sup>[</sup><sup>1</sup><sup>]</sup>", "Lipparelli[1]"),
    ("Lipparelli<sup>(</sup> said<sup>2</sup>", "Lipparelli^(() said[2]"),
]


def of_runs(html: str) -> str:
    """The same text as runs of a DOCX file."""
    runs = ""
    for kind, raised_text, plain in re.findall(r"<(su[pb])>(.*?)</su[pb]>|([^<]+)", html):
        placed = {"sup": "superscript", "sub": "subscript", "": ""}[kind]
        runs += r(plain or raised_text, f'<w:vertAlign w:val="{placed}"/>' if placed else "")
    return runs


@pytest.mark.parametrize(("html", "text"), CASES)
def test_a_superscript_joins_no_figure_to_another(tmp_path: Path, html: str, text: str) -> None:
    assert html_text(f"<p>{html}</p>") == f"{text}\n"
    (tmp_path / "a.epub").write_bytes(epub({"OPS/a.xhtml": page(html)}))
    assert load(tmp_path / "a.epub").text == f"{text}\n\n"
    if "</sup><sup>" not in html:  # two runs side by side are one superscript
        (tmp_path / "a.docx").write_bytes(docx(p(of_runs(html))))
        assert load(tmp_path / "a.docx").text == f"{text}\n"


def of_glyphs(html: str) -> str:
    """The same text as it is drawn on a page of a PDF."""
    drawn = ""
    for kind, script, plain in re.findall(r"<(su[pb])>(.*?)</su[pb]>|([^<]+)", html):
        rise, size = {"sup": (5, 8), "sub": (-3, 8), "": (0, 12)}[kind]
        words = re.sub("[()]", r"\\\g<0>", plain or script)
        drawn += f"{rise} Ts /F1 {size} Tf ({words}) Tj "
    return f"BT 72 700 Td {drawn} ET"


DRAWN = [
    (html, right)
    for html, right in CASES
    if html.isascii() and not html.startswith("<") and "</sup><sup>" not in html and "(<sup>" not in html
]


@pytest.mark.parametrize(("html", "right"), DRAWN)
def test_a_pdf_is_written_by_the_same_rule(tmp_path: Path, html: str, right: str) -> None:
    (tmp_path / "a.pdf").write_bytes(Pdf([of_glyphs(html)]).made())
    assert load(tmp_path / "a.pdf").text == right


@pytest.mark.parametrize(("html", "right"), SPLIT)
def test_a_mark_in_pieces_is_one(html: str, right: str) -> None:
    assert html_text(f"<p>{html}</p>") == f"{right}\n"


@pytest.mark.parametrize(
    "mark",
    [
        '<sup><a href="#n6">6</a></sup>',
        '<a href="n.html#n6"><sup>6</sup></a>',
        '<a role="doc-noteref" href="x">6</a>',
    ],
)
def test_a_link_to_a_note_is_its_mark_even_behind_ten(mark: str) -> None:
    assert html_text(f"<p>All 10{mark} boats</p>") == "All 10[6] boats\n"


@pytest.mark.parametrize("style", ['style="vertical-align: super"', 'class="superscript"'])
def test_what_a_style_raises_is_raised(style: str) -> None:
    assert html_text(f"<p>450<span {style}>1</span> boats</p>") == "450[1] boats\n"


@given(st.lists(st.tuples(st.sampled_from(["", "up", "down", "note"]), st.text(max_size=6)), max_size=8))
def test_no_mark_of_ours_is_left_and_no_word_lost(parts: list[tuple[str, str]]) -> None:
    make = {"": str, "up": raised, "down": lowered, "note": lambda text: raised(text, note=True)}
    written = settle("".join(make[kind](re.sub("[\ufdd0-\ufdd3]", "", text)) for kind, text in parts))
    assert not re.search("[\ufdd0-\ufdd3]", written)
    digits = "".join(re.findall(r"\d", "".join(text for _, text in parts)))
    assert re.findall(r"\d", written) == list(digits) or "°" in written


def test_a_long_figure_before_a_subscript_is_read_at_all() -> None:
    assert (
        settle("1" * 47 + "b" + lowered("2")) == "1" * 47 + "b_2"
    )  # each further figure once doubled the time
