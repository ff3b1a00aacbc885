"""`aggregate`, `no-overlap`, `threads`: the answers worked out again from the texts alone, by other means."""

import re
import sqlite3
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcagent.documents.words import query_words
from lcagent.errors import UsageError
from lcagent.evals.items import Item
from lcagent.evals.tasks import Request, generate
from lcagent.evals.tasks.aggregate import VARIANTS, Made, labelled
from lcagent.evals.tasks.no_overlap import PAIRS
from lcagent.evals.tasks.prose import companies, people, prose
from lcagent.evals.tasks.records import Query, Record, Where, solve
from lcagent.evals.tasks.request import drawn
from lcagent.evals.tasks.words import MONTHS
from tests.helpers import examples
from tests.loopback import count

few = settings(max_examples=examples(12), deadline=None, derandomize=True)
SEEDS = st.integers(0, 10_000)


def items(name: str, length: int, n: int, seed: int = 0) -> list[Item]:
    return generate(name, Request(None, length, n, seed, count))


def made(length: int, n: int = len(VARIANTS), seed: int = 0) -> list[Made]:
    return list(labelled(Request(None, length, n, seed, count)))


# --- aggregate


def read_people(text: str) -> list[dict]:
    """People and companies as a reader finds them: by patterns of their sentences, not by the generator."""
    rows = []
    for paragraph in text.split("\n\n"):
        if born := re.search(r"\b(\d{1,2}) (" + "|".join(MONTHS) + r") (\d{4})\b", paragraph):
            (given_name,) = set(
                re.findall(r"[A-Z][a-zé]+ (?=[A-Z][a-z]+(?:-[A-Z][a-z]+)*\b)", named(paragraph))
            )
            full = re.search(given_name + r"[A-Z][a-z]+(?:-[A-Z][a-z]+)*", paragraph)[0]
            prize = re.search(r"the (\w+ Prize)", paragraph, re.I)
            rows.append(
                {
                    "kind": "person",
                    "name": full,
                    "born": f"{born[3]}-{MONTHS.index(born[2]) + 1:02d}-{int(born[1]):02d}",
                    "place": first(
                        r"born in (\w+)|native of (\w+)|register of (\w+)|place of birth is (\w+)|^In (\w+),",
                        paragraph,
                    ),
                    "profession": first(
                        r"(?:worked as|was|employed [\w -]+ as) an? (\w+)|, an? (\w+) by trade|^An? (\w+) by trade",
                        paragraph,
                    ),
                    "employer": first(
                        r"(?:for|At|payroll of|life at|at) ([A-Z][\w-]+ [A-Z]\w+)|^([A-Z][\w-]+ [A-Z]\w+) employed",
                        paragraph,
                    ),
                    "letters": int(first(r"([\d,]+) letters", paragraph).replace(",", "")),
                    "prize": prize[1] if prize else None,
                }
            )
        elif founded := re.search(r"(?:founded|Founded) in (\d{4})", paragraph):
            rows.append(
                {
                    "kind": "company",
                    "name": first(
                        r"^([A-Z][\w-]+ [A-Z]\w+) was|The seat of ([\w -]+) is|, ([\w -]+) of \w+ is a company",
                        paragraph,
                    ),
                    "founded": int(founded[1]),
                    "seat": first(
                        r"its seat in (\w+)|The seat of [\w -]+ is (\w+)| of (\w+) is a company", paragraph
                    ),
                    "industry": first(r"the (\w+) business", paragraph),
                }
            )
    return rows


def named(paragraph: str) -> str:
    """The stretch of a biography in which its person is named in full."""
    return first(
        r"^([A-Z]\w+ [A-Z][\w-]+)(?: was born|, a native)|employed ([A-Z]\w+ [A-Z][\w-]+) as|"
        r"payroll of [\w -]+ was ([A-Z]\w+ [A-Z][\w-]+),|by trade, ([A-Z]\w+ [A-Z][\w-]+) spent|"
        r", ([A-Z]\w+ [A-Z][\w-]+) was born",
        paragraph,
    )


def first(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, (pattern, text)
    return next(group for group in match.groups() if group)


def read_lines(text: str) -> list[dict]:
    rows = []
    for line in text.split("\n"):
        if not (time := re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", line)):
            continue
        rows.append(
            {
                "kind": "line",
                "time": time[0],
                "date": time[0][:10],
                "level": first(r"\b(INFO|WARN|DEBUG|ERROR)\b", line),
                "service": first(r"([a-z]+-(?:api|db|web|queue))\b", line),
                "user": first(r"\b([a-z]+\d\d)\b", line),
                "duration": int(first(r"(\d+) ?ms", line)),
                "message": first(
                    r"(connection refused|cache rebuilt|token expired|upload finished|record locked|"
                    r"password changed|disk nearly full|job started|certificate renewed|request timed out)",
                    line,
                ),
            }
        )
    return rows


def table(rows: Sequence[dict]) -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    for kind in ("person", "company", "line"):
        mine = [row for row in rows if row["kind"] == kind]
        names = list(mine[0]) if mine else ["kind", "name"]
        database.execute(f"CREATE TABLE {kind} ({','.join(names)})")
        marks = ",".join("?" * len(names))
        database.executemany(f"INSERT INTO {kind} VALUES ({marks})", [tuple(row.values()) for row in mine])
    return database


SQL = {
    "count": "SELECT count(*) FROM {t}",
    "distinct": "SELECT count(DISTINCT {f}) FROM {t}",
    "most": "SELECT {f} FROM {t} GROUP BY {f} ORDER BY count(*) DESC LIMIT 1",
    "top": "SELECT {id} FROM {t} ORDER BY {f} DESC LIMIT {k}",
    "sum": "SELECT sum({f}) FROM {t}",
    "mean": "SELECT CAST(round(avg({f})) AS INT) FROM {t}",
    "list": "SELECT {id} FROM {t}",
    "order": "SELECT {id} FROM {t} ORDER BY {f} LIMIT 1 OFFSET {k} - 1",
    "pairs": "SELECT {id} FROM {t} AS o WHERE (SELECT count(*) FROM {t} AS i WHERE i.{f} = o.{f}) = 2",
}


def by_sql(query: Query, text: str) -> set[str]:
    database = table(read_lines(text) if query.kind == "line" else read_people(text))
    conditions, values = ["1"], []
    for where in query.where:
        field = (
            f"(SELECT {where.field} FROM company WHERE company.name = employer)"
            if where.joined
            else where.field
        )
        conditions.append(f"{field} {where.how} ?")
        values.append(where.value)
    database.execute(
        f"CREATE TABLE rows AS SELECT * FROM {query.kind} WHERE {' AND '.join(conditions)}", values
    )
    sql = SQL[query.operation].format(
        t="rows", f=query.field, k=query.k, id="time" if query.kind == "line" else "name"
    )
    found = {str(value) for (value,) in database.execute(sql)}
    database.close()
    return found


@few
@given(length=st.integers(900, 9000), seed=SEEDS)
def test_answers_are_what_sql_makes_of_what_the_text_says(length: int, seed: int) -> None:
    for one in made(length, seed=seed):
        found = by_sql(one.query, one.item.text)
        if one.query.operation == "most":
            assert found <= set(one.item.answers)  # in any of the languages
        else:
            assert found == set(one.item.answers), one.item.question


@few
@given(length=st.integers(900, 9000), seed=SEEDS)
def test_every_record_stands_at_its_span_with_all_its_fields(length: int, seed: int) -> None:
    for one in made(length, 6, seed):
        text = one.item.text
        for placed in one.placed:
            told = text[slice(*placed.span)]
            assert told == placed.record.text
            read = (read_lines if placed.record.kind == "line" else read_people)(told)[0]
            assert {name: read[name] for name in placed.record.fields if name in read} == {
                name: value for name, value in placed.record.fields.items() if name in read
            }
        spans = [placed.span for placed in one.placed]
        assert spans == sorted(spans)
        assert set(one.item.gold) <= set(spans) and one.item.gold


def test_the_gold_is_what_the_answer_rests_on() -> None:
    for one in made(5000):
        records = {placed.span: placed.record for placed in one.placed}
        gold = [records[span] for span in one.item.gold]
        rows = [record for record in gold if record.kind == one.query.kind]
        if one.query.operation == "count":
            assert len(rows) == int(one.item.answers[0])
        if one.query.operation == "sum":
            assert sum(int(record.fields[one.query.field]) for record in rows) == int(one.item.answers[0])
        if one.item.match == "all":
            assert {record.name for record in rows} == set(one.item.answers)
        joined = any(where.joined for where in one.query.where)
        employers = {record.fields["employer"] for record in rows} if joined else set()
        assert {record.name for record in gold if record.kind == "company"} == employers


def test_variants_and_languages_take_turns() -> None:
    questions = items("aggregate", 3000, 90)
    kinds = Counter(tuple(item.category.rsplit(" ", 1)) for item in questions)
    assert len(kinds) == 3 * len(VARIANTS)  # every kind in every language
    assert Counter(item.category.split()[-1] for item in questions) == {"en": 54, "de": 18, "zh": 18}
    for item in questions:
        chinese, german = (
            re.search(r"[一-鿿]", item.question),
            re.search(r"\b(der|die|den|im)\b", item.question),
        )
        language = item.category.split()[-1]
        assert (bool(chinese), bool(german)) == (language == "zh", language == "de")
        assert not re.search(r"[一-鿿]", item.text) and "{" not in item.question
    wordings = {
        re.sub(r"people.*|log lines.*", "", i.question) for i in questions if " count en" in i.category
    }
    assert len(wordings) >= 3
    assert {(i.match, i.metric) for i in questions} == {("any", "sub_em"), ("all", "recall")}


def person(name: str, **fields) -> Record:
    return Record("person", {"name": name, "place": "A", "letters": 1, "employer": "E"} | fields, name)


@pytest.mark.parametrize(
    ("query", "records"),
    [
        (Query("person", "count", (Where("place", "=", "Z"),)), [person("a")]),
        (Query("person", "most", (), "place"), [person("a"), person("b", place="B")]),
        (Query("person", "most", (), "place"), [person("a")]),  # one group alone is no question
        (Query("person", "top", (), "letters", 1), [person("a"), person("b")]),
        (Query("person", "mean", (), "letters"), [person("a"), person("b", letters=2)]),
        (Query("person", "order", (), "letters", 1), [person("a"), person("b")]),
        (Query("person", "list"), [person("a")]),
        (Query("person", "list"), [person(str(at)) for at in range(13)]),
        (Query("person", "pairs", (), "place"), [person("a"), person("b"), person("c")]),
    ],
)
def test_a_question_without_a_single_answer_is_none(query: Query, records: list[Record]) -> None:
    assert solve(query, records) is None


def test_the_same_request_gives_the_same_records_and_another_seed_others() -> None:
    assert made(2500, 4) == made(2500, 4)
    assert [one.item for one in made(2500, 4)] == items("aggregate", 2500, 4)
    assert made(2500, 4)[0].placed != made(2500, 4, seed=1)[0].placed


def test_a_document_that_holds_too_few_records_is_refused() -> None:
    with pytest.raises(UsageError, match="too short") as error:
        items("aggregate", 200, 1)
    assert "--length" in error.value.hint


# --- no-overlap


def test_fact_and_question_share_no_content_word() -> None:
    assert len(PAIRS) >= 40 and len({question for _, question in PAIRS}) == len(PAIRS)
    for fact, question in PAIRS:
        assert fact.count("{name}") == 1 and fact.endswith(".") and question.endswith("?")
        assert not set(query_words(fact.replace("{name}", ""))) & set(query_words(question)), question
    for item in items("no-overlap", 1500, len(PAIRS)):
        (gold,) = item.gold_texts()
        assert item.answers[0] in gold and not set(query_words(gold)) & set(query_words(item.question))


def test_every_pair_comes_once_before_any_comes_again() -> None:
    asked = [item.question for item in items("no-overlap", 700, 2 * len(PAIRS))]
    assert Counter(asked) == dict.fromkeys((question for _, question in PAIRS), 2)
    assert len(set(asked[: len(PAIRS)])) == len(PAIRS)
    assert asked != [item.question for item in items("no-overlap", 700, 2 * len(PAIRS), seed=1)]


def test_facts_about_others_stand_beside_and_only_they_name_anybody() -> None:
    for item in items("no-overlap", 2000, 12):
        patterns = [re.escape(fact).replace(r"\{name\}", r"(\w+ \w+)") for fact, _ in PAIRS]
        told = [match for pattern in patterns for match in re.findall(pattern, item.text)]
        assert len(told) == len(set(told)) == 6 and item.answers[0] in told


# --- threads


def test_ancestors_are_found_by_going_up_step_by_step() -> None:
    for item in items("threads", 3000, 24, seed=5)[::2]:
        hops = int(item.category.split()[1])
        name = r"([A-Z]\w+ [A-Z]\w+)"
        parents = {}
        for pattern in (
            rf"{name} is the (?:mother|father) of {name}\.",
            rf"(?P<p>)The (?:mother|father) of {name} is {name}\.",
            rf"(?P<p>){name} has {name} for a (?:mother|father)\.",
            rf"(?P<p>){name}'s (?:mother|father) is called {name}\.",
        ):
            for match in re.finditer(pattern, item.text):
                *_, one, two = match.groups()
                parents |= {one: two} if "p" in match.re.groupindex else {two: one}
        assert len(parents) == 3 * (hops + 1)
        start = first(name + r"(?: one parent|\?)", item.question)
        steps = item.question.count("great-") + 2 if "grandparent" in item.question else hops
        assert steps == hops and str(hops) in item.category
        reached = start
        for _ in range(hops):
            reached = parents[reached]
        assert item.answers == (reached,)
        assert reached in parents  # the family goes on
        assert len(item.gold) == hops and any(start in gold for gold in item.gold_texts())


def test_all_who_were_there_on_the_day_are_the_answer() -> None:
    for item in items("threads", 3000, 24, seed=5)[1::2]:
        place, day = re.search(r"at the (\w+ Inn at \w+) on (\d+ \w+)", item.question).groups()
        sentences = [s for s in re.split(r"(?<=\.) |\n\n", item.text) if " Inn at " in s]
        here = [s for s in sentences if place in s and re.search(rf"\b{day}\b", s)]
        names = {first(r"([A-Z]\w+ [A-Z][a-z]+)(?! Inn)(?= was| spent| under)", s) for s in here}
        assert names == set(item.answers) and set(here) == set(item.gold_texts())
        assert f"match {len(names)}" == item.category
        assert sum(place in s for s in sentences) == sum(day in s for s in here) + 4
        assert (item.match, item.metric) == ("all", "recall")


# --- what they are made of


def test_names_are_different_however_many() -> None:
    for make, number in ((people, 60_000), (companies, 12_000)):
        assert len(set(make(drawn("test", 0, 0), number))) == number


def test_prose_names_nobody_and_says_no_figure() -> None:
    paragraphs = prose(drawn("test", 0, 1))
    text = " ".join(next(paragraphs) for _ in range(300))
    assert not re.search(r"\d|[a-z,;] [A-Z]|\ba [aeiou]|\ban [^aeiou]", text)
