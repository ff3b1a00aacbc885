"""DOCX as Word shows it: numbers, notes, boxes, formulas, what is hidden, and files that are odd or hostile."""

import io
import zipfile
from pathlib import Path

import pytest

from lcagent.documents import Document, Outline, load
from lcagent.documents.headings import headings_text
from lcagent.errors import DocumentEmpty
from tests.documents.archives import docx, p, part, r, relations, row, table, zipped


@pytest.fixture
def read(tmp_path: Path):
    def of(data: bytes) -> Document:
        (tmp_path / "a.docx").write_bytes(data)
        return load(tmp_path / "a.docx")

    return of


def level(at: int, kind: str, text: str, more: str = "", start: int = 1) -> str:
    return (
        f'<w:lvl w:ilvl="{at}"><w:start w:val="{start}"/><w:numFmt w:val="{kind}"/>{more}'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
    )


def numbered(definition: str, *lists: str, more: str = "") -> str:
    """A definition of numbers, and lists of it, of which each may begin anew."""
    return f'<w:abstractNum w:abstractNumId="0">{definition}</w:abstractNum>{more}' + "".join(
        f'<w:num w:numId="{at}"><w:abstractNumId w:val="0"/>{one}</w:num>' for at, one in enumerate(lists, 1)
    )


def item(text: str, at: int = 0, of: int = 1) -> str:
    return p(text, f'<w:numPr><w:ilvl w:val="{at}"/><w:numId w:val="{of}"/></w:numPr>')


LEGAL = level(0, "decimal", "%1.") + level(1, "decimal", "%1.%2") + level(2, "lowerLetter", "%3)")
ANEW = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride>'


def test_clauses_have_the_numbers_that_word_prints(read) -> None:
    body = (
        item("Scope") + item("Coal is delivered.", 1) + item("by ship", 2) + item("by rail", 2) + item("In cash.", 1)
        + item("Notice") + item("In writing.", 1) + item("Anew", of=2) + item("goes on", of=1)
    )  # fmt: skip
    assert read(docx(body, numbering=numbered(LEGAL, "", ANEW))).text.split("\n")[:-1] == [
        "1. Scope", "1.1 Coal is delivered.", "a) by ship", "b) by rail", "1.2 In cash.",
        "2. Notice", "2.1 In writing.", "1. Anew", "2. goes on",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("definition", "labels"),
    [
        (level(0, "lowerRoman", "(%1)", start=3), ["(iii)", "(iv)", "(v)"]),
        (level(0, "upperLetter", "Annex %1:", start=26), ["Annex Z:", "Annex AA:", "Annex BB:"]),
        (level(0, "decimalZero", "%1"), ["01", "02", "03"]),
        (level(0, "ordinal", "%1"), ["1st", "2nd", "3rd"]),
        (level(0, "ordinalText", "%1"), ["First", "Second", "Third"]),
        (level(0, "chineseCounting", "%1、"), ["一、", "二、", "三、"]),
        (level(0, "bullet", "\uf0b7"), ["", "", ""]),
    ],
)
def test_ways_of_counting(read, definition: str, labels: list[str]) -> None:
    text = read(docx("".join(map(item, "xyz")), numbering=numbered(definition, ""))).text
    assert text.split("\n")[:-1] == [f"{label} {x}".strip() for label, x in zip(labels, "xyz", strict=True)]


def test_headings_are_numbered_by_their_styles(read) -> None:
    styles = (
        '<w:style w:type="paragraph" w:styleId="H1"><w:name w:val="heading 1"/><w:pPr><w:numPr><w:numId w:val="1"/>'
        '</w:numPr></w:pPr></w:style><w:style w:type="paragraph" w:styleId="H2"><w:name w:val="heading 2"/>'
        '<w:basedOn w:val="H1"/></w:style>'
    )
    definition = level(0, "upperRoman", "%1", '<w:pStyle w:val="H1"/>') + level(
        1, "decimal", "%1.%2", '<w:pStyle w:val="H2"/><w:isLgl/>'
    )
    heads = [
        p(text, f'<w:pStyle w:val="{style}"/>')
        for text, style in (("Terms", "H1"), ("Notice", "H2"), ("Rent", "H2"))
    ]
    off = p("Plain", '<w:pStyle w:val="H1"/><w:numPr><w:numId w:val="0"/></w:numPr>')
    text = read(docx("".join(heads) + off, styles=styles, numbering=numbered(definition, ""))).text
    assert text == "I Terms\n\n1.1 Notice\n\n1.2 Rent\n\nPlain\n"


SPAN = '<w:tcPr><w:gridSpan w:val="2"/></w:tcPr>'
DOWN = '<w:tcPr><w:vMerge w:val="restart"/></w:tcPr>'
ON = "<w:tcPr><w:vMerge/></w:tcPr>"


def test_a_row_is_one_line_whatever_its_cells_hold(read) -> None:
    inner = p("4,020") + table(row("of it coal", "1,777"))
    rows = [
        row("Year", "Income", "Cost"), row("1902", p("4,350") + p("crowns"), inner),
        row(DOWN + p("Oil"), "1", "2"), row(ON + p(r("")), "3", "4"), row(SPAN + p("Sum"), "9"),
    ]  # fmt: skip
    assert read(docx(p("Before") + table(*rows) + p("After"))).text == (
        "Before\n\nYear | Income | Cost\n1902 | 4,350 crowns | 4,020 (of it coal: 1,777)\nOil | 1 | 2\nOil | 3 | 4\n"
        "Sum |  | 9\n\nAfter\n"
    )


def test_a_row_in_mid_table_stands_under_the_row_that_repeats_on_each_page(read) -> None:
    rows = [row("No.", "1901", properties="<w:tblHeader/>"), *(row(str(n), f"cost-{n}") for n in range(50))]
    text = read(docx(table(*rows))).text
    assert headings_text(Outline(text), text.index("cost-40"), 400) == "No. | 1901"


NOTE = '<w:r><w:footnoteReference w:id="2"/></w:r>'
NOTES = part("footnotes", f'<w:footnote w:id="2">{p("The builder was Knut Solem.")}</w:footnote>')
COMMENT = '<w:r><w:commentReference w:id="0"/></w:r>'
COMMENTS = part("comments", f'<w:comment w:id="0" w:author="Ingrid Moe">{p("Should be 340.")}</w:comment>')


def test_notes_and_comments_stand_behind_what_they_are_made_on(read) -> None:
    endnote = part("endnotes", f'<w:endnote w:id="5">{p("See the rolls.")}</w:endnote>')
    body = p(r("Built in 1911.") + NOTE) + p(r("Rent is 300.") + COMMENT) + p(
        r("It is old.") + '<w:r><w:endnoteReference w:id="5"/></w:r>'
    ) + p("Last.")  # fmt: skip
    document = read(docx(
        body, ("f", "footnotes", "footnotes.xml", NOTES), ("c", "comments", "comments.xml", COMMENTS),
        ("e", "endnotes", "endnotes.xml", endnote),
    ))  # fmt: skip
    assert document.text == (
        "Built in 1911.[1]\n\n[1] The builder was Knut Solem.\n\nRent is 300.\n\n[Comment by Ingrid Moe] Should be 340."
        "\n\nIt is old.[i]\n\nLast.\n\n[i] See the rolls.\n"
    )


def test_a_note_in_a_table_does_not_break_its_rows(read) -> None:
    body = table(row("a", p(r("450") + NOTE)), row("b", "c"))
    text = read(docx(body, ("f", "footnotes", "footnotes.xml", NOTES))).text
    assert text == "a | 450[1]\nb | c\n\n[1] The builder was Knut Solem.\n"


def section(*references: str, more: str = "") -> str:
    written = "".join(
        f'<w:{name.split("-")[0]}Reference w:type="{name.split("-")[1]}" r:id="{name}"/>'
        for name in references
    )
    return f"<w:sectPr>{written}{more}</w:sectPr>"


def test_headers_and_footers_are_read_once(read) -> None:
    names = ["header-default", "header-first", "footer-default", "header-even"]
    others = [(n, n.split("-")[0], f"{n}.xml", part("hdr", p(f"The {n}."))) for n in names]
    number = ("footer-x", "footer", "x.xml", part("ftr", p("3")))
    body = p("One", section(*names)) + p("Two") + section("header-default", "footer-x")
    text = read(docx(body, *others, number)).text
    assert text == "[Page header] The header-default.\n\nOne\n\nTwo\n\n[Page footer] The footer-default.\n"
    titled = read(docx(p("One") + section(*names, more="<w:titlePg/>"), *others)).text
    assert "The header-first." in titled and "header-even" not in titled
    later = read(docx(p("One", section(*names)) + p("Two") + section(more="<w:titlePg/>"), *others)).text
    assert "[Page header] The header-first." in later  # taken over from the section before


def counted(kind: str, more: str = "", of: str = "footnote") -> str:
    return f'<w:{of}Pr><w:numFmt w:val="{kind}"/>{more}</w:{of}Pr>'


ANEW_IN_EACH = '<w:numRestart w:val="eachSect"/>'


@pytest.mark.parametrize(
    ("settings", "first", "second", "marks"),
    [
        ("", "", "", "1 2 3 4"),
        (counted("lowerRoman", '<w:numStart w:val="4"/>'), "", "", "iv v vi vii"),
        (counted("chicago"), "", "", "* † ‡ §"),
        ("", counted("lowerLetter"), counted("decimal"), "a b 3 4"),
        ("", counted("upperLetter", ANEW_IN_EACH), counted("lowerLetter", ANEW_IN_EACH), "A B a b"),
        ("", f"<w:sectPrChange><w:sectPr>{counted('chicago')}</w:sectPr></w:sectPrChange>", counted("decimal"), "1 2 3 4"),
    ],
)  # fmt: skip
def test_notes_are_counted_as_each_section_says(
    read, settings: str, first: str, second: str, marks: str
) -> None:
    notes = part(
        "footnotes", "".join(f'<w:footnote w:id="{n}">{p(f"Note {n}.")}</w:footnote>' for n in range(4))
    )
    one, two, three, four = (
        p(r(f"word{n}") + f'<w:r><w:footnoteReference w:id="{n}"/></w:r>') for n in range(4)
    )
    body = (
        one
        + two.replace("<w:p>", f"<w:p><w:pPr>{section(more=first)}</w:pPr>")
        + three
        + four
        + section(more=second)
    )
    others = [
        ("f", "footnotes", "footnotes.xml", notes),
        ("s", "settings", "settings.xml", part("settings", settings)),
    ]
    text = read(docx(body, *others)).text
    assert [line for line in text.split("\n\n") if line.startswith("word")] == [
        f"word{n}[{mark}]" for n, mark in enumerate(marks.split())
    ]
    assert f"[{marks.split()[3]}] Note 3." in text


BOX = f"<w:txbxContent>{p('In the box.')}{p('Twice.')}</w:txbxContent>"
DRAWN = f"<w:drawing><wp:inline><a:graphic><wps:wsp><wps:txbx>{BOX}</wps:txbx></wps:wsp></a:graphic></wp:inline></w:drawing>"
VML = f"<w:pict><v:shape><v:textbox>{BOX}</v:textbox></v:shape></w:pict>"


@pytest.mark.parametrize(
    "box",
    [
        DRAWN,
        VML,
        f'<mc:AlternateContent><mc:Choice Requires="wps">{DRAWN}</mc:Choice><mc:Fallback>{VML}</mc:Fallback>'
        "</mc:AlternateContent>",
        f'<mc:AlternateContent><mc:Choice Requires="x"/><mc:Fallback>{VML}</mc:Fallback></mc:AlternateContent>',
    ],
)
def test_a_text_box_is_read_once(read, box: str) -> None:
    assert (
        read(docx(p(f"{r('Anchor.')}<w:r>{box}</w:r>") + p("Next."))).text
        == "Anchor.\n\nIn the box.\n\nTwice.\n\nNext.\n"
    )


def run(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (run("m=75"), "m=75"),
        (f"<m:f><m:num>{run('a')}</m:num><m:den>{run('b+1')}</m:den></m:f>", "a/(b+1)"),
        (f"<m:sSup><m:e>{run('10')}</m:e><m:sup>{run('-6')}</m:sup></m:sSup>", "10^-6"),
        (f"<m:rad><m:deg/><m:e>{run('x')}</m:e></m:rad>", "sqrt(x)"),
        (f"<m:rad><m:deg>{run('3')}</m:deg><m:e>{run('x')}</m:e></m:rad>", "root(x, 3)"),
        (f"<m:d><m:e>{run('a')}</m:e></m:d>", "(a)"),
        (f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{run("i=1")}</m:sub><m:sup>{run("n")}</m:sup>'
         f"<m:e>{run('i')}</m:e></m:nary>", "∑_(i=1)^n i"),
        ("<m:sSup><m:e>" * 300 + run("x") + "</m:e></m:sSup>" * 300, "x"),
    ],
)  # fmt: skip
def test_formulas(read, formula: str, text: str) -> None:
    assert (
        read(docx(p(f"{r('with ')}<m:oMath>{formula}</m:oMath>{r(' tonnes')}"))).text
        == f"with {text} tonnes\n"
    )


def test_what_is_hidden_or_deleted_is_left_out_and_told(read) -> None:
    styles = '<w:style w:type="character" w:styleId="S"><w:rPr><w:vanish/></w:rPr></w:style>'
    body = p(
        r("The due is ") + '<w:del w:id="1"><w:r><w:delText>99</w:delText></w:r></w:del>'
        + f'<w:ins w:id="2">{r("12")}</w:ins>' + r(" crowns") + r("77", "<w:vanish/>") + r("55", '<w:rStyle w:val="S"/>')
        + r(".", '<w:vanish w:val="0"/>')
    ) + table(row("a", "b"), row("gone", "c", properties='<w:del w:id="3"/>'))  # fmt: skip
    document = read(docx(body, styles=styles))
    assert document.text == "The due is 12 crowns.\n\na | b\n"
    assert document.health.left_out == ("2 tracked deletions", "2 passages of hidden text")


SYMBOL = '<w:r><w:sym w:font="{}" w:char="{}"/></w:r>'
TICK = '<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:checkBox><w:checked/></w:checkBox></w:ffData></w:fldChar></w:r>'
FIELD = (
    '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>PAGE</w:instrText></w:r>'
    f'<w:r><w:fldChar w:fldCharType="separate"/></w:r>{r("7")}<w:r><w:fldChar w:fldCharType="end"/></w:r>'
)


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        (SYMBOL.format("Symbol", "F061"), "α"), (SYMBOL.format("Wingdings", "F0FE"), "☑"),
        ("<w:r><w:sym/></w:r>" + r("x"), "x"), (TICK + r(" yes"), "[x] yes"), (FIELD, "7"),
        (r("a") + "<w:r><w:tab/></w:r>" + r("b"), "a\tb"), (r("a") + "<w:r><w:br/></w:r>" + r("b"), "a\nb"),
        (r("ha\u00adr") + "<w:r><w:softHyphen/></w:r>" + r("bour"), "harbour"),
        (r("x") + "<w:r><w:noBreakHyphen/></w:r>" + r("y"), "x-y"), (r("12", "<w:strike/>"), "~~12~~"),
        (f"<w:sdt><w:sdtPr/><w:sdtContent>{r('chosen')}</w:sdtContent></w:sdt>", "chosen"),
        (f'<w:hyperlink r:id="gone">{r("link")}</w:hyperlink>', "link"), (f"<w:smartTag>{r('tag')}</w:smartTag>", "tag"),
        ('<w:r><w:drawing><wp:docPr id="1" descr="a chart of the catch"/></w:drawing></w:r>', "[picture: a chart of the catch]"),
    ],
)  # fmt: skip
def test_runs(read, runs: str, text: str) -> None:
    assert read(docx(p(runs))).text == f"{text}\n"


CHART = (
    '<c:chartSpace xmlns:c="x" xmlns:a="y"><c:title><a:t>Catch</a:t></c:title><c:ser><c:tx><c:v>Herring</c:v></c:tx>'
    '<c:cat><c:pt idx="0"><c:v>1902</c:v></c:pt></c:cat><c:val><c:pt idx="0"><c:v>812</c:v></c:pt></c:val></c:ser>'
    "</c:chartSpace>"
)


def test_parts_that_are_documents_of_their_own(read) -> None:
    chunks = "".join(f'<w:altChunk r:id="{name}"/>' for name in ("h", "t", "d", "rtf", "gone"))
    chart = p('<w:r><w:drawing><a:graphic><c:chart r:id="c"/></a:graphic></w:drawing></w:r>')
    document = read(docx(
        p("Body.") + chunks + chart, ("h", "aFChunk", "a.html", "<p>The <b>page</b>.</p>"), ("t", "aFChunk", "a.txt", "A note."),
        ("d", "aFChunk", "b.docx", docx(p("Inner."))), ("rtf", "aFChunk", "c.rtf", "{\\rtf1 x}"),
        ("c", "chart", "chart1.xml", CHART),
    ))  # fmt: skip
    assert document.text == "Body.\n\nThe page.\n\nA note.\n\nInner.\n\nChart: Catch\n| Herring\n1902 | 812\n"
    assert document.health.left_out == ("1 missing part", "an embedded RTF part (c.rtf)")


@pytest.mark.parametrize(
    "data",
    [
        docx(p("Tora Vik.", '<w:pStyle w:val="unknown"/>'), styles='<w:style><w:name w:val="x"/></w:style>'),
        docx(p('<w:r><w:drawing><a:blip r:embed="p"/></w:drawing></w:r>' + r("Tora Vik.")), ("p", "image", "NULL", "")),
        docx(p('<w:r><w:drawing><a:blip r:link="p"/></w:drawing></w:r>' + r("Tora Vik.")), ("p", "image", "https://x/y.png", "")),
        docx(p("Tora Vik."), ("s", "styles", "styles.xml", "<broken"), ("n", "numbering", "gone.xml", "")),
        docx(item("Tora Vik.", of=9), numbering="<w:num/><w:num w:numId='9'/><w:abstractNum/>"),
        docx(item("Tora Vik."), numbering=numbered(level(0, "", "%9")).replace('numId="1"', 'numId="x"')),
        docx(p("Tora Vik.") + "<w:tbl/><w:tr/><w:tc/><w:p/><odd xmlns='o'/>"),
        docx(p("<w:r><w:t/></w:r><w:r/>" + r("Tora Vik.") + "<w:hyperlink w:anchor='x'/>")),
        docx(p("<w:ins>" * 3000 + r("Tora Vik.") + "</w:ins>" * 3000)),
    ],
)  # fmt: skip
def test_one_odd_element_costs_itself_and_not_the_file(read, data: bytes) -> None:
    document = read(data)
    assert document.text == "Tora Vik.\n" and not document.warnings


def test_a_note_that_is_gone_is_told(read) -> None:
    document = read(docx(p(r("Tora Vik.") + NOTE + COMMENT)))
    assert document.text == "Tora Vik.[1]\n"
    assert document.health.left_out == ("1 missing footnote", "1 missing comment")


ENTITIES = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY y "&x;&x;">]>'


@pytest.mark.parametrize(
    "body",
    [
        part("document", f"<w:body>{p('One.')}{p('Tora Vik &amp; son.')}</w:body>")[:-30],
        part("document", f"<w:body>{p('One.')}{p('Tora Vik &amp; son.')}<w:p></w:body>"),
        ENTITIES + part("document", f"<w:body>{p('One.')}{p('Tora&y; Vik &amp; son.')}</w:body>")[38:],
        (ENTITIES + part("document", f"<w:body>{p('One.')}{p('Tora Vik &amp; son.')}</w:body>")[38:]).encode(
            "utf-16"
        ),
    ],
)
def test_markup_that_is_none_is_read_as_plain_text_and_told(read, body: str | bytes) -> None:
    document = read(zipped({"word/document.xml": body}))
    assert document.text == "One.\n\nTora Vik & son.\n"
    assert "read as plain text" in document.warnings[0]


def test_a_part_of_which_the_end_is_damaged_is_read_up_to_there(read) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(
            "word/document.xml", part("document", "<w:body>" + p("Tora Vik.") + p("x" * 200_000))
        )
    document = read(data.getvalue().replace(b"x" * 150_000, b"y" * 150_000))
    assert document.text.startswith("Tora Vik.") and "damaged" in document.warnings[0]


def test_the_body_is_where_the_relations_say(read) -> None:
    body = part("document", f"<w:body>{p('Tora Vik.')}</w:body>")
    rels = relations(("r", "officeDocument", "/word/document2.xml"))
    assert (
        read(zipped({"_rels/.rels": rels, "word/document2.xml": body, "word/document.xml": ""})).text
        == "Tora Vik.\n"
    )


def test_nothing_but_pictures_is_an_empty_document(read) -> None:
    with pytest.raises(DocumentEmpty):
        read(docx(p('<w:r><w:drawing><a:blip r:embed="p"/></w:drawing></w:r>')))
