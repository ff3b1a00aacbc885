"""Workbooks as a person sees them: shown values, hidden and merged cells, what is in no cell, odd and hostile files."""

from pathlib import Path

import pytest

from lcagent.documents import Document, load
from lcagent.documents.formats.number_formats import shown, shown_text
from lcagent.errors import DocumentEmpty, DocumentEncrypted, DocumentTooLarge, UnsupportedFormat
from tests.documents.office import archive, cells, related, workbook


@pytest.fixture
def read(tmp_path: Path):
    def of(data: bytes) -> Document:
        (tmp_path / "a.xlsx").write_bytes(data)
        return load(tmp_path / "a.xlsx")

    return of


@pytest.mark.parametrize(
    ("number", "code", "text"),
    [
        (44289, "m/d/yy", "2021-04-03"),
        (44289, "dd.mm.yyyy", "2021-04-03"),
        (44289, 'yyyy"年"m"月"d"日"', "2021-04-03"),
        (44289, "[$-F800]dddd, mmmm dd, yyyy", "2021-04-03"),
        (44289, "mmm-yy", "2021-04"),
        (44289, "yyyy", "2021"),
        (44289.72918, "m/d/yy h:mm", "2021-04-03 17:30"),
        (44289, "yyyy-mm-dd hh:mm:ss", "2021-04-03"),
        (0.72918, "h:mm AM/PM", "17:30"),
        (0.72918, "h:mm:ss", "17:30:01"),
        (1.0625, "[h]:mm", "25:30"),
        (1 / 24, "mm:ss", "00:00"),
        (59, "d/m/yyyy", "1900-02-28"),
        (61, "d/m/yyyy", "1900-03-01"),
        (-1, "d/m/yyyy", "-1"),
        (0.125, "0.0%", "12.5%"),
        (0.125, "0 %", "13 %"),
        (1234.5, "#,##0.00", "1,234.50"),
        (-1234.5, '_("$"* #,##0.00_);_("$"* (#,##0.00);_("$"* "-"??_);_(@_)', "$(1,234.50)"),
        (0, '_(* #,##0_);_(* (#,##0);_(* "-"_)', "-"),
        (-7, "0;[Red]-0", "-7"),
        (-7, "0.0;[Red](0.0)", "(7.0)"),
        (1234, "#,##0.-", "1,234.-"),
        (12345678, '0.0,,"M"', "12.3M"),
        (12, '0 "MW"', "12 MW"),
        (5, "[$€-407] #,##0.00", "€ 5.00"),
        (5551234567, "(000) 000-0000", "(555) 123-4567"),
        (7, "000", "007"),
        (1234567, "0.00E+00", "1.23E+06"),
        (12345, "##0.0E+0", "12.3E+3"),
        (2.5, "# ?/?", "2 1/2"),
        (0.5, "# ?/8", "4/8"),
        (3, "0.##", "3"),
        (0.05, ".00", ".05"),
        (1.005, "0.00", "1.01"),
        (-0.3, "0", "0"),
        (150, '[>100]"big";"small"', "big"),
        (50, '[>100]"big";"small"', "small"),
        (7, ";;;", ""),
        (-5, 'General" kg"', "-5 kg"),
        (0.1 + 0.2, "", "0.3"),
        (1 / 3, "General", "0.3333333333"),
        (123456789012, "", "123456789012"),
        (0.00001, "", "1E-05"),
        (1e22, "", "1E+22"),
        (1e300, "0.0", f"{10**300}.0"),
    ],
)
def test_numbers_are_written_as_their_cells_show_them(number: float, code: str, text: str) -> None:
    assert shown(number, code) == text


def test_texts_are_written_as_their_cells_show_them() -> None:
    assert [shown_text("Vik", code) for code in ("", "@", '@" Ltd"', "0;0;0;;", "0;0;0", "0.00")] == [
        "Vik", "Vik", "Vik Ltd", "", "Vik", "Vik"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "code", ["[", '"', "\\", ";", "[>", "[>1.2.3]0", "0" * 400, "0/0/0", "E+0", "[$", "0.0.0", "%%%"]
)
def test_a_broken_code_shows_something(code: str) -> None:
    assert isinstance(shown(-1234.5, code) + shown(0, code) + shown_text("x", code), str)


def test_numbers_that_are_none_and_rows_that_are_nowhere(read) -> None:
    rows = (
        '<row r="0"><c s="1"><v>1e999</v></c><c s="1"><v>nan</v></c><c s="1"><v>x</v></c><c s="99"><v>2</v></c></row>'
        '<row r="99999999999"><c><v>3</v></c></row>'
    )
    document = read(workbook({"A": rows}, formats=["#,##0.00" * 30]))
    assert document.text == "1e999 | nan | x | 2" and len(document.health.left_out) == 1


def test_days_from_1904_and_dates_written_out(read) -> None:
    rows = cells(1, 42827, style=1) + '<row r="2"><c t="d"><v>2021-04-03T17:30:00Z</v></c></row>'
    book = workbook({"A": rows}, formats=["dd/mm/yyyy"], properties='date1904="1"')
    assert read(book).text.splitlines() == ["2021-04-03", "2021-04-03 17:30:00"]


def test_strict_files_texts_with_readings_and_odd_characters(read) -> None:
    texts = (
        '<si><t>漢字</t><rPh sb="0" eb="2"><t>カンジ</t></rPh><phoneticPr fontId="1"/></si>'
        '<si><r><t>450</t></r><r><rPr><vertAlign val="superscript"/></rPr><t>1</t></r><r><t> boats, 3 x 10</t></r>'
        '<r><rPr><vertAlign val="superscript"/></rPr><t>6</t></r><r><rPr><strike/></rPr><t>gone</t></r></si>'
        "<si><t>one_x000D_\ntwo_x0000__xD800_ _x0041_</t></si>"
    )
    rows = '<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c><c t="s"><v>2</v></c><c t="s"><v>99</v></c></row>'
    strict = "http://purl.oclc.org/ooxml/spreadsheetml/main"
    document = read(workbook({"A": rows}, texts=texts, main=strict))
    assert document.text == "漢字 | 450[1] boats, 3 x 10^6~~gone~~ | one two A"


def test_errors_truth_and_formulas(read) -> None:
    rows = (
        '<row r="1"><c r="A1" t="e"><f>1/0</f><v>#DIV/0!</v></c><c r="B1" t="b"><v>1</v></c>'
        '<c r="C1" t="str"><f>"a"</f><v>a</v></c><c r="D1" t="str"><f>""</f><v></v></c><c r="E1"><f>1+1</f></c></row>'
    )
    document = read(workbook({"A": rows}))
    assert document.text == "#DIV/0! | TRUE | a"
    assert document.health.left_out == ("1 formula whose value the file does not hold",)


def test_hidden_rows_columns_sheets_and_values_are_named(read) -> None:
    sheet = (
        '<cols><col min="2" max="3" hidden="1"/></cols><sheetData>'
        + cells(1, "Year", "Secret", "", "Cost")
        + cells(2, "1901", "x", "", "4", more='hidden="1"')
        + cells(3, "1902", "y", "", "5")
        + cells(4, 12, style=1)
        + '</sheetData><headerFooter><oddHeader>&amp;L&amp;"Arial"Draft</oddHeader><oddFooter>&amp;P / &amp;N</oddFooter></headerFooter>'
    )
    document = read(
        workbook({"Costs": sheet, "More": cells(1, "z")}, states={"More": "veryHidden"}, formats=[";;;"])
    )
    assert document.text == "Year | Cost\n\n1902 | 5"
    assert document.place(document.text.index("1902")) == "sheet 1 (Costs), row 3"
    assert document.health.left_out == (
        "1 hidden row of sheet Costs", "1 hidden column of sheet Costs", "hidden sheet More",
        "1 value whose format shows nothing", "1 header of printed pages",
    )  # fmt: skip


def test_a_cell_that_spans_rows_stands_in_each_of_them(read) -> None:
    sheet = (
        "<sheetData>"
        + cells(1, "Oil", "May", "4")
        + cells(2, "", "June", "5")
        + cells(4, "", "July")
        + "</sheetData>"
        '<mergeCells><mergeCell ref="A1:A1048576"/><mergeCell ref="B4:C4"/></mergeCells>'
    )
    assert read(workbook({"A": sheet})).text == "Oil | May | 4\nOil | June | 5\n\nOil | July"


def test_far_cells_cost_nothing_and_what_is_too_far_down_is_named(read) -> None:
    rows = (
        '<row r="2"><c r="C2"><v>1</v></c><c r="D2"><v>2</v></c><c r="XFD2"><v>3</v></c></row>'
        '<row r="900000"><c r="C900000"><v>4</v></c></row>'
    )
    document = read(workbook({"A": '<dimension ref="A1:XFD1048576"/><sheetData>' + rows + "</sheetData>"}))
    assert document.text == "\n1 | 2 |  | 3"
    assert document.health.left_out == ("what stands below row 899,999 of sheet A",)


ANCHOR = "<xdr:oneCellAnchor><xdr:from><xdr:col>5</xdr:col><xdr:row>{row}</xdr:row></xdr:from>{shape}</xdr:oneCellAnchor>"
BOX = "<xdr:sp><xdr:nvSpPr><xdr:cNvPr id='1' name='b'{hidden}/></xdr:nvSpPr><xdr:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></xdr:txBody></xdr:sp>"
CHART = "<xdr:graphicFrame><a:graphic><a:graphicData><c:chart r:id='c'/></a:graphicData></a:graphic></xdr:graphicFrame>"


def test_comments_boxes_and_titles_of_charts_stand_in_their_rows(read) -> None:
    comments = (
        "<comments HEAD><authors><author>Ann</author></authors><commentList>"
        '<comment ref="B1" authorId="0"><text><r><t>Ann:</t></r><r><t>\ncheck</t></r></text></comment>'
        '<comment ref="A3" authorId="0"><text><t>[Threaded comment] Your version of Excel …</t></text></comment>'
        "</commentList></comments>"
    )
    threads = '<ThreadedComments><threadedComment ref="A3" personId="p"><text>Really?</text></threadedComment></ThreadedComments>'
    drawing = (
        "<xdr:wsDr HEAD>"
        + ANCHOR.format(row=0, shape=BOX.format(text="In crowns", hidden=""))
        + ANCHOR.format(row=1, shape=BOX.format(text="HID", hidden=" hidden='1'"))
        + ANCHOR.format(row=2, shape=CHART)
        + "</xdr:wsDr>"
    )
    title = "<c:title><c:tx><c:rich><a:p><a:r><a:t>{}</a:t></a:r></a:p></c:rich></c:tx></c:title>"
    chart = f"<c:chartSpace HEAD><c:chart>{title.format('The light')}<c:valAx>{title.format('Crowns')}</c:valAx></c:chart></c:chartSpace>"
    book = workbook(
        {"A": cells(1, "Cost", "4") + cells(2, "x")},
        beside=[
            ("1", "comments", "../comments1.xml"),
            ("2", "threadedComment", "../threads.xml"),
            ("3", "drawing", "../drawings/d.xml"),
        ],
        others={
            "xl/comments1.xml": comments,
            "xl/threads.xml": threads,
            "xl/drawings/d.xml": drawing,
            "xl/drawings/_rels/d.xml.rels": related(("c", "chart", "../charts/c.xml")),
            "xl/charts/c.xml": chart,
        },
    )
    document = read(book)
    assert document.text.splitlines() == [
        "Cost | 4 [Comment by Ann: check] | [In crowns]", "x", "[Comment: Really?] | [chart: The light, Crowns]"
    ]  # fmt: skip
    assert document.health.left_out == ("1 hidden shape of sheet A",)


def test_a_sheet_that_is_a_chart_is_its_values(read) -> None:
    points = "".join(f'<c:pt idx="{at}"><c:v>{day}</c:v></c:pt>' for at, day in enumerate((44289, 44290)))
    chart = (
        "<c:chartSpace HEAD><c:chart><c:plotArea><c:lineChart><c:ser><c:tx><c:v>Boats</c:v></c:tx>"
        f"<c:cat><c:numRef><c:numCache><c:formatCode>m/d/yy</c:formatCode>{points}</c:numCache></c:numRef></c:cat>"
        '<c:val><c:numRef><c:numCache><c:formatCode>General</c:formatCode><c:pt idx="0"><c:v>4.4000000000000004</c:v></c:pt>'
        '<c:pt idx="1"><c:v>5</c:v></c:pt></c:numCache></c:numRef></c:val></c:ser></c:lineChart></c:plotArea></c:chart></c:chartSpace>'
    )
    book = workbook(
        {"Chart": ""},
        beside=[("3", "drawing", "../drawings/d.xml")],
        others={
            "xl/_rels/workbook.xml.rels": related(("s1", "chartsheet", "worksheets/sheet1.xml")),
            "xl/drawings/d.xml": "<xdr:wsDr HEAD/>",
            "xl/drawings/_rels/d.xml.rels": related(("c", "chart", "../charts/c.xml")),
            "xl/charts/c.xml": chart,
        },
    )
    assert read(book).text == "| Boats\n2021-04-03 | 4.4\n2021-04-04 | 5"


def test_a_damaged_sheet_costs_itself(read) -> None:
    book = workbook({"A": "<sheetData><row>", "B": cells(1, "Tea")})
    document = read(book)
    assert document.text == "\nTea" and document.health.left_out == ("damaged or missing sheet A",)


def test_a_workbook_without_words_says_what_it_hides(read) -> None:
    with pytest.raises(DocumentEmpty) as caught:
        read(workbook({"A": "", "B": cells(1, "x")}, states={"B": "hidden"}))
    assert "hidden sheet B" in caught.value.message


def test_swollen_texts_are_refused(read) -> None:
    text = "<si><t>" + "a" * 100_000 + "</t></si>"
    with pytest.raises(DocumentTooLarge):
        read(workbook({"A": "<row>" + '<c t="s"><v>0</v></c>' * 10_000 + "</row>"}, texts=text))


def ole(*streams: str) -> bytes:
    """An OLE file with a directory and no more."""
    names = [stream.encode("utf-16-le") for stream in ("Root Entry", *streams)]
    entries = b"".join(name.ljust(64, b"\0") + bytes([len(name) + 2]) + bytes(63) for name in names)
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(30, b"\0") + b"\x09\0" + bytes(16) + bytes(4)
    return head.ljust(512, b"\0") + entries


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("a.bin", ole("WordDocument"), "an old Word file"),
        ("a.doc", ole("Workbook"), "an old Excel file"),
        ("a", ole("PowerPoint Document"), "an old PowerPoint file"),
        ("a.doc", ole("__properties_version1.0"), "an Outlook message"),
        ("a.doc", ole("Contents"), "an old Word file"),
        ("a.xlsb", archive({"xl/workbook.bin": "x"}), "a binary Excel file"),
        ("a.xls", b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>', "an Excel 2003 file"),
        ("a.xml", b'<?xml version="1.0"?>\n<?mso-application progid="Word.Document"?><w/>', "a Word 2003 file"),
        ("a.pages", archive({"Index/Document.iwa": "x"}), "a file of Pages, Numbers or Keynote"),
    ],
)  # fmt: skip
def test_other_programs_files_are_refused_by_what_they_hold(
    tmp_path: Path, name: str, data: bytes, what: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnsupportedFormat) as caught:
        load(tmp_path / name)
    assert what in caught.value.message and caught.value.hint


@pytest.mark.parametrize("name", ["a.xlsx", "a.docx", "a.pptx"])
def test_a_protected_file_is_refused_as_such(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(ole("EncryptedPackage"))
    with pytest.raises(DocumentEncrypted, match="password"):
        load(tmp_path / name)
