"""A PDF's text as a person sees it, and what of it is not read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lcagent.documents import Document, load
from lcagent.documents.formats.pdf.rendering import render
from lcagent.documents.formats.pdf.repairing import by_pypdf
from lcagent.errors import DocumentEmpty
from tests.documents.pdf_writer import HELVETICA, Pdf, stream, text
from tests.helpers import REPORT

TINY = "1 0 0 1 72 500 cm"
SHELL = "Please wait. If this message is not replaced, your viewer cannot display this document."


def load_bytes(made: bytes, tmp_path: Path) -> Document:
    (tmp_path / "a.pdf").write_bytes(made)
    return load(tmp_path / "a.pdf")


def read(pdf: Pdf, tmp_path: Path) -> Document:
    return load_bytes(pdf.made(), tmp_path)


def page(content: str, tmp_path: Path, **more: object) -> Document:
    return read(Pdf([content], **more), tmp_path)  # type: ignore[arg-type]


def widget(kind: str, name: str, rest: str, rect: str = "200 695 400 715") -> str:
    return f"<</Type/Annot/Subtype/Widget/FT/{kind}/T({name})/Rect[{rect}]/F 4 {rest}>>"


FORM = "/AcroForm<</Fields[ANNOTATIONS]>>"


# Form fields and notes.


def test_what_was_typed_into_a_form_is_text_beside_its_place(tmp_path: Path) -> None:
    content = text("Name of the applicant:") + text("Length of the boat:", y=650)
    fields = [
        widget("Tx", "a[0].p[0].who[0]", "/V(Hedda Ottersbach)"),
        widget("Tx", "n", "/V(11.4 m)/TU(Length)", "200 645 400 665"),
    ]
    document = page(content, tmp_path, annotations=fields, catalog=FORM)
    assert document.text.splitlines() == [
        "Name of the applicant:",
        "[form field] who: Hedda Ottersbach",
        "Length of the boat:",
        "[form field] Length: 11.4 m",
    ]
    assert document.warnings == ()


def test_ticks_and_choices_are_told_and_an_empty_form_is_not(tmp_path: Path) -> None:
    ap = "/AP<</N<</Yes 60 0 R/Off 60 0 R>>>>"
    form = stream("", "/Type/XObject/Subtype/Form/BBox[0 0 9 9]")
    fields = [
        widget("Btn", "winter", f"/V/Yes/AS/Yes{ap}"),
        widget("Btn", "summer", f"/V/Off/AS/Off{ap}", "200 660 210 670"),
        widget("Ch", "berth", "/Ff 131072/Opt[[(c)(Quay C)][(d)(Quay D)]]/V(c)", "200 600 300 620"),
        widget("Tx", "code", "/Ff 8192/V(secret)", "200 560 300 580"),
        widget("Tx", "unseen", "/V(behind)/F 2", "200 540 300 560"),
    ]
    document = page(text("Mooring"), tmp_path, annotations=fields, catalog=FORM, objects={60: form})
    assert "[form field] winter: ticked" in document.text
    assert "[form field] summer: not ticked" in document.text
    assert "[form field] berth: Quay C" in document.text
    assert "secret" not in document.text and "behind" not in document.text
    empty = [widget("Tx", "who", ""), fields[1]]
    again = page(text("Mooring"), tmp_path, annotations=empty, catalog=FORM, objects={60: form})
    assert again.text == "Mooring"


def test_a_pdf_whose_only_text_is_a_field_or_a_note_is_read(tmp_path: Path) -> None:
    field = page("", tmp_path, annotations=[widget("Tx", "t", "/V(a value)")], catalog=FORM)
    assert field.text == "[form field] t: a value"
    stray = page("", tmp_path, annotations=[widget("Tx", "t", "/V(a value)")])
    assert stray.text == "[form field] t: a value"
    note = page("", tmp_path, annotations=["<</Type/Annot/Subtype/Text/Rect[9 9 20 20]/Contents(See me.)>>"])
    assert note.text == "[note] See me." and note.warnings == ()


def test_notes_and_free_text_are_told_after_the_page(tmp_path: Path) -> None:
    notes = [
        "<</Type/Annot/Subtype/FreeText/Rect[72 600 400 640]/DA()/Contents(The price is 21 crowns.)>>",
        "<</Type/Annot/Subtype/Text/Rect[300 700 320 720]/T(Anna)/Contents(Cabinet 14.)>>",
        "<</Type/Annot/Subtype/Link/Rect[72 700 90 712]/Contents(a link)>>",
        "<</Type/Annot/Subtype/Popup/Rect[72 700 90 712]/Contents(shown again)>>",
        "<</Type/Annot/Subtype/Text/F 2/Rect[72 700 90 712]/Contents(hidden)>>",
        "<</Type/Annot/Subtype/Highlight/Rect[72 700 90 712]/RC(<p>so &amp; so</p>)>>",
    ]
    document = page(text("The price is 18 crowns.") + text("Signed.", y=680), tmp_path, annotations=notes)
    assert document.text.splitlines() == [
        "The price is 18 crowns.",
        "Signed.",
        "[note] The price is 21 crowns.",
        "[note] Anna: Cabinet 14.",
        "[note] so & so",
    ]


def test_what_pdfium_refuses_is_read_with_its_fields_and_notes(tmp_path: Path) -> None:
    fields = [
        widget("Tx", "a[0].p[0].who[0]", "/V(Hedda\nOttersbach)"),
        widget("Btn", "winter", "/V/Yes/AS/Yes"),
        widget("Btn", "summer", "/AS/Off"),
        widget("Btn", "berth", "/Ff 32768/AS/North"),
        widget("Ch", "quay", "/Ff 131072/Opt[[(c)(Quay C)][(d)(Quay D)]]/V(c)"),
        widget("Tx", "code", "/Ff 8192/V(secret)"),
        widget("Tx", "unseen", "/V(behind)").replace("/F 4", "/F 2"),
        widget("Btn", "send", "/Ff 65536"),
        "<</Type/Annot/Subtype/Widget/Rect[0 0 9 9]/Parent<</FT/Tx/T(boat)/TU(Name of the boat)/V(Tern)>>>>",
        "<</Type/Annot/Subtype/Text/Rect[9 9 20 20]/T(Anna)/Contents(Cabinet 14.)>>",
        "<</Type/Annot/Subtype/Link/Rect[9 9 20 20]/Contents(a link)>>",
    ]
    pdf = Pdf([text("Mooring"), text("The end.")], annotations=fields, catalog=FORM)
    made = pdf.made()
    whole = load_bytes(made, tmp_path)
    assert "[form field] who: Hedda Ottersbach" in whole.text
    found = by_pypdf(made, "a.pdf", None, ValueError())
    assert found[0].splitlines() == [
        "Mooring",
        "[form field] who: Hedda Ottersbach",
        "[form field] winter: ticked",
        "[form field] summer: not ticked",
        "[form field] berth: North",
        "[form field] quay: Quay C",
        "[form field] Name of the boat: Tern",
        "[note] Anna: Cabinet 14.",
    ]
    assert found[1] == "The end."


# What is not read.


def test_an_xfa_shell_is_named_unless_it_has_ordinary_fields_as_well(tmp_path: Path) -> None:
    xfa = {60: stream("<xdp:xdp><applicant>Gudrun Lie</applicant></xdp:xdp>")}
    shell = page(text(SHELL), tmp_path, catalog="/AcroForm<</Fields[]/XFA 60 0 R>>", objects=xfa)
    assert any("XFA" in warning for warning in shell.warnings)
    both = page(
        text("Name:"),
        tmp_path,
        annotations=[widget("Tx", "who", "/V(Gudrun Lie)")],
        catalog="/AcroForm<</Fields[ANNOTATIONS]/XFA 60 0 R>>",
        objects=xfa,
    )
    assert "who: Gudrun Lie" in both.text and both.warnings == ()


def test_attached_files_are_named_and_a_portfolio_as_such(tmp_path: Path) -> None:
    objects = {
        60: stream("a,b", "/Type/EmbeddedFile"),
        61: "<</Type/Filespec/F(b.csv)/UF(b.csv)/EF<</F 60 0 R>>>>",
    }
    names = "/Names<</EmbeddedFiles<</Names[(b.csv) 61 0 R]>>>>"
    attached = page(text("See the sheet."), tmp_path, catalog=names, objects=objects)
    assert attached.health.left_out == ("1 file attached ('b.csv')",)
    cover = page(
        text("Open it."), tmp_path, catalog=names + "/PageMode/UseAttachments/Collection<<>>", objects=objects
    )
    assert cover.health.left_out == ("1 file of the portfolio ('b.csv')",)
    note = "<</Type/Annot/Subtype/FileAttachment/Rect[9 9 20 20]/FS 61 0 R>>"
    pinned = page(text("See the pin."), tmp_path, annotations=[note], objects=objects)
    assert pinned.health.left_out == ("1 file attached ('b.csv')",)


@pytest.mark.parametrize("code", ["/uniE001 /uniE002 /uniE003", "/g1 /g2 /g3"])
def test_text_without_a_unicode_map_counts_as_unreadable(tmp_path: Path, code: str) -> None:
    font = f"<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[1 0 0 1 0 0]/FirstChar 97/LastChar 99/Widths[1 1 1]/CharProcs<<>>/Encoding<</Type/Encoding/Differences[97 {code}]>>>>"
    unreadable = "BT /F2 12 Tf 72 700 Td (abcabcabcabc) Tj ET\n"
    document = read(Pdf([unreadable, text("Readable.")], fonts={"F2": font}), tmp_path)
    assert document.health.garbled == (1,) and document.health.empty == ()
    assert "OCR" in document.warnings[0] and document.text == "\fReadable."
    with pytest.raises(DocumentEmpty) as refused:
        read(Pdf([unreadable], fonts={"F2": font}), tmp_path)
    assert "cannot be read" in refused.value.message and "no text" not in refused.value.message
    assert refused.value.hint and "OCR" in refused.value.hint


def drawn(names: str) -> str:
    """A font whose glyphs are drawn, with no Unicode map."""
    return (
        "<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[1 0 0 1 0 0]/FirstChar 48/LastChar 51"
        f"/Widths[1 1 1 1]/CharProcs<<>>/Encoding<</Type/Encoding/Differences[{names}]>>>>"
    )


@pytest.mark.parametrize(
    ("names", "right"),
    [
        ("48/zero/one/two/three", "0123"),
        ("48/zero/one/alpha/uni03B2", "01αβ"),
        ("48/zero/one/two/g1/g2/g3", ""),
    ],
)
def test_glyphs_that_are_named_after_letters_are_read(tmp_path: Path, names: str, right: str) -> None:
    note = "<</Type/Annot/Subtype/Text/Rect[9 9 20 20]/Contents(See me.)>>"
    pdf = Pdf([text("0123")], annotations=[note], fonts={"F1": drawn(names)})
    document = read(pdf, tmp_path)
    assert document.text == right + "\n" * bool(right) + "[note] See me."
    assert document.health.garbled == (() if right else (1,))


# Hidden text.

IMAGE = stream(
    "\x00", "/Type/XObject/Subtype/Image/Width 1/Height 1/BitsPerComponent 8/ColorSpace/DeviceGray"
)


@pytest.mark.parametrize(
    "hidden",
    [
        text("The total is 1.", y=600, setup="1 1 1 rg"),
        text("The total is 1.", y=600, setup="1 g"),
        text("The total is 1.", y=600, setup="0.98 0.98 0.99 rg"),
        text("The total is 1.", y=600, setup="3 Tr"),
        text("The total is 1.", y=600, setup="7 Tr"),
        text("The total is 1.", y=600, size=0.5),
        text("The total is 1.", y=-300),
        text("The total is 1.", x=900),
        f"q 0.01 0 0 0.01 72 600 cm {text('The total is 1.', 0, 0)} Q\n",
        "q 0 0 1 rg 60 580 300 40 re f Q\n" + text("The total is 1.", y=600, setup="0 0 1 rg"),
        "q 1 0 0 rg 60 580 300 40 re f 1 g 60 580 300 40 re f Q\n"
        + text("The total is 1.", y=600, setup="1 g"),
        "q 90 0 0 90 400 100 cm /X Do Q\n" + text("The total is 1.", y=600, setup="3 Tr"),
    ],
)
def test_text_that_nobody_sees_is_left_out_and_told(tmp_path: Path, hidden: str) -> None:
    content = text("The total is 485,000.") + hidden + text("The end.", y=500)
    document = read(Pdf(["", content], objects={50: IMAGE}), tmp_path)
    assert document.text == "\fThe total is 485,000.\nThe end."
    assert document.health.left_out == ("hidden text on page 2",)


@pytest.mark.parametrize(
    "seen",
    [
        "0 0 0.5 rg 60 580 300 40 re f\n" + text("The total is 1.", y=600, setup="1 1 1 rg"),
        "q 500 0 0 300 60 400 cm /X Do Q\n" + text("The total is 1.", y=600, setup="1 g"),
        "q 612 0 0 792 0 0 cm /X Do Q\n" + text("The total is 1.", y=600, setup="3 Tr"),
        text("The total is 1.", y=600, setup="1 g 1 Tr"),
        "q 200 0 0 40 60 580 cm /X Do Q\n" + text("The total is 1.", y=600, setup="3 Tr"),
        "70 598 m 90 615 l 110 598 l 130 615 l 150 598 l 160 615 l 140 590 l h f\n"
        + text("The total is 1.", y=600, setup="3 Tr"),
        text("The total is 1.", y=600, setup="0.6 g"),
        "0 g 60 595 300 0.5 re f\n" + text("The total is 1.", y=600),
        "0 g 60 580 300 40 re S\n" + text("The total is 1.", y=600),
        text("The total is 1.", x=-5, y=600),
        "q 30 w 0.7 0.4 0.3 RG 60 604 m 300 604 l S Q\n" + text("The total is 1.", y=600, setup="1 g"),
        f"q 12 0 0 12 72 600 cm {text('The total is 1.', 0, 0, 1)} Q\n",
    ],
)
def test_text_that_is_seen_stays(tmp_path: Path, seen: str) -> None:
    document = read(Pdf([seen], objects={50: IMAGE}), tmp_path)
    assert document.text == "The total is 1." and document.health.left_out == ()


def test_hidden_text_is_found_within_forms_and_outside_the_crop_box(tmp_path: Path) -> None:
    form = stream(
        text("White.", 0, 0, setup="1 g") + text("Black.", 0, 50),
        "/Type/XObject/Subtype/Form/BBox[0 0 600 600]/Resources<</Font<</F1 70 0 R>>>>",
    )
    font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    nested = read(Pdf(["q 1 0 0 1 72 500 cm /X Do Q"], objects={50: form, 70: font}), tmp_path)
    assert nested.text.strip() == "Black." and nested.health.left_out
    cropped = read(
        Pdf([text("Inside.", y=500) + text("Outside.", y=700)], page="/CropBox[0 0 612 600]"), tmp_path
    )
    assert cropped.text.strip() == "Inside." and cropped.health.left_out


def layered(states: str) -> Pdf:
    """A page with text on two layers, Draft (object 60) and Final (61), and within a form on Draft."""
    form = stream(
        text("In a form.", 0, 0),
        "/Type/XObject/Subtype/Form/BBox[0 0 600 600]/Resources<</Font<</F1 70 0 R>>>>",
    )
    content = (
        f"/OC /L0 BDC {text('Draft.', y=700)} EMC /OC /L1 BDC {text('Final.', y=680)} EMC\n"
        f"{text('Plain.', y=660)} /OC /L0 BDC q 1 0 0 1 72 640 cm /X Do Q EMC\n"
    )
    objects = {60: "<</Type/OCG/Name(Draft)>>", 61: "<</Type/OCG/Name(Final)>>", 50: form, 70: HELVETICA}
    return Pdf(
        [content],
        resources="/Properties<</L0 60 0 R/L1 61 0 R>>",
        catalog=f"/OCProperties<</OCGs[60 0 R 61 0 R]/D<<{states}>>>>",
        objects=objects,
    )


@pytest.mark.parametrize(
    ("states", "right"),
    [
        ("", "Draft. Final. Plain. In a form."),
        ("/OFF[60 0 R]", "Final. Plain."),
        ("/OFF[61 0 R]", "Draft. Plain. In a form."),
        ("/BaseState/OFF/ON[61 0 R]", "Final. Plain."),
    ],
)
def test_layers_that_are_switched_off_are_left_out_and_told(tmp_path: Path, states: str, right: str) -> None:
    document = read(layered(states), tmp_path)
    assert " ".join(document.text.split()) == right
    assert document.health.left_out == (("hidden text on page 1",) if "OFF" in states else ())


def test_layers_are_found_in_packed_objects_too(tmp_path: Path) -> None:
    made = layered("/OFF[60 0 R]").made(is_packed=True)
    assert b"/OFF" not in made
    document = load_bytes(made, tmp_path)
    assert "Draft" not in document.text and "Final" in document.text


def glyphs(words: str, x: float = 72, y: float = 700, size: float = 12, setup: str = "") -> str:
    """Each glyph placed by itself, as some programs write."""
    step = 0.6 * size
    placed = (text(c, x + step * n, y, size, setup) for n, c in enumerate(words) if c != " ")
    return "".join(placed).replace("/F1", "/F3")


def test_a_page_of_single_glyphs_is_looked_at_as_closely(tmp_path: Path) -> None:
    lines = [f"The fleet counted {n}00 boats and {n} more in that year, said one." for n in range(1, 20)]
    content = "".join(glyphs(line, y=700 - 16 * n, size=10) for n, line in enumerate(lines))
    scripts = glyphs("450", y=300) + glyphs("1", 94, 305, 7) + glyphs("boats", 106, 300)
    white = glyphs("Not to be seen by any reader at all", y=200, setup="1 g")
    courier = "<</Type/Font/Subtype/Type1/BaseFont/Courier>>"
    document = page(content + scripts + white, tmp_path, fonts={"F3": courier})
    assert "450[1] boats" in document.text
    assert "reader" not in document.text and document.health.left_out == ("hidden text on page 1",)


# Superscripts and subscripts.


def raised(base: str, script: str, after: str, rise: float = 5, size: float = 8, at: float = 12) -> str:
    base, script, after = (re.sub(r"[()]", r"\\\g<0>", words) for words in (base, script, after))
    moved = f"{rise} Ts /F1 {size} Tf ({script}) Tj 0 Ts /F1 {at} Tf"
    return f"BT /F1 {at} Tf 72 700 Td ({base}) Tj {moved} ({after}) Tj ET"


@pytest.mark.parametrize(
    ("base", "script", "after", "right"),
    [
        ("counted 450", "1", " boats", "counted 450[1] boats"),
        ("counted 450", "1,2", " boats", "counted 450[1,2] boats"),
        ("the boats", "12", " of 1931", "the boats[12] of 1931"),
        ("the boats.", "3", " They", "the boats.[3] They"),
        ("counted 450", "a", " boats", "counted 450[a] boats"),
        ("3.2 x 10", "6", " parts", "3.2 x 10^6 parts"),
        ("about 10", "-3", " parts", "about 10^-3 parts"),
        ("60 m", "2", " of floor", "60 m^2 of floor"),
        ("9 km", "2", ".", "9 km^2."),
        ("if x", "2", " grows", "if x^2 grows"),
        ("if x", "n", " grows", "if x^n grows"),
        ("E = mc", "2", " holds", "E = mc^2 holds"),
        ("the 1", "st", " of May", "the 1st of May"),
        ("Brand", "TM", " sails", "Brand™ sails"),
        ("see boats", "[4]", " here", "see boats[4] here"),
        ("(the boats)", "b", " lay", "(the boats)[b] lay"),
        ("the ", "131", "I isotope", "the 131I isotope"),
        ("of (", "131", "I and", "of (131I and"),
        ("the M", "c", "Donald", "the McDonald"),
        ("3", "1", "/2 inches", "3 1/2 inches"),
    ],
)
def test_superscripts_are_written_as_they_are_read(
    tmp_path: Path, base: str, script: str, after: str, right: str
) -> None:
    assert page(raised(base, script, after), tmp_path).text == right


@pytest.mark.parametrize(
    ("base", "script", "after", "right"),
    [
        ("where x", "15", " is", "where x_15 is"),
        ("where x", "i", " is", "where x_i is"),
        ("of CO", "2", " and", "of CO2 and"),
        ("log", "10", " of", "log_10 of"),
    ],
)
def test_subscripts_are_set_apart_but_in_formulas_of_chemistry(
    tmp_path: Path, base: str, script: str, after: str, right: str
) -> None:
    assert page(raised(base, script, after, rise=-3), tmp_path).text == right


def test_letters_beyond_the_first_plane_shift_nothing(tmp_path: Path) -> None:
    cmap = "1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfchar <61> <D835DC65> endbfchar"
    font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 60 0 R>>"
    content = text("aaaa = 5", y=720).replace("/F1", "/F4") + raised("counted 450", "1", " boats")
    document = page(content, tmp_path, fonts={"F4": font}, objects={60: stream(cmap)})
    assert document.text == "𝑥𝑥𝑥𝑥 = 5\ncounted 450[1] boats"


def test_small_caps_and_drop_caps_are_no_scripts(tmp_path: Path) -> None:
    caps = "BT /F1 12 Tf 72 700 Td (S) Tj /F1 9 Tf (KARHOLM 5) Tj ET\n"
    drop = text("O", y=600, size=40) + text("nce there were 5 boats", 104, 620) + text("and 6 men.", 104, 600)
    document = page(caps + drop, tmp_path)
    assert "SKARHOLM 5" in document.text and not {"[", "^", "_"} & set(document.text)


# Accents, hyphens, rows.

ACCENTS = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Type/Encoding/BaseEncoding/WinAnsiEncoding/Differences[1/dieresis/acute/grave/circumflex/tilde/caron/ring/cedilla/dotlessi]>>>>"


@pytest.mark.parametrize(
    ("drawn", "right"),
    [
        ("(J) Tj 6 0 Td (o) Tj 1.7 0 Td (\\001) Tj 5 0 Td (rg) Tj", "Jörg"),
        ("(J) Tj 7.7 0 Td (\\001) Tj -1.7 0 Td (o) Tj 6.7 0 Td (rg) Tj", "Jörg"),
        ("(caf) Tj 15.4 0 Td (e) Tj 1.7 0 Td (\\002) Tj", "café"),
        ("(na) Tj 13.3 0 Td (\\011) Tj -0.4 0 Td (\\001) Tj 3.1 0 Td (ve) Tj", "naïve"),
    ],
)
def test_accents_drawn_apart_are_joined_to_the_letter_they_stand_over(
    tmp_path: Path, drawn: str, right: str
) -> None:
    document = page(f"BT /F2 12 Tf 72 700 Td {drawn} ET", tmp_path, fonts={"F2": ACCENTS})
    assert document.text == right


def test_an_accent_that_stands_beside_a_letter_stays(tmp_path: Path) -> None:
    words = r"(see `code` and x^2 and ~user and 5\260C) Tj"
    document = page(f"BT /F1 12 Tf 72 700 Td {words} ET", tmp_path)
    assert document.text == "see `code` and x^2 and ~user and 5°C"


@pytest.mark.parametrize(
    ("first", "second", "elsewhere", "right"),
    [
        ("a well-", "known man", "He is well-known.", "a well-known man"),
        ("the infor-", "mation", "", "the information"),
        ("the infor-", "mation", "All information.", "the information"),
        ("an Anglo-", "Saxon", "", "an Anglo-Saxon"),
        ("his mother-in-", "law", "", "his mother-in-law"),
        ("a self-ref-", "erential name", "", "a self-referential name"),
        ("a tea-", "cup", "No tea. The cup.", "a teacup"),
        ("a harbour-", "master", "The harbour has a master.", "a harbour-master"),
        ("THE INFOR-", "MATION", "", "THE INFORMATION"),
    ],
)
def test_a_hyphen_at_a_lines_end_is_kept_where_it_belongs(
    tmp_path: Path, first: str, second: str, elsewhere: str, right: str
) -> None:
    content = text(first) + text(second, y=686) + text(elsewhere, y=600)
    assert page(content, tmp_path).text.splitlines()[0] == right


ROWS = [
    ("Pier", "Boats", "Tonnage"),
    ("Quay A", "12", "1,240"),
    ("Quay B", "7", "810"),
    ("Quay C", "31", "2,900"),
]
COLUMNS = (72, 200, 320)


def test_a_table_drawn_by_columns_is_read_by_rows(tmp_path: Path) -> None:
    content = "".join(
        text(row[k], x, 700 - 20 * n) for k, x in enumerate(COLUMNS) for n, row in enumerate(ROWS)
    )
    assert page(content, tmp_path).text.splitlines() == [" | ".join(row) for row in ROWS]


def test_each_row_is_one_line(tmp_path: Path) -> None:
    drawn = ((cell, x, n) for n, row in enumerate(ROWS) for cell, x in zip(row, COLUMNS, strict=True))
    document = page("".join(text(cell, x, 700 - 20 * n) for cell, x, n in drawn), tmp_path)
    assert [line.replace(" | ", " ") for line in document.text.splitlines()] == [
        " ".join(row) for row in ROWS
    ]


def test_a_cell_of_several_lines_keeps_its_row_together(tmp_path: Path) -> None:
    rows = [(["Long name", "of a quay"], ["12"]), (["Another", "quay"], ["7"]), (["Third"], ["31"])]
    content = ""
    for n, row in enumerate(rows):
        for x, cell in zip((72, 250), row, strict=True):
            content += "".join(text(line, x, 700 - 40 * n - 14 * m) for m, line in enumerate(cell))
    lines = [line.replace(" | ", " ") for line in page(content, tmp_path).text.splitlines()]
    assert lines == ["Long name of a quay 12", "Another quay 7", "Third 31"]


def test_what_is_changed_in_a_cell_stays_changed_where_columns_become_rows(tmp_path: Path) -> None:
    left = [text(name, y=700 - 20 * n) for n, name in enumerate(["Quay", "North", "South"])]
    head, last = text("Boats", x=200), text("31", x=200, y=660)
    marked = raised("450", "1", "").replace("72 700 Td", "200 680 Td")
    white = text("9999", x=200, y=640, setup="1 g")
    field = widget("Tx", "who", "/V(Hedda)", "240 676 300 692")
    content = "".join(left) + text("West", y=640) + head + marked + last + white
    document = page(content, tmp_path, annotations=[field], catalog=FORM)
    assert document.text.splitlines() == [
        "Quay | Boats",
        "North | 450[1]",
        "[form field] who: Hedda",
        "South | 31",
        "West | ",
    ]


def test_columns_of_prose_are_read_one_after_the_other(tmp_path: Path) -> None:
    left = [
        "The station was built in the year that",
        "followed the storm of March, and it",
        "had five rooms and a shed for boats",
    ]
    right = [
        "that came with the tide and went with",
        "it again in the night, when the men of",
        "the quay had gone to sleep at home.",
    ]
    columns = ((72, left), (320, right))
    content = "".join(text(line, x, 700 - 14 * n) for x, lines in columns for n, line in enumerate(lines))
    assert page(content, tmp_path).text.splitlines() == [*left, *right]


# The whole.


def test_a_page_that_cannot_be_looked_at_closely_keeps_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr("lcagent.documents.formats.pdf.page.in_rows", fail)
    assert page(text("The total is 1."), tmp_path).text == "The total is 1."


def test_a_page_is_rendered_and_none_is_larger_than_memory() -> None:
    picture = render(REPORT.read_bytes(), 0, None, 1.0)
    assert picture.shape[2] == 3 and picture.min() < 100 < picture.max()
    huge = Pdf(["0 0 1 rg 0 0 14400 14400 re f"], page="/MediaBox[0 0 14400 14400]").made()
    blue = render(huge, 0, None, 4.0)
    assert blue.shape[0] * blue.shape[1] <= 41_000_000 and tuple(blue[100, 100]) == (255, 0, 0)
