"""HTML as a reader sees it: what is shown, what is not, and pages that are meant to take for ever."""

from pathlib import Path

import pytest

from lcagent.documents import Outline, load
from lcagent.documents.formats.html import html_text, read_html
from lcagent.documents.headings import headings_text


def lines(html: str) -> list[str]:
    return html_text(html).split("\n")[:-1]


def cells(*texts: str, tag: str = "td") -> str:
    return "<tr>" + "".join(f"<{tag}>{text}</{tag}>" for text in texts) + "</tr>"


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (cells("1902", "4,350", "4,020"), ["1902 | 4,350 | 4,020"]),
        (cells("1902", "<p>4,350</p><p>crowns</p>", "a<br>b"), ["1902 | 4,350 crowns | a b"]),
        (
            cells("Boats", "<ul><li>Ann</li><li>Bea</li></ul>", "<div><div>x</div></div>"),
            ["Boats | Ann Bea | x"],
        ),
        (cells("a", "", "c") + cells("", "b", ""), ["a |  | c", "| b |"]),
        ("<tr><td rowspan=2>Oil</td><td>1</td></tr>" + cells("2"), ["Oil | 1", "Oil | 2"]),
        ("<tr><td rowspan=0>Oil</td><td>1</td></tr>" + cells("2"), ["Oil | 1", "Oil | 2"]),
        ("<tr><td colspan=2>Oil</td><td>1</td></tr>" + cells("a", "b", "c"), ["Oil |  | 1", "a | b | c"]),
        (
            cells("a", "b<table>" + cells("of it", "7") + cells("else", "8") + "</table>"),
            ["a | b (of it: 7; else: 8)"],
        ),
        (
            "<thead><tr><th rowspan=2>Year<th colspan=2>Income</tr><tr><th>May<th>June</tr></thead>"
            + cells("1902", "4", "5"),
            ["Year | Income May | Income June", "1902 | 4 | 5"],
        ),
        ("<caption>Catch</caption>" + cells("a", "b"), ["Catch", "a | b"]),
        (
            "<tr><td><h1>Title</h1><p>One</p><p>Two</p></td><td>Side</td></tr>",
            ["Title", "", "One", "", "Two", "Side"],
        ),
        ("<tr><td><p>One</p><p>Two</p></td></tr>", ["One", "", "Two"]),
    ],
)
def test_a_row_is_one_line(table: str, expected: list[str]) -> None:
    assert lines(f"<table>{table}</table>") == expected


@pytest.mark.parametrize("head", [("Year", "Income", "Cost"), ("No.", "1901:", "12"), ("", "1901", "1902")])
def test_a_row_in_mid_table_stands_under_the_header(head: tuple[str, ...]) -> None:
    rows = "".join(cells(str(year), "4,350", f"{year}-cost") for year in range(1900, 1990))
    text = html_text(f"<p>Before.</p><table>{cells(*head, tag='th')}{rows}</table><p>After.</p>")
    header = " | ".join(head).strip()
    assert headings_text(Outline(text), text.index("1950-cost"), 400) == header
    assert headings_text(Outline(text), text.index("After"), 400) == ""


def test_a_list_counts_as_its_reader_sees_it() -> None:
    assert lines("<ol start=3><li>c</li><li><p>d</p><ol type=a><li>x</ol><li value=9>e</ol><ul><li>f</ul>") == [
        "3. c", "4. d", "a. x", "9. e", "", "f"
    ]  # fmt: skip
    assert lines("<ul><li><p>One</p>two<li>three<div>four</div>five<li> <p>six</ul>") == [
        "One",
        "two",
        "three",
        "four",
        "five",
        "six",
    ]
    assert lines("<ol type=I reversed><li>a<li>b</ol><ol style='list-style: none'><li>c</ol>") == [
        "II. a", "I. b", "", "c"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>HID</p>",
        "<p hidden=until-found>HID</p>",
        "<ul><li><p hidden>HID</p></li></ul>",
        "<div style='display:none'><p>HID</p></div>",
        "<div style='color:red; DISPLAY : none !important'><p>HID</p></div>",
        "<span style='visibility: hidden'>HID</span>",
        "<span style='font-size:0'>HID</span>",
        "<span style='font-size: 0.0px;'>HID</span>",
        "<span style='color:#FFF'>HID</span>",
        "<span style='color: white; background-color: #ffffff'>HID</span>",
        "<span style='color:#123;background:#123'>HID</span>",
        "<div style='position:absolute;left:-9999px'>HID</div>",
        "<div style='opacity: 0'><p>HID</p></div>",
        "<div style='opacity:0.0%; color:red'><p>HID</p></div>",
        "<template><p>HID</p></template>",
        "<dialog>HID</dialog>",
        "<style>.gone, .x{display:none}</style><p class='a gone'>HID</p>",
        "<style>@media print{p{color:red}} #b {visibility:hidden}</style><p id=b>HID</p>",
    ],
)
def test_what_is_not_shown_is_left_out_and_told(hidden: str) -> None:
    text, left_out = read_html(f"<body><p>The due is 12 crowns.</p>{hidden}</body>")
    assert text == "The due is 12 crowns.\n"
    assert left_out == ("hidden text (1 passage of 3 characters in all)",)


@pytest.mark.parametrize(
    "shown",
    [
        "<p aria-hidden=true>SEEN</p>",
        "<p style='opacity:0.5'>SEEN</p>",
        "<script>fade()</script><p style='opacity:0'>SEEN</p>",  # comes into sight as one scrolls
        "<div style='background:#000'><p style='color:#fff'>SEEN</p></div>",
        "<style>body{background:navy}</style><p style='color:white'>SEEN</p>",
        "<ul style='font-size:0'><li style='font-size:14px'>SEEN</ul>",
        "<style>.a{display:none} .a.on{display:block}</style><p class='a on'>SEEN</p>",
        "<style>@media print{.a{display:none}}</style><p class=a>SEEN</p>",
        "<style>.a:hover{display:none}</style><p class=a>SEEN</p>",
        "<style>.a{display:none}</style><p class=a style='display:block'>SEEN</p>",
        "<style>body{visibility:hidden}</style><p>SEEN</p>",
        "<details><summary>More</summary>SEEN</details>",
        "<noscript><p>SEEN</p></noscript>",
        "<dialog open>SEEN</dialog>",
        "<canvas>SEEN</canvas>",
        "<svg><text>SEEN</text><title>no</title></svg>",
        "<img src=a.png alt='SEEN'>",
        "<iframe srcdoc='&lt;p&gt;SEEN&lt;/p&gt;'>no</iframe>",
        "<input value=SEEN>",
        "<textarea>SEEN</textarea>",
        "<input type=submit value=SEEN>",
    ],
)
def test_what_is_shown_is_read(shown: str) -> None:
    text, left_out = read_html(f"<body>{shown}</body>")
    assert "SEEN" in text and "no" not in text and left_out == ()


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<img alt=''><img alt='image1.png'>x", "x\n"),
        ("<input type=hidden value=9><input type=password value=9>x", "x\n"),
        ("Name: <input value='Oda Lie'> <input type=checkbox checked> yes <input type=radio> no",
         "Name: Oda Lie [x] yes [ ] no\n"),
        ("<select><option>Oslo<option selected>Moss</select>", "[ ] Oslo\n[x] Moss\n"),
        ("The due is <s>12</s> <ins>15</ins> crowns", "The due is ~~12~~ 15 crowns\n"),
        ("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>", "漢(kan)\n"),
        ("He said <q>no</q>.", "He said “no”.\n"),
        ("<pre>def f():\n    return  1</pre>", "def f():\n    return  1\n"),
        (
            "<p>x<pre><b>def</b> <i>f</i>():\n\n    <b>return</b> <i>1</i>\n</pre>y",
            "x\n\ndef f():\n\n    return 1\n\ny\n",
        ),
        ("a<b> b</b> <i>c</i>d", "a b cd\n"),
        ("<math><mfrac><mi>a</mi><mrow><mi>b</mi><mo>+</mo><mn>1</mn></mrow></mfrac><mo>=</mo><msup><mi>x</mi>"
         "<mn>2</mn></msup><msqrt><mn>3</mn></msqrt></math>", "a/(b+1)=x^2sqrt(3)\n"),
    ],
)  # fmt: skip
def test_elements_that_are_more_than_their_text(html: str, text: str) -> None:
    assert html_text(html) == text


def test_frames_are_named_and_what_stands_for_them_is_read(tmp_path: Path) -> None:
    frames = (
        "<frameset cols=2><frame src=a.html><frame src=b.html><noframes><body><p>Hello</noframes></frameset>"
    )
    (tmp_path / "a.html").write_text(f"<html><head><title>T</title></head>{frames}</html>")
    document = load(tmp_path / "a.html")
    assert document.text == "T\n\nHello\n"
    assert document.health.left_out == ("2 framed pages (a.html, b.html)",)


N = 200_000
HOSTILE = {
    "nested": "<div>" * N + "lamp",
    "nested and closed": "<div>" * N + "lamp" + "</div>" * N,
    "lists": "<ul><li>" * N + "lamp",
    "tables": "<table><tr><td>" * N + "lamp",
    "raised": "<sup>" * N + "lamp",
    "quoted": "<s><q>" * N + "lamp",
    "formulas": "<math>" + "<msup>" * N + "lamp",
    "spaces": f"<pre>lamp{' ' * N}x</pre><p>a{' ' * N}b",
    "line breaks": "<br>" * N + "lamp",
    "options": "<select>" + "<option selected>a" * N + "<option>lamp",
    "spans": "<table>" + "<tr><td colspan=1000 rowspan=1000>lamp" * 1000,
    "rules": f"<style>{'.a{display:none}' * N}</style>lamp",
    "frames": "<iframe srcdoc='<p>lamp</p>'></iframe>" * (N // 100),
    "a frame in a frame": "<iframe srcdoc='" * 20 + "<p>x" + "'>" * 20 + "</iframe>lamp",
}


@pytest.mark.slow
@pytest.mark.timeout(60)  # each takes a few seconds at most; in time that grows with the square it is minutes
@pytest.mark.parametrize("name", HOSTILE)
def test_repetition_and_nesting_take_time_in_proportion(name: str) -> None:
    assert "lamp" in html_text(HOSTILE[name])
