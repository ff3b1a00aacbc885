"""Figures are compared by what they are: notation, units, languages and rounding."""

import sys
from datetime import date
from decimal import Decimal
from subprocess import run

import orjson
import pytest
from babel.dates import format_date
from babel.numbers import format_decimal
from hypothesis import given, settings
from hypothesis import strategies as st

from lcagent.documents.values import Value, rounds_to, same_value, values, within
from lcagent.documents.values.vocabulary import WORDS
from scripts import cldr_words
from tests.helpers import examples

SAME = [
    ("1,234.5", "1234.5"),
    ("1.234,50", "1234.5"),
    ("1 234", "1234"),
    ("1\u202f234", "1234"),
    ("1'200", "1,200"),
    ("1,50,000", "150000"),
    ("١٬٢٣٤٫٥", "1234.5"),
    ("१९११", "1911"),
    ("1.5 million", "1,500,000"),
    ("1,5 Millionen", "1.500.000"),
    ("2 Mio. Euro", "€2,000,000"),
    ("3 bn", "3 billion"),
    ("40 k", "40,000"),
    ("$5m", "5 million dollars"),
    ("5 lakh", "5,00,000"),
    ("25 тыс.", "25 000"),
    ("5 миллионов рублей", "5 млн руб."),
    ("1.5 mil millones", "1,500,000,000"),
    ("三万", "30000"),
    ("1億", "100,000,000"),
    ("half a million", "500,000"),
    ("eine halbe Million", "500.000"),
    ("un demi-million", "500 000"),
    ("medio millón", "500.000"),
    ("полмиллиона", "500 000"),
    ("a dozen", "12"),
    ("half a dozen", "6"),
    ("ein Dutzend", "zwölf"),
    ("two and a half", "2.5"),
    ("2½", "2.5"),
    ("two thirds", "2/3"),
    ("Three", "3"),
    ("twenty-one", "21"),
    ("zwölf", "12"),
    ("einundzwanzig", "21"),
    ("vingt et un", "21"),
    ("quatre-vingt-dix-sept", "97"),
    ("veintiuno", "21"),
    ("ventotto", "28"),
    ("dwadzieścia pięć", "25"),
    ("двадцать пять", "25"),
    ("三十五", "35"),
    ("nineteen eleven", "1911"),
    ("three hundred thousand", "300,000"),
    ("12 %", "12 per cent"),
    ("12 Prozent", "12 pour cent"),
    ("12km", "12 kilometres"),
    ("12 km", "12,000 m"),
    ("12 Kilometern", "12 kilometers"),
    ("5 km", "3.1 miles"),
    ("6 feet", "1.83 m"),
    ("41 °F", "5 °C"),
    ("2 hours and 30 minutes", "150 min"),
    ("two years", "24 months"),
    ("28-year-old", "28 years"),
    ("28 ans", "28 Jahre"),
    ("28 лет", "28 years"),
    ("5 公里", "5 km"),
    ("10 ha", "100,000 m²"),
    ("£18,000", "18,000 pounds"),
    ("18,000", "18,000 crowns"),
    ("USD 5 million", "$5,000,000"),
    ("5 March 1911", "March 5, 1911"),
    ("5th of March 1911", "1911-03-05"),
    ("5 mars 1911", "5. März 1911"),
    ("5 de marzo de 1911", "5 marzo 1911"),
    ("5 марта 1911 года", "5 marca 1911"),
    ("2024年3月5日", "2024-03-05"),
    ("2024년 3월 5일", "5 March 2024"),
    ("05.03.1911", "5. März 1911"),
    ("03/04/2021", "3 April 2021"),
    ("03/04/2021", "March 4, 2021"),
    ("23/04/2021", "23 April 2021"),
    ("May 1911", "mai 1911"),
    ("5 pm", "17:00"),
    ("5:30 p.m.", "17:30"),
    ("17.30 Uhr", "5:30 pm"),
    ("5 o'clock", "17:00"),
    ("noon", "12:00"),
    ("the 3rd", "the third"),
    ("Henry VIII", "Henry the 8th"),
    ("XIV", "14"),
    ("built in MCMIV", "1904"),
    ("450[1]", "450"),
    ("450¹ boats", "450"),
    ("12\u200b00", "1200"),
    ("10½", "10.5"),
    ("10 1/2", "10.5"),
    ("3.2 x 10^6", "3,200,000"),
    ("3.2 × 10⁶", "3.2e6"),
    ("–5 °C", "-5 degrees Celsius"),
    ("1億2000万円", "120,000,000 yen"),
    ("壹佰贰拾", "120"),
    ("一百二十米", "120 m"),
    ("12 lakh rupees", "12,00,000 rupees"),
    ("二〇二一年四月三日", "2021-04-03"),
    ("令和3年4月3日", "3 April 2021"),
    ("15 มกราคม พ.ศ. 2567", "15 January 2024"),
    ("15 มกราคม 2567", "15 January 2024"),
    ("พ.ศ. 2567", "2024"),
    ("15 มกราคม ค.ศ. 2024", "15 January 2024"),
    ("2021. április 3.", "2021-04-03"),
    ("3 באפריל 2021", "2021-04-03"),
    ("午後3時", "15:00"),
    ("下午三点半", "3:30 pm"),
    ("오후 3시 5분", "15:05"),
    ("kl. 15.00", "3 pm"),
    ("-5 degrees", "−5 degrees"),
]
DIFFERENT = [
    ("1911", "1912"),
    ("1,234", "1,235"),
    ("1.5 million", "1.5 billion"),
    ("1.5 million", "1,512,300"),
    ("12 km", "12 miles"),
    ("12 kg", "12 km"),
    ("12 %", "12 km"),
    ("5 km", "3.6 miles"),
    ("5 March 1911", "6 March 1911"),
    ("5 March 1911", "5 May 1911"),
    ("5 March 1911", "5 March 1912"),
    ("05.03.1911", "3 May 1911"),
    ("5 pm", "05:00"),
    ("17:30", "17:31"),
    ("-5", "5"),
    ("Henry VIII", "Henry VII"),
    ("10⁶", "106"),
    ("450¹", "4501"),
    ("10½", "101"),
    ("午後3時", "03:00"),
    ("15時間", "15:00"),
    ("令和3年4月3日", "3 April 2020"),
    ("15 มกราคม 2567", "15 January 2023"),
    ("MCMIV", "1906"),
    ("13", "a dozen"),
    ("3:1", "3"),
    ("zwölf", "dreizehn Männer"),
    ("€5", "$5"),
    ("12345678901234567890123456789012", "12345678901234567890123456789013"),
]


def only(text: str) -> Value:
    found = values(text)
    assert found, text
    return found[0]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_figure(one: str, other: str) -> None:
    a, b = only(one), only(other)
    assert same_value(a, b) and same_value(b, a), (a, b)
    assert rounds_to(a, b) and rounds_to(b, a)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_another_figure(one: str, other: str) -> None:
    a, b = only(one), only(other)
    assert not same_value(a, b) and not same_value(b, a), (a, b)


@pytest.mark.parametrize(
    ("coarse", "fine", "fits"),
    [
        ("1.5 million", "1,512,300", True),
        ("1,512,300", "1.5 million", False),
        ("half a million", "512,300", True),
        ("1 million", "1,400,000", False),
        ("12 %", "12.3 %", True),
        ("12 %", "13 %", False),
        ("3 km", "3.04 km", True),
        ("5 km", "3.1 miles", True),
        ("120", "118", False),
        ("1911", "1911.3", False),
        ("12 %", "12.3 kg", False),
    ],
)
def test_a_rounded_figure(coarse: str, fine: str, fits: bool) -> None:
    assert rounds_to(only(coarse), only(fine)) is fits


@pytest.mark.parametrize(
    ("fine", "coarse", "inside"),
    [
        ("5 March 1911", "1911", True),
        ("5 March 1911", "March 1911", True),
        ("5 March 1911", "5 March", True),
        ("5 March 1911", "the 1910s", True),
        ("1911", "the 1910s", True),
        ("1911", "5 March 1911", False),
        ("5 March 1911", "1912", False),
        ("5 March 1911", "the 1920s", False),
        ("5 mars 1911", "März 1911", True),
        ("5 pm", "1911", False),
    ],
)
def test_a_date_within_another(fine: str, coarse: str, inside: bool) -> None:
    assert within(only(fine), only(coarse)) is inside


def test_a_dot_before_three_digits_is_read_as_the_text_shows() -> None:
    numbers = [value.number for value in values("1.234 und 2.345,50")]
    assert numbers == [Decimal(1234), Decimal("2345.50")]
    assert [v.number for v in values("Der Umsatz der Firma war 1.234.")] == [Decimal(1234)]
    assert [v.number for v in values("The rate was 1.234 and the sum 5,000.5.")] == [
        Decimal("1.234"),
        Decimal("5000.5"),
    ]
    assert [v.number for v in values("1.234", "de")] == [Decimal(1234)]
    assert [v.number for v in values("1.234", "de-CH")] == [Decimal("1.234")]


def test_a_dot_that_nothing_explains_has_both_readings() -> None:
    (value,) = values("1.234")
    assert {reading.number for reading in value.readings} == {Decimal(1234), Decimal("1.234")}
    assert same_value(value, only("1,234.0")) and same_value(value, only("1.2340"))


def test_what_is_no_figure() -> None:
    assert values("A4 paper in room 0042, version 1.2.3, x86, gate_12") == ()
    assert values("No one came; one of them may march on.") == ()
    assert values("Ein Haus und eine Mühle") == ()
    assert values("Once upon a time, due north, Oui, nein, да, 一些") == ()


def test_places_and_parts_of_a_sentence() -> None:
    text = "In 1911 the 12 men of May paid $40k, i.e. 5 % of 3.5 km, on 5 March 1912 at 17:30."
    found = values(text)
    assert [text[slice(*value.span)] for value in found] == [value.text for value in found]
    assert [v.text for v in found] == ["1911", "12", "$40k", "5 %", "3.5 km", "5 March 1912", "17:30"]
    assert [v.kind for v in found] == ["number", "number", "quantity", "quantity", "quantity", "date", "time"]


def test_a_list_without_spaces_and_a_range() -> None:
    assert [v.number for v in values("rows 4,5,6 of the table")] == [4, 5, 6]
    assert [v.number for v in values("4136800,4272429")] == [4136800, 4272429]
    assert [v.iso for v in values("1901-1929")] == ["1901", "1929"]


@settings(deadline=None, max_examples=examples(200))
@given(
    st.one_of(
        st.text(max_size=60),
        st.from_regex(r"[\d.,:/ -]{0,12}(km|%| May| Mio\. €)?[\d.½]{0,4}", fullmatch=True),
    )
)
def test_any_text_can_be_read(text: str) -> None:
    found = values(text)
    for value in found:
        assert text[slice(*value.span)] == value.text != ""
        assert same_value(value, value)
    spans = [value.span for value in found]
    assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:], strict=False))


@settings(deadline=None)
@given(st.integers(0, 10**12))
def test_notation_does_not_matter(number: int) -> None:
    written = f"{number:,}"
    for text in (
        written,
        written.replace(",", "."),
        written.replace(",", "\u202f"),
        written.replace(",", "'"),
    ):
        assert same_value(only(text), only(str(number)))


LOCALES = (
    "en_US en_GB en_IN de_DE de_CH fr_FR es_ES it_IT pt_BR nl_NL pl_PL ru_RU uk_UA sv_SE da_DK cs_CZ tr_TR ja_JP "
    "zh_CN ko_KR ar_EG el_GR fa_IR nb_NO fi_FI hu_HU ro_RO"
).split()
NUMBERS = st.integers(-(10**9), 10**9).map(lambda n: Decimal(n) / 100)
DATES = st.dates(date(1200, 1, 1), date(2199, 12, 31))


def as_in(locale: str, text: str) -> Value:
    (value,) = values(text, locale.replace("_", "-"))
    return value


@pytest.mark.parametrize("locale", LOCALES)
@settings(max_examples=examples(30))
@given(NUMBERS, NUMBERS)
def test_a_number_as_a_locale_writes_it_is_itself_and_no_other(
    locale: str, one: Decimal, other: Decimal
) -> None:
    written = as_in(locale, format_decimal(one, locale=locale))
    assert same_value(written, as_in("en", f"{one:f}"))
    assert same_value(written, as_in("en", f"{other:f}")) == (one == other)


@pytest.mark.parametrize("locale", LOCALES)
@settings(max_examples=examples(30))
@given(DATES, DATES)
def test_a_date_as_a_locale_writes_it_is_itself_and_no_other(locale: str, one: date, other: date) -> None:
    for length in ("long", "full"):
        written = as_in(locale, format_date(one, length, locale=locale))
        assert same_value(written, only(one.isoformat()))
        assert same_value(written, only(other.isoformat())) == (one == other)


def test_a_figure_stands_where_the_text_has_it() -> None:
    text = "Er zahlte &euro; 1\u202f250,75 und ١٢ M\u00fcnzen."
    assert [text[slice(*value.span)] for value in values(text, "de")] == ["&euro; 1\u202f250,75", "١٢"]
    assert [value.text for value in values(text, "de")] == ["&euro; 1\u202f250,75", "١٢"]


def test_half_a_character_beside_a_number_in_words() -> None:
    assert [v.number for v in values("He rang \ud83d one bell and two gongs of the harbour.", "en")][-1] == 2


def test_the_mark_of_a_note_is_no_figure_and_a_list_is_no_mark() -> None:
    assert [v.number for v in values("It counted 450[1] boats.[2, 3]")] == [450]
    assert [v.number for v in values('"gates": [12, 13]')] == [12, 13]


def test_heavy_libraries_wait_for_a_text_and_cldr_is_not_read_at_all() -> None:
    code = (
        "import sys; from lcagent.documents.values import values; assert 'text_to_num' not in sys.modules;"
        "assert len(values('two lamps, a dozen boats and 3 Millionen')) == 3; sys.exit('babel' in sys.modules)"
    )
    assert run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_words_kept_are_those_of_cldr() -> None:
    assert orjson.loads(cldr_words.everything()) == orjson.loads(WORDS.read_bytes())
