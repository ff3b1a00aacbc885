"""RTF: what a word processor shows of it is read, in the right letters, and what it hides is named."""

from pathlib import Path

import pytest

from lcagent.documents import Document, load
from tests.documents.test_load import write

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


@pytest.fixture
def rtf(tmp_path: Path):
    def of(body: str | bytes, head: str = r"\ansi\ansicpg1252\deff0{\fonttbl{\f0 Arial;}}") -> Document:
        data = body if isinstance(body, bytes) else body.encode()
        return load(write(tmp_path, "b.rtf", b"{\\rtf1" + head.encode() + b" " + data + b"}"))

    return of


def hexed(text: str, encoding: str) -> str:
    return "".join(f"\\'{byte:02x}" for byte in text.encode(encoding))


@pytest.mark.parametrize(
    ("charset", "encoding", "text"),
    [
        (204, "cp1251", "Смотритель"),
        (238, "cp1250", "Łódź"),
        (161, "cp1253", "Νίκος"),
        (162, "cp1254", "Ağrı"),
        (177, "cp1255", "שלום"),
        (178, "cp1256", "مرحبا"),
        (222, "cp874", "ภาษาไทย"),
        (128, "cp932", "表示ソ"),
        (129, "cp949", "한국어"),
        (134, "gbk", "测试"),
        (136, "cp950", "許功蓋"),
        (77, "mac_roman", "Vågen"),
        (78, "cp932", "日本"),
    ],
)
def test_letters_are_those_of_the_font(rtf, charset: int, encoding: str, text: str) -> None:
    head = rf"\ansi\ansicpg1252{{\fonttbl{{\f0\fcharset0 Arial;}}{{\f1\fnil\fcharset{charset} Other;}}}}"
    assert rtf(rf"\f0 caf\'e9 {{\f1 {hexed(text, encoding)}}} \'e9t\'e9", head).text == f"café {text} été\n"


def test_a_second_byte_that_is_a_letter_belongs_to_the_first(rtf) -> None:
    head = r"\ansi\ansicpg932{\fonttbl{\f0\fcharset128 Gothic;}}"
    assert rtf(rb"\f0 \'83A\'83C", head).text == "アイ\n"


@pytest.mark.parametrize(
    ("head", "encoding", "text"),
    [
        (r"\ansi\ansicpg1251{\fonttbl{\f0\fcharset0 Arial;}}\f0", "cp1251", "Пётр"),
        (r"\ansi\ansicpg1251{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset204 B;}}\f0", "cp1252", "été"),
        (r"\mac", "mac_roman", "été"),
        (r"\pc", "cp437", "été"),
        (r"\ansi\ansicpg65001", "utf-8", "Пётр"),
        (r"\ansi\ansicpg0", "cp1252", "été"),
        (r"\ansi\ansicpg99999", "cp1252", "été"),
    ],
)
def test_code_pages(rtf, head: str, encoding: str, text: str) -> None:
    assert rtf(hexed(text, encoding), head).text == f"{text}\n"


def test_characters_that_stand_as_they_are_are_utf_8_where_all_of_them_are(rtf) -> None:
    assert rtf("Vågen — лёд").text == "Vågen — лёд\n"
    assert rtf("Vågen".encode("cp1252")).text == "Vågen\n"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r"\u8217\'92s", "’s"),
        (r"\u8217?s", "’s"),
        (r"\uc0\u8217 s", "’s"),
        (r"\uc2\u26580\'96\'d8 x", "柔 x"),
        (r"{\uc0\u8217 }\u8217?s", "’’s"),
        (r"\u8217\par s", "’\n\ns"),
        (r"\u-10179?\u-8704?", "😀"),
        (r"\u-10179?x", "�x"),
        (r"{\upr{ANSI}{\*\ud{\uc0\u8217 }}}s", "’s"),
        (r"a\~b\-c\_d\emdash e\{\}\\f", "a\xa0bc‑d—e{}\\f"),
    ],
)
def test_unicode_characters_with_what_stands_for_them(rtf, written: str, text: str) -> None:
    assert rtf(written).text == text + "\n"


def test_symbols_by_their_place_in_a_font(rtf) -> None:
    head = r"\ansi{\fonttbl{\f0 Arial;}{\f1\fcharset2 Symbol;}{\f2\fcharset2 Wingdings;}}"
    assert rtf(r"{\f1 a\'b7}{\f1\u-3999\'61} {\f2\'fc}", head).text == "α•α ✓\n"


def test_what_is_no_text_of_the_document_is_not_read(rtf) -> None:
    body = (
        r"{\info{\title Title}{\author Ann}}{\stylesheet{\s0 Normal;}}{\colortbl;\red0;}{\*\generator Made;}"
        r"{\pict\pngblip 89504e470d0a1a0a}{\*\shppict{\pict ffd8}}{\nonshppict{\pict ffd8}}"
        r"{\*\bkmkstart mark}{\xe index}{\*\unknown of later}{\pict\bin ffd8}"
        r"{\field{\*\fldinst{HYPERLINK \"http://example.org\"}}{\fldrslt{Oil}}} is low."
    )
    assert rtf(body).text == "Oil is low.\n"


def test_bytes_of_a_picture_are_passed_over(rtf) -> None:
    assert rtf(b"{\\pict\\bin6 }{\\par\\'}Oil.").text == "Oil.\n"


def test_hidden_and_deleted_text_is_named(rtf) -> None:
    document = rtf(r"Seen{\v  secret}, {\deleted gone}\v no\v0 still seen\plain .")
    assert document.text == "Seen, still seen.\n"
    assert document.health.left_out == ("2 passages of hidden text", "1 tracked deletion")


def test_notes_comments_boxes_headers_and_footers(rtf) -> None:
    document = rtf(
        r"{\header Light\par}{\headerf Light\par}{\footer Page \chpgn\par}{\footerl 3\par}"
        r"450{\super\chftn{\footnote{\super\chftn} By \i hand.}} boats{\super\chftn{\footnote\ftnalt{\super\chftn} Late.}}"
        r" and oil{\*\atnid A}{\*\atnauthor Ann}\chatn{\*\annotation{\*\atndate 1}Ask.}"
        r"{\shp{\*\shpinst{\sp{\sn x}{\sv y}}{\shptxt In a box.\par}}{\shprslt again}}.\par Next."
    )
    assert document.text == (
        "[Page header] Light\n\n450[1] boats[i] and oil.\n\n[1] By hand.\n\n[i] Late.\n\n[Comment by Ann] Ask.\n\n"
        "In a box.\n\nNext.\n\n[Page footer] Page\n"
    )


def test_rows_with_paragraphs_in_their_cells_are_one_line_each(rtf) -> None:
    row = r"\trowd{}\cellx1\cellx2\pard\intbl {}\cell {}\cell\row "
    body = row.format(r"\trhdr", "Year", "Cost") + row.format("", r"1902\par May", r"4,020\line crowns")
    assert rtf(body + r"\pard After.").text == "Year | Cost\n1902 May | 4,020 crowns\n\nAfter.\n"


def test_cells_that_go_on_from_others(rtf) -> None:
    body = (
        r"\trowd\clvmgf\cellx1\clmgf\cellx2\clmrg\cellx3\pard\intbl Oil\cell All\cell\cell\row"
        r"\trowd\clvmrg\cellx1\cellx2\cellx3\pard\intbl\cell May\cell 12\cell\row "
    )
    assert rtf(body).text == "Oil | All |\nOil | May | 12\n"


def test_a_table_within_a_cell_stays_within_it(rtf) -> None:
    inner = (
        r"\pard\intbl\itap2 coal\nestcell 7\nestcell{\*\nesttableprops\trowd\cellx1\cellx2\nestrow}"
        r"{\nonesttables again\par}"
    )
    body = rf"\trowd\cellx1\cellx2\pard\intbl 1902\cell {inner}\pard\intbl\itap1 \cell\row\pard\itap0 After."
    assert rtf(body).text == "1902 | (coal: 7)\n\nAfter.\n"


def test_a_table_without_the_end_of_its_row_is_read(rtf) -> None:
    assert rtf(r"\trowd\cellx1\cellx2 Oil\cell 12\cell").text == "Oil | 12\n"


def test_lists_powers_and_form_fields(rtf) -> None:
    body = (
        r"{\listtext\tab 1.\tab}Oil\par{\pntext 2.\tab}Rope\par\pard 10{\super 6} and H{\sub 2}O \strike out\strike0\par"
        r"{\field{\*\fldinst FORMCHECKBOX{\*\formfield{\fftype1\ffres25\ffdefres1}}}{\fldrslt}}paid "
        r"{\field{\*\fldinst FORMCHECKBOX{\*\formfield{\fftype1\ffres0\ffdefres1}}}{\fldrslt}}due"
    )
    assert rtf(body).text == "1.\tOil\n2.\tRope\n\n10^6 and H2O ~~out~~\n\n[x] paid [ ] due\n"


def test_what_is_left_out_is_counted(rtf) -> None:
    body = r"Oil{\object\objemb{\*\objdata 0102}{\result{\pict 00}}}{\mmath{\*\moMath{\mr x}}}"
    assert rtf(body).health.left_out == ("1 embedded object", "1 formula")


def test_groups_that_do_not_match_and_what_follows_the_end(rtf, tmp_path: Path) -> None:
    assert load(write(tmp_path, "c.rtf", r"{\rtf1 Oil {\b is")).text == "Oil is\n"
    assert load(write(tmp_path, "d.rtf", r"{\rtf1 Oil} is}{\b low")).text == "Oil\n"
    assert rtf(r"{" * 5000 + "deep" + r"}" * 5000).text == "deep\n"
