"""OpenDocument, sheets and slides: what a person sees is read, or named as not read."""

import io
from datetime import date, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from lcagent.documents import load
from lcagent.errors import DocumentDamaged, DocumentEmpty, DocumentEncrypted, DocumentError, UnsupportedFormat
from tests.documents.office import archive, open_document, shape, slides
from tests.documents.test_load import docx, epub, write
from tests.documents.test_mail import message
from tests.documents.test_rtf import RTF


class TestOpenDocument:
    STYLES = (
        '<style:style style:name="up"><style:text-properties style:text-position="super 58%"/></style:style>'
        '<style:style style:name="gone"><style:text-properties text:display="none"/></style:style>'
        '<text:list-style style:name="numbers"><text:list-level-style-number text:level="1" style:num-suffix="."/></text:list-style>'
    )

    def odt(self, tmp_path: Path, body: str):
        return load(write(tmp_path, "a.odt", open_document("text", body, self.STYLES)))

    def test_paragraphs_headings_spaces_and_lists(self, tmp_path: Path) -> None:
        document = self.odt(
            tmp_path,
            "<text:h>The light</text:h><text:p>Tora<text:s/>Vik<text:tab/>keeps it.</text:p>"
            '<text:list text:style-name="numbers"><text:list-item><text:p>Oil</text:p></text:list-item>'
            "<text:list-item><text:p>Wick</text:p></text:list-item></text:list>",
        )
        assert document.text == "The light\n\nTora Vik keeps it.\n\n1. Oil\n2. Wick\n"

    def test_a_row_is_one_line(self, tmp_path: Path) -> None:
        cell = "<table:table-cell><text:p>{}</text:p><text:p>{}</text:p></table:table-cell>"
        row = (
            "<table:table-row>"
            + cell.format("1902", "May")
            + cell.format("4,020", "crowns")
            + "</table:table-row>"
        )
        document = self.odt(tmp_path, f"<table:table>{row}</table:table>")
        assert document.text == "1902 May | 4,020 crowns\n"

    def test_notes_powers_comments_and_hidden_text(self, tmp_path: Path) -> None:
        document = self.odt(
            tmp_path,
            '<text:p>The fleet had 450<text:note text:id="f"><text:note-citation>1</text:note-citation>'
            "<text:note-body><text:p>Counted in May.</text:p></text:note-body></text:note> boats, 3 x 10"
            '<text:span text:style-name="up">6</text:span> fish.<office:annotation><dc:creator>Ann</dc:creator>'
            '<text:p>Ask again.</text:p></office:annotation><text:span text:style-name="gone">Secret.</text:span></text:p>',
        )
        assert "450[1] boats, 3 x 10^6 fish." in document.text
        assert "[1] Counted in May." in document.text and "[Comment by Ann] Ask again." in document.text
        assert "Secret" not in document.text and document.health.left_out == ("1 passage of hidden text",)

    def test_a_sheet_is_a_page_and_its_rows_are_numbered(self, tmp_path: Path) -> None:
        cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
        rows = (
            "<table:table-row>" + cell.format("Year") + cell.format("Cost") + "</table:table-row>"
            '<table:table-row table:number-rows-repeated="3"><table:table-cell/></table:table-row>'
            "<table:table-row>" + cell.format("1902") + cell.format("4,020") + "</table:table-row>"
            '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16000"/></table:table-row>'
        )
        body = f'<table:table table:name="Costs">{rows}</table:table><table:table table:name="Empty"/>'
        document = load(write(tmp_path, "a.ods", open_document("spreadsheet", body)))
        assert document.place(document.text.index("1902")) == "sheet 1 (Costs), row 5"
        assert len(document.text) < 100

    def test_slides_with_notes(self, tmp_path: Path) -> None:
        page = (
            "<draw:page><draw:frame><draw:text-box><text:p>The light at Vågen</text:p></draw:text-box></draw:frame>"
            "<presentation:notes><draw:frame><draw:text-box><text:p>Speak slowly.</text:p></draw:text-box></draw:frame></presentation:notes></draw:page>"
        )
        document = load(write(tmp_path, "a.odp", open_document("presentation", page * 2)))
        assert document.unit == "slide" and len(document.pages) == 2
        assert document.text.count("The light at Vågen\n[notes] Speak slowly.") == 2

    def test_headers_and_footers_hidden_and_common_styles(self, tmp_path: Path) -> None:
        styles = (
            '<r xmlns:style="s" xmlns:text="t"><style:style style:name="secret"><style:text-properties text:display="none"/>'
            "</style:style><style:master-page><style:header><text:p>Vågen Light</text:p></style:header>"
            "<style:footer><text:p>- 3 -</text:p></style:footer></style:master-page></r>"
        )
        body = '<text:p>Oil.</text:p><text:p text:style-name="child">Gone.</text:p>'
        child = '<style:style style:name="child" style:parent-style-name="secret"/>'
        data = open_document("text", body, child, **{"styles.xml": styles})
        document = load(write(tmp_path, "a.odt", data))
        assert document.text == "[Page header] Vågen Light\n\nOil.\n"
        assert document.health.left_out == ("1 passage of hidden text",)

    def test_numbers_of_lists_and_headings(self, tmp_path: Path) -> None:
        level = '<text:list-level-style-number text:level="{}" style:num-format="{}" style:num-suffix=")"{}/>'
        lists = (
            '<text:list-style style:name="l">'
            + level.format(1, "i", ' text:start-value="3"')
            + level.format(2, "1", ' text:display-levels="2"')
            + "</text:list-style>"
        )
        outline = (
            '<r xmlns:style="s" xmlns:text="t"><text:outline-style>'
            '<text:outline-level-style text:level="1" style:num-format="1"/>'
            '<text:outline-level-style text:level="2" style:num-format="1" text:display-levels="2"/>'
            "</text:outline-style></r>"
        )
        item = "<text:list-item><text:p>{}</text:p>{}</text:list-item>"
        nested = "<text:list>" + item.format("deep", "") + "</text:list>"
        body = (
            '<text:h text:outline-level="1">Light</text:h><text:h text:outline-level="2">Oil</text:h>'
            f'<text:list text:style-name="l">{item.format("a", nested)}{item.format("b", "")}</text:list>'
            f'<text:list text:style-name="l" text:continue-numbering="true">{item.format("c", "")}</text:list>'
            '<text:h text:outline-level="1">Rope</text:h>'
        )
        text = load(
            write(tmp_path, "a.odt", open_document("text", body, lists, **{"styles.xml": outline}))
        ).text
        assert text == "1 Light\n\n1.1 Oil\n\niii) a\n  iii.1) deep\niv) b\n\nv) c\n\n2 Rope\n"

    def test_drawings_pictures_formulas_readings_and_comments(self, tmp_path: Path) -> None:
        math = '<math xmlns="m"><msup><mi>c</mi><mn>2</mn></msup></math>'
        body = (
            "<text:p>A<draw:g><draw:rect><text:p>In a box.</text:p></draw:rect></draw:g>"
            "<text:ruby><text:ruby-base>漢</text:ruby-base><text:ruby-text>かん</text:ruby-text></text:ruby>"
            ' <draw:frame><draw:object xlink:href="./Object 1" xmlns:xlink="x"/><draw:image/></draw:frame></text:p>'
            "<text:p><draw:frame><draw:image/><svg:desc xmlns:svg='v'>The light.</svg:desc></draw:frame></text:p>"
            "<text:p><draw:frame><draw:object/></draw:frame>End.</text:p>"
            "<text:tracked-changes><text:changed-region><text:deletion><text:p>was</text:p></text:deletion>"
            "</text:changed-region><text:changed-region><text:insertion/></text:changed-region></text:tracked-changes>"
        )
        document = load(
            write(tmp_path, "a.odt", open_document("text", body, **{"Object 1/content.xml": math}))
        )
        assert document.text == "A漢(かん) c^2\n\nIn a box.\n\n[picture: The light.]\n\nEnd.\n"
        assert document.health.left_out == ("1 embedded object", "1 tracked deletion")

    def test_a_sheet_hidden_values_without_text_and_notes(self, tmp_path: Path) -> None:
        off = '<style:style style:name="off"><style:table-properties table:display="false"/></style:style>'
        cells = (
            '<table:table-cell office:value-type="float" office:value="12.5"/>'
            "<table:table-cell><office:annotation><text:p>Ask.</text:p></office:annotation><text:p>Oil</text:p></table:table-cell>"
            "<table:table-cell><draw:frame><draw:object/></draw:frame></table:table-cell>"
        )
        body = (
            f'<table:table table:name="Costs"><table:table-row>{cells}</table:table-row></table:table>'
            f'<table:table table:name="Plan" table:style-name="off"><table:table-row>{cells}</table:table-row></table:table>'
        )
        document = load(write(tmp_path, "a.ods", open_document("spreadsheet", body, off)))
        assert document.text == "12.5 | Oil"
        assert set(document.health.left_out) == {"hidden sheet Plan", "1 note of a cell", "1 embedded object"}

    def test_rows_and_cells_that_are_repeated_to_the_edge_cost_nothing(self, tmp_path: Path) -> None:
        cell = '<table:table-cell table:number-columns-repeated="{}"><text:p>{}</text:p></table:table-cell>'
        row = f'<table:table-row table:number-rows-repeated="{{}}">{cell}</table:table-row>'
        body = f"<table:table>{row.format(2, 1, 'Oil')}{row.format(1_048_574, 16_384, '')}</table:table>"
        assert load(write(tmp_path, "a.ods", open_document("spreadsheet", body))).text == "Oil\nOil"

    def test_a_slide_that_is_hidden_keeps_its_number(self, tmp_path: Path) -> None:
        off = '<style:style style:name="off"><style:drawing-page-properties presentation:visibility="hidden"/></style:style>'
        page = "<draw:page{}><draw:custom-shape><text:p>{}</text:p></draw:custom-shape></draw:page>"
        body = page.format(' draw:style-name="off"', "Secret") + page.format("", "Costs")
        document = load(write(tmp_path, "a.odp", open_document("presentation", body, off)))
        assert "Secret" not in document.text and document.health.left_out == ("hidden slide 1",)
        assert document.place(document.text.index("Costs")).startswith("slide 2")

    def test_a_file_of_which_nothing_is_shown_says_what_is_hidden(self, tmp_path: Path) -> None:
        with pytest.raises(DocumentEmpty, match="1 passage of hidden text"):
            self.odt(tmp_path, '<text:p><text:span text:style-name="gone">Secret.</text:span></text:p>')

    def test_protected_and_damaged_and_hostile_ones(self, tmp_path: Path) -> None:
        locked = open_document("text", "", **{"META-INF/manifest.xml": "<m:encryption-data/>"})
        with pytest.raises(DocumentEncrypted):
            load(write(tmp_path, "a.odt", locked))
        kind = {"mimetype": "application/vnd.oasis.opendocument.text"}
        with pytest.raises(DocumentDamaged):
            load(write(tmp_path, "b.odt", archive({**kind, "content.xml": "<broken"})))
        odd = '<?xml version="1.0" encoding="no-such"?><x/>'
        with pytest.raises(DocumentDamaged, match="no XML"):
            load(write(tmp_path, "d.odt", archive({**kind, "content.xml": odd})))
        bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
        with pytest.raises(DocumentDamaged, match="entities"):
            load(write(tmp_path, "c.odt", archive({**kind, "content.xml": bomb})))


class TestWorkbook:
    def test_values_dates_percents_and_places(self, tmp_path: Path) -> None:
        book = Workbook()
        sheet = book.active
        assert sheet is not None
        sheet.title = "Costs"
        sheet.append(["Year", "Cost", "Share", "Day", "At", "Paid"])
        sheet.append([1902, 4020.5, 0.125, date(2021, 4, 3), datetime(2021, 4, 3, 17, 30), True])
        sheet["C2"].number_format = "0.0%"
        sheet["A6"] = "Sum of\nall"
        secret = book.create_sheet("Secret")
        secret["A1"] = "hidden"
        secret.sheet_state = "hidden"
        out = io.BytesIO()
        book.save(out)
        document = load(write(tmp_path, "a.xlsx", out.getvalue()))
        assert document.text.splitlines()[:2] == [
            "Year | Cost | Share | Day | At | Paid",
            "1902 | 4020.5 | 12.5% | 2021-04-03 | 2021-04-03 17:30:00 | TRUE",
        ]
        assert document.place(document.text.index("Sum of all")) == "sheet 1 (Costs), row 6"
        assert document.health.left_out == ("hidden sheet Secret",)

    def test_a_formula_without_its_value_is_told(self, tmp_path: Path) -> None:
        book = Workbook()
        assert book.active is not None
        book.active["A1"] = "Sum"
        book.active["B1"] = "=1+1"
        out = io.BytesIO()
        book.save(out)
        document = load(write(tmp_path, "a.xlsx", out.getvalue()))
        assert document.health.left_out == ("1 formula whose value the file does not hold",)


class TestSlides:
    def test_a_slide_is_a_page(self, tmp_path: Path) -> None:
        table = (
            "<p:graphicFrame><a:graphic><a:graphicData><a:tbl>"
            + "".join(
                "<a:tr>"
                + "".join(
                    f"<a:tc><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>"
                    for text in row
                )
                + "</a:tr>"
                for row in (("Year", "Cost"), ("1902", "4,020"))
            )
            + "</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"
        )
        data = slides(
            shape("Costs", "of the light"),
            table + shape("in crowns"),
            shape("Not shown"),
            shape("End"),
            notes={2: "Ask Tora."},
            hidden=frozenset({3}),
        )
        document = load(write(tmp_path, "a.pptx", data))
        assert document.text.splitlines()[:2] == ["Costs", "of the light"]
        assert "Year | Cost\n1902 | 4,020\nin crowns\n[notes] Ask Tora." in document.text
        assert "Not shown" not in document.text and "hidden slide 3" in document.health.left_out
        assert document.place(document.text.index("End")).startswith("slide 4")


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(50), "a PNG picture"),
        ("a.txt", b"\xff\xd8\xff\xe0" + bytes(50), "a JPEG picture"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(50), "an old Excel file"),
        ("a.msg", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(50), "an Outlook message"),
        ("a.tar.gz", b"\x1f\x8b" + bytes(50), "a gzip archive"),
        ("a.mp4", b"\0\0\0\x18ftypmp42" + bytes(50), "a film"),
        ("a.zip", archive({"x": "y"}), "a ZIP archive"),
        ("a.exe", b"\x7fELF" + bytes(50), "a program"),
    ],
)
def test_what_is_not_read_is_refused_by_name(tmp_path: Path, name: str, data: bytes, kind: str) -> None:
    with pytest.raises(UnsupportedFormat) as caught:
        load(write(tmp_path, name, data))
    assert kind in caught.value.message and caught.value.hint


@pytest.mark.parametrize("at", range(0, 100, 7))
def test_a_damaged_file_is_read_or_refused_in_a_sentence(tmp_path: Path, at: int) -> None:
    """Cut anywhere, or with bytes turned: never an error that is none of ours."""
    book = Workbook()
    assert book.active is not None
    book.active.append(["Tea", 12])
    out = io.BytesIO()
    book.save(out)
    files = {
        "a.xlsx": out.getvalue(), "a.odt": open_document("text", "<text:p>Tea at noon.</text:p>"), "a.docx": docx(),
        "a.epub": epub(), "a.pptx": slides(shape("Tea")), "a.rtf": RTF.encode(),
        "a.eml": message("Tea at noon.", From="a@example.org").as_bytes(),
    }  # fmt: skip
    for name, data in files.items():
        cut = data[: len(data) * at // 100]
        turned = bytearray(data)
        place = len(data) * at // 100
        turned[place : place + 3] = bytes(255 - byte for byte in turned[place : place + 3])
        for broken in (cut, bytes(turned)):
            try:
                load(write(tmp_path, name, broken))
            except DocumentError as error:
                assert error.message
