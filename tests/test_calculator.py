"""A number is read as its document writes it, or not at all."""

from decimal import Decimal

import pytest

from lcagent.documents.values import bare_number


@pytest.mark.parametrize(
    ("number", "beside", "value"),
    [
        ("1.234,50", "", "1234.50"),
        ("1,234.50", "", "1234.50"),
        ("1,234", "", "1234"),
        ("12", "", "12"),
        ("-5", "", "-5"),
        ("−5.5", "", "-5.5"),
        ("1 234 567", "", "1234567"),
        ("1.234.567", "", "1234567"),
        ("1.5 million", "", "1500000"),
        ("three", "", "3"),
        ("zwölf", "Es waren zwölf Männer in der Mühle.", "12"),
        ("1.234", "Der Umsatz der Firma war 1.234 Kronen.", "1234"),
        ("1.234", "2.345,50 5.000", "1234"),
        ("1.234", "The rate of the fund was 1.234 in May.", "1.234"),
        ("1,234", "Der Zins war 1,234 und nicht mehr.", "1.234"),
    ],
)
def test_a_number(number: str, beside: str, value: str) -> None:
    assert bare_number(number, beside) == Decimal(value)


@pytest.mark.parametrize(
    "number", ["", "none", "1.234", "1.2.3", "5 km", "3 and 4", "5 March 1911", "NaN", "1e5", "inf"]
)
def test_no_number_or_not_a_sure_one(number: str) -> None:
    assert bare_number(number) is None
