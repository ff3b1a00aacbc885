"""Mail, RTF, OpenDocument, sheets and slides: what a person sees is read, or named as not read."""

import io
from datetime import date, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from openpyxl import Workbook

from lcagent.documents import load
from lcagent.errors import DocumentDamaged, DocumentEncrypted, DocumentError, UnsupportedFormat
from tests.documents.office import archive, open_document, shape, slides
from tests.documents.test_load import docx, epub, write


def message(text: str, *, html: str = "", **headers: str) -> EmailMessage:
    made = EmailMessage()
    for name, value in headers.items():
        made[name] = value
    made.set_content(text, cte="base64")
    if html:
        made.add_alternative(html, subtype="html", cte="quoted-printable")
    return made


class TestMail:
    def test_headers_and_body_are_text_and_attachments_are_named(self, tmp_path: Path) -> None:
        made = message(
            "The budget is 8,450 crowns.",
            From="Bjørn <b@example.org>",
            Subject="Vågen",
            Date="Mon, 6 May 2024 10:00:00 +0200",
        )
        made.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="plan.pdf")
        document = load(write(tmp_path, "a.eml", made.as_bytes()))
        assert document.format == "mail"
        assert document.text.startswith("From: Bjørn <b@example.org>\nDate: Mon, 06 May 2024")
        assert "Subject: Vågen\n\nThe budget is 8,450 crowns.\n" in document.text
        assert document.health.left_out == ("attachment plan.pdf (application/pdf)",)

    def test_of_two_bodies_the_plain_one_is_read(self, tmp_path: Path) -> None:
        made = message("Plain words.", html="<p>Rich <b>words</b>.</p>", From="a@example.org")
        assert "Plain words." in load(write(tmp_path, "a.eml", made.as_bytes())).text
        bare = EmailMessage()
        bare["From"] = "a@example.org"
        bare.set_content("<p>Rich <b>words</b>.</p><p hidden>no</p>", subtype="html")
        text = load(write(tmp_path, "b.eml", bare.as_bytes())).text
        assert "Rich words." in text and "<" not in text.partition("\n\n")[2]

    def test_a_forwarded_message_is_read(self, tmp_path: Path) -> None:
        made = message("See below.", From="a@example.org", Subject="Fwd")
        made.add_attachment(message("The rent is 12 crowns.", From="c@example.org", Subject="Rent"))
        text = load(write(tmp_path, "a.eml", made.as_bytes())).text
        assert "Forwarded message\nFrom: c@example.org\nSubject: Rent\n\nThe rent is 12 crowns." in text

    def test_an_old_encoding_and_a_wrong_one(self, tmp_path: Path) -> None:
        head = b"From: a@example.org\nMIME-Version: 1.0\nContent-Type: text/plain; charset="
        for charset in (b"koi8-r", b"no-such", b"utf-8"):
            body = "Смотритель маяка Иван Петров вёл дневник о погоде.".encode("koi8-r")
            data = head + charset + b"\nContent-Transfer-Encoding: 8bit\n\n" + body
            assert "Иван Петров" in load(write(tmp_path, "a.eml", data)).text

    def test_a_saved_page_is_its_page(self, tmp_path: Path) -> None:
        page = EmailMessage()
        page["From"] = "<Saved by a browser>"
        page["MIME-Version"] = "1.0"
        page.set_content(
            "<html><body><h1>Vågen</h1><p>Founded 1890.</p></body></html>",
            subtype="html",
            cte="quoted-printable",
        )
        page.make_related()
        page.add_related(b"\x89PNG", maintype="image", subtype="png", cid="<1>")
        for name in ("a.mhtml", "a.mht"):
            document = load(write(tmp_path, name, page.as_bytes()))
            assert document.format == "mhtml" and document.text == "Vågen\n\nFounded 1890.\n"
            assert not document.warnings

    def test_a_box_of_messages_has_a_page_for_each(self, tmp_path: Path) -> None:
        one, two = message("First.", From="a@example.org"), message("Second.", From="b@example.org")
        box = b"".join(b"From x Mon May  6 10:00:00 2024\n" + m.as_bytes() + b"\n" for m in (one, two))
        document = load(write(tmp_path, "a.mbox", box))
        assert document.unit == "message" and len(document.pages) == 2
        assert document.place(document.text.index("Second.")).startswith("message 2")

    def test_a_text_that_begins_like_a_message_stays_a_text(self, tmp_path: Path) -> None:
        note = "From: the harbour master\nTo: all\n\nBring rope.\n"
        assert load(write(tmp_path, "a.txt", note)).text == note


RTF = (
    r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\*\generator x}\f0 The keeper is T\'f6ra V\u237\'3fk.\par "
    r"\trowd\cellx1000\cellx2000 1901\cell 4,350\cell\row\trowd\cellx1000\cellx2000 1902\cell 4,020\cell\row "
    r"The rent is 1{\~}200 crowns.\par}"
)


def test_rtf_is_text_and_a_row_a_line(tmp_path: Path) -> None:
    document = load(write(tmp_path, "a.rtf", RTF))
    assert document.format == "rtf"
    lines = document.text.splitlines()
    assert lines[0] == "The keeper is Töra Vík."
    assert "1901 | 4,350" in lines and "1902 | 4,020" in lines


def test_rtf_in_another_code_page(tmp_path: Path) -> None:
    russian = "".join(f"\\'{byte:02x}" for byte in "Смотритель Иван Петров".encode("cp1251"))
    document = load(write(tmp_path, "a", r"{\rtf1\ansi\ansicpg1251 " + russian + r"\par}"))
    assert document.text == "Смотритель Иван Петров\n"


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

    def test_protected_and_damaged_and_hostile_ones(self, tmp_path: Path) -> None:
        locked = open_document("text", "", **{"META-INF/manifest.xml": "<m:encryption-data/>"})
        with pytest.raises(DocumentEncrypted):
            load(write(tmp_path, "a.odt", locked))
        kind = {"mimetype": "application/vnd.oasis.opendocument.text"}
        with pytest.raises(DocumentDamaged):
            load(write(tmp_path, "b.odt", archive({**kind, "content.xml": "<broken"})))
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
