"""Texts in the encodings that people have, and in those that nobody can tell."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcagent.documents import load
from lcagent.errors import UnsupportedFormat, UsageError
from tests.documents.test_load import write

RUSSIAN = "Смотритель маяка Иван Петров вёл дневник, в котором записывал бури, корабли и гостей. "
POLISH = "Latarnik Łukasz Żółkiewski prowadził dziennik, w którym zapisywał burze, statki i gości. "
GERMAN = "Der Leuchtturmwärter Jörg Müller führte über vierzig Jahre lang ein Tagebuch für Stürme. "
FRENCH = "Le gardien du phare, Élise Lefèvre, a été nommée en février 1904 après la tempête. "
GREEK = "Ο φύλακας του φάρου Γιώργος Παπαδόπουλος κρατούσε ημερολόγιο για τις καταιγίδες. "
TURKISH = "Deniz fenerinin bekçisi Oğuz Şahin, fırtınaları ve konukları yazdığı bir günlük tutuyordu. "
HEBREW = "שומר המגדלור יוסף כהן ניהל יומן שבו רשם את הסערות, האוניות והאורחים. "
ARABIC = "كان حارس المنارة محمد يكتب يومياته عن العواصف والسفن والضيوف. "
CHINESE = "灯塔的看守人李明每天都写日记，记录暴风雨、船只和客人。他住在海边的一座小房子里。"
TAIWANESE = "燈塔的看守人李明每天都寫日記，記錄暴風雨、船隻和客人。他住在海邊的一座小房子裡。"
JAPANESE = "灯台守の佐藤太郎は、嵐や船や客を記した日記をつけていた。彼は海辺の小さな家に住んでいた。"
KOREAN = "등대지기 김철수는 폭풍과 배와 손님을 기록한 일기를 썼다. 그는 바닷가의 작은 집에 살았다. "
LEGACY = [
    (RUSSIAN, "cp1251"), (RUSSIAN, "koi8-r"), (RUSSIAN, "cp866"), (POLISH, "cp1250"), (POLISH, "iso8859-2"),
    (GERMAN, "cp1252"), (FRENCH, "cp1252"), (GREEK, "cp1253"), (TURKISH, "cp1254"), (HEBREW, "cp1255"),
    (ARABIC, "cp1256"), (CHINESE, "gb18030"), (TAIWANESE, "big5"), (JAPANESE, "shift_jis"),
    (JAPANESE, "euc-jp"), (KOREAN, "euc-kr"),
]  # fmt: skip


@pytest.mark.parametrize("encoding", [encoding for _, encoding in LEGACY])
@pytest.mark.parametrize("times", [1, 20])
def test_encodings_of_old_are_recognised_and_told(tmp_path: Path, encoding: str, times: int) -> None:
    text = next(text for text, one in LEGACY if one == encoding) * times + "\n"
    document = load(write(tmp_path, "a.txt", text.encode(encoding)))
    assert document.text == text
    assert document.health.encoding and "is not UTF-8; read as" in document.warnings[0]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", [GERMAN, RUSSIAN + "\n", "The keeper is Tora Vik.", CHINESE + " 1904\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_wide_characters_with_and_without_their_mark(
    tmp_path: Path, encoding: str, text: str, mark: str
) -> None:
    document = load(write(tmp_path, "a.txt", (mark + text).encode(encoding)))
    assert document.text == mark + text and not document.warnings


def test_a_page_in_wide_characters_is_a_page(tmp_path: Path) -> None:
    page = "<!DOCTYPE html><html><body><p>The keeper is Tora Vik.</p></body></html>"
    for encoding in ("utf-16", "utf-16-le", "utf-32-be"):
        document = load(write(tmp_path, "page", page.encode(encoding)))
        assert (document.format, document.text) == ("html", "The keeper is Tora Vik.\n")


def test_a_few_bad_bytes_cost_themselves_alone(tmp_path: Path) -> None:
    good = "Bjørn Åsgård keeps the light at Vågen.\n"
    document = load(write(tmp_path, "a.txt", (good * 3).encode() + b"One \xff here.\n" + good.encode()))
    assert document.text == good * 3 + "One \ufffd here.\n" + good
    assert document.health.notes == ("one byte is no character of UTF-8 (first on line 4); read as \ufffd",)


def test_a_text_cut_within_its_last_character(tmp_path: Path) -> None:
    whole = "Bjørn Åsgård keeps the light at Vå".encode()
    document = load(write(tmp_path, "a.txt", whole[:-1]))
    assert document.text == "Bjørn Åsgård keeps the light at V\ufffd" and not document.health.encoding


def test_one_letter_of_an_old_encoding_is_that_letter(tmp_path: Path) -> None:
    document = load(write(tmp_path, "a.txt", b"The caf\xe9 opens at noon."))
    assert document.text == "The café opens at noon."
    assert "Windows-1252" in document.warnings[0]


def test_plain_at_first_and_something_else_far_behind(tmp_path: Path) -> None:
    plain = "The log begins here. " * 40_000
    document = load(write(tmp_path, "a.txt", (plain + RUSSIAN).encode("cp1251")))
    assert document.text == plain + RUSSIAN


def test_a_page_that_says_so_late_is_believed(tmp_path: Path) -> None:
    page = f"<html><head><!--{'x' * 9000}--><meta charset='big5'></head><body>{TAIWANESE}</body></html>"
    assert load(write(tmp_path, "a.html", page.encode("big5"))).text == TAIWANESE + "\n"


def test_what_nobody_can_tell_is_refused_until_it_is_named(tmp_path: Path) -> None:
    file = write(tmp_path, "a.txt", GERMAN.encode("cp037"))  # EBCDIC: no text of ours is in it
    with pytest.raises(UnsupportedFormat) as caught:
        load(file)
    assert "--encoding" in caught.value.hint or "binary" in caught.value.message
    assert load(file, encoding="cp037").text == GERMAN


def test_a_named_encoding_is_obeyed(tmp_path: Path) -> None:
    file = write(tmp_path, "a.txt", RUSSIAN.encode("koi8-r"))
    assert load(file, encoding="koi8-r").text == RUSSIAN
    assert load(file, encoding="cp1251").text != RUSSIAN
    with pytest.raises(UsageError, match="no encoding"):
        load(file, encoding="klingon")
    with pytest.raises(UsageError):
        load(file, encoding="zip")  # a codec, and none of text


@given(st.text(min_size=1).filter(lambda text: text.strip("\0 \t\r\n\f")))
def test_what_is_utf8_is_never_taken_for_anything_else(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    text = "Kept: " + text.replace("\0", "").replace("\ufffd", "")
    file = write(tmp_path_factory.mktemp("utf8"), "a.md", text.encode())
    try:
        document = load(file)
    except UnsupportedFormat:
        assert sum(ord(c) < 32 and c not in "\t\n\r\f\b\x1b" for c in text) > len(text.encode()) // 20
        return
    assert document.text == text and not document.health.encoding
