"""The columns of a table, and how words become values."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcagent.errors import UsageError
from lcagent.many.columns import Column, columns_of
from lcagent.many.turning import turned
from tests.helpers import in_this_process


@pytest.mark.parametrize(
    ("questions", "says"),
    [
        ([], "nothing is asked"),
        ([Column("a b", "What?")], "no name of a column"),
        ([Column("document", "What?")], "two columns"),
        ([Column("a", "What?"), Column("a_text", "What?")], "two columns"),
        ([Column("a", " ")], "has no question"),
        ([Column("a", "What?", "enum")], "allows no value"),
        ([Column("a", "What?", "int", unit="furlongs per fortnight")], "no unit is known"),
        ([Column("a", "What?", unit="km")], "is no number"),
        ({"properties": {"a": {"type": "object", "description": "What?"}}}, "its type is not known"),
        ({"properties": {"a": {"type": "string", "format": "email", "description": "What?"}}}, "its type"),
        (
            {"properties": {"a": {"type": "array", "uniqueItems": True, "items": {"type": "string"}}}},
            "uniqueItems",
        ),
        ({"properties": {"a": {"type": "integer"}}}, "has no question"),
        ({"properties": {"a": {"type": "integer", "pattern": "a", "description": "What?"}}}, "does not fit"),
        ({"properties": {"a": {"type": "string", "pattern": "(", "description": "What?"}}}, "does not fit"),
    ],
)
def test_questions_that_cannot_be_asked_are_refused_before_anything_is_read(
    questions: Any, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        columns_of(questions)


def test_what_may_be_missing_is_a_column_of_its_type() -> None:
    (column,) = columns_of({"properties": {"a": {"type": ["integer", "null"], "description": "What?"}}})
    assert (column.kind, column.question) == ("int", "What?")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("built = 1", "is no table"),
        ("[a", "no questions can be read"),
        ('[a]\nquestion = "What?"\ntype = "decimal"', "is no type"),
        ('[a]\nquestion = "What?"\nkind = "int"', "is not known"),
        ("", "nothing is asked"),
    ],
)
def test_a_file_of_questions_that_says_something_else_is_refused(
    tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "q.toml").write_text(text)
    done = in_this_process("map", "a.txt", "--questions", "q.toml", "--out", "t.csv")
    assert isinstance(done.exception, UsageError) and says in done.exception.message


def is_date(*parts: int) -> date:
    return date(*parts)


@pytest.mark.parametrize(
    ("column", "said", "value"),
    [
        (Column("a", "?", "int"), "thirty days", 30),
        (Column("a", "?", "int"), "30 (thirty) days", 30),
        (Column("a", "?", "int"), "1,234", 1234),
        (Column("a", "?", "int"), "1.234", None),  # either of two
        (Column("a", "?", "int"), "12 of 30 boats", None),
        (Column("a", "?", "int"), "2.5", None),
        (Column("a", "?", "int"), "9223372036854775808", None),
        (Column("a", "?", "int", rules=(("ge", 5),)), "3", None),
        (Column("a", "?", "float"), "1.5 million", 1_500_000.0),
        (Column("a", "?", "float", unit="km"), "1500 m", 1.5),
        (Column("a", "?", "float", unit="km"), "12", 12.0),
        (Column("a", "?", "float", unit="km"), "1,500 m", 1.5),
        (Column("a", "?", "float", unit="km"), "12 kg", None),
        (Column("a", "?", "float", unit="EUR"), "$5", None),
        (Column("a", "?", "float", unit="°C"), "-3 °C", -3.0),
        (Column("a", "?", "float", unit="days"), "two weeks", 14.0),
        (Column("a", "?", "date"), "on 5 March 1911", is_date(1911, 3, 5)),
        (Column("a", "?", "date"), "March 1911", None),
        (Column("a", "?", "date"), "03/04/2021", None),
        (Column("a", "?", "date"), "30.02.2021", None),
        (Column("a", "?", "date"), "5 May 1911 or 6 May 1911", None),
        (Column("a", "?", "bool"), "Yes, it does.", True),
        (Column("a", "?", "bool"), "Nein", False),
        (Column("a", "?", "bool"), "No employee may.", None),
        (Column("a", "?", "bool"), "42", None),
        (Column("a", "?", "enum", allowed=("lease", "sale")), "It is a lease.", "lease"),
        (Column("a", "?", "enum", allowed=("lease", "sale")), "not a lease", None),
        (Column("a", "?", "enum", allowed=("lease", "sale")), "a lease and a sale", None),
        (Column("a", "?", "enum", allowed=("time", "part-time")), "It is part-time.", "part-time"),
        (
            Column("a", "?", "enum", many=True, allowed=("lease", "sale")),
            "a sale and a lease",
            ["sale", "lease"],
        ),
        (Column("a", "?", many=True), "1. Ida Frey\n2. Jon Berg", ["Ida Frey", "Jon Berg"]),
        (
            Column("a", "?", many=True),
            "Ida Frey, Jon Berg and Anna Holm",
            ["Ida Frey", "Jon Berg", "Anna Holm"],
        ),
        (Column("a", "?", many=True), "Frey, Ida; Berg, Jon", ["Frey, Ida", "Berg, Jon"]),
        (Column("a", "?", many=True, list_rules=(("max_length", 1),)), "Frey; Berg", None),
        (Column("a", "?", "int", many=True), "1, 2 and 3", [1, 2, 3]),
        (Column("a", "?", "int", many=True), "1, some, 3", None),
        (Column("a", "?", "bool", many=True), "yes\nno", [True, False]),
        (
            Column("a", "?", "date", many=True),
            "May 5, 1911, May 6, 1911",
            [is_date(1911, 5, 5), is_date(1911, 5, 6)],
        ),
        (Column("a", "?", many=True), "", None),
        (Column("a", "?"), "", None),
    ],
)
def test_words_become_a_value_or_nothing(column: Column, said: str, value: Any) -> None:
    assert turned(column, said) == value


def test_the_quote_tells_which_of_two_readings_is_meant() -> None:
    column = Column("a", "?", "int")
    assert turned(column, "1.234", ["Der Preis war 1.234 Mark, nicht 5.000,50 Mark."]) == 1234
    assert (
        turned(Column("a", "?", "float", unit="EUR"), "1.234 EUR", ["1.234 EUR, nicht 5.000,50 EUR"]) == 1234
    )


@given(st.text(max_size=60), st.sampled_from(["int", "float", "bool", "date", "enum"]), st.booleans())
def test_whatever_is_said_becomes_a_value_of_the_type_or_nothing(said: str, kind: Any, many: bool) -> None:
    column = Column("a", "?", kind, many, allowed=("lease", "sale") if kind == "enum" else ())
    value = turned(column, said)
    if value is not None:
        types: dict[str, type] = {"int": int, "float": float, "bool": bool, "date": date, "enum": str}
        assert all(type(one) is types[kind] for one in (value if many else [value]))


@given(st.integers(-(10**12), 10**12), st.dates(date(1200, 1, 1), date(2150, 1, 1)))
def test_what_is_written_plainly_is_what_it_says(number: int, day: date) -> None:
    assert turned(Column("a", "?", "int"), str(number)) == number
    assert turned(Column("a", "?", "date"), day.isoformat()) == day
