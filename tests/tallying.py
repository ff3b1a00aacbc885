"""Documents of which something is counted: biographies and logs, with what they tell known by construction."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lcagent import Answer, Reader
from tests.helpers import prose
from tests.loopback import Loopback
from tests.reader.labeller import Case, Item, Labeller, Sentence, field_of

TRADES = ("baker", "smith", "weaver", "cooper")
CITIES = ("Oslo", "Bergen", "Tarn", "Vellmere", "Skarholm")
COUNTRIES = {
    "Oslo": "Norway",
    "Bergen": "Norway",
    "Tarn": "Elvany",
    "Vellmere": "Elvany",
    "Skarholm": "Ostmark",
}
_FIRST = "Ada Bert Cora Dirk Edda Finn Greta Hugo Ines Jarl Klara Lars Mona Nils Olga Pers Runa Sven Tova Ulf".split()
_LAST = "Aker Berge Claes Dahl Egge Fjeld Grotle Haug Isdal Jensrud Kvamme Lunde".split()
MONTHS = "January February March April May June July August September October November December".split()
PERSON = {
    "items": [{"item": "person", "means": "each person whose life is told"}],
    "fields": [
        field_of("person", "name", identifies="yes"),
        field_of("person", "city"),
        field_of("person", "trade", "label", labels=list(TRADES)),
        field_of("person", "born", "date"),
        field_of("person", "height", "number", unit="cm"),
    ],
}


def biographies(number: int, seed: int = 0) -> list[Item]:
    """People, each with a paragraph of four sentences of which only the first names them."""
    rng = random.Random(seed)
    names = rng.sample([f"{first} {last}" for first in _FIRST for last in _LAST], number)
    return [_biography(name, rng) for name in names]


def _biography(name: str, rng: random.Random) -> Item:
    born = f"{rng.randint(1, 28)} {rng.choice(MONTHS)} {rng.randint(1850, 1909)}"
    city, trade, height = rng.choice(CITIES), rng.choice(TRADES), rng.randint(150, 199)
    told = f"{height} cm" if rng.random() < 0.5 else f"{height / 100:.2f} m"
    return Item(
        "person",
        (
            Sentence(f"{name} was born on {born}, on a day of rain.", {"name": name, "born": born}),
            Sentence(f"The family kept a shop in {city}, by the old bridge.", {"city": city}),
            Sentence(
                f"From youth on the work was that of a {trade}, as the father's had been.", {"trade": trade}
            ),
            Sentence(f"At the muster a height of {told} was put down.", {"height": told}),
        ),
        ("name",),
    )


def log(lines: int, seed: int = 0) -> list[Item]:
    """Lines of a log, some of them equal but for their place."""
    rng = random.Random(seed)
    items: list[Item] = []
    for at in range(lines):
        day, level = f"2024-{1 + at * 12 // lines:02}-{1 + at % 28:02}", rng.choice(["ERROR", "WARN", "INFO"])
        machine, load = f"crane-{rng.randint(1, 6)}", rng.randint(1, 40)
        text = f"{day} {level} {machine} lifted {load} t."
        values = {"day": day, "level": level, "machine": machine, "load": f"{load} t"}
        items.append(Item("entry", (Sentence(text, values),)))
    return items


ENTRY = {
    "items": [{"item": "entry", "means": "each line of the log"}],
    "fields": [
        field_of("entry", "day", "date"),
        field_of("entry", "level", "label", labels=["ERROR", "WARN", "INFO"]),
        field_of("entry", "machine"),
        field_of("entry", "load", "number", unit="t"),
    ],
}


def text_of(items: Sequence[Item], *, filler: int = 0, joint: str = "\n\n") -> str:
    """A document that tells of them, with sentences that say nothing in between."""
    parts: list[str] = []
    for at, item in enumerate(items):
        parts.append(" ".join(one.text for one in item.sentences))
        if filler and at % 3 == 2:
            parts.append(prose(filler, at))
    return joint.join(parts)


def person_questions(items: Sequence[Item]) -> list[Case]:
    """25 questions about people, with their answers reckoned in another way than the strategy does."""
    people = [item.values for item in items]
    heights = {one["name"]: centimetres(one["height"]) for one in people}
    born = {one["name"]: date_of(one["born"]) for one in people}
    year = {name: int(day[:4]) for name, day in born.items()}
    in_order = sorted(people, key=lambda one: born[one["name"]])

    def where(**values: str) -> list[Mapping[str, str]]:
        return [one for one in people if all(one[name] == value for name, value in values.items())]

    def is_(field: str, value: str) -> dict[str, str]:
        return {"field": field, "test": "is", "value": value, "other": ""}

    def test(field: str, kind: str, value: str, other: str = "") -> dict[str, str]:
        return {"field": field, "test": kind, "value": value, "other": other}

    def plain(number: float) -> str:
        return f"{number:.2f}".rstrip("0").rstrip(".")

    cases: list[Case] = []

    def add(question: str, answer: object, measure: str, **query: Any) -> None:
        cases.append(Case(question, {"item": "person", "measure": measure, **query}, str(answer)))

    by_trade = Counter(one["trade"] for one in people)
    by_city = Counter(one["city"] for one in people)
    add("How many people are there?", len(people), "count")
    for trade in TRADES:
        add(f"How many {trade}s?", len(where(trade=trade)), "count", filters=[is_("trade", trade.upper())])
    for city in CITIES[:3]:
        add(f"How many had a shop in {city}?", len(where(city=city)), "count", filters=[is_("city", city)])
    add(
        "How many smiths in Oslo?",
        len(where(city="Oslo", trade="smith")),
        "count",
        filters=[is_("trade", "smith"), is_("city", "Oslo")],
    )
    add(
        "How many were no bakers?",
        len(people) - len(where(trade="baker")),
        "count",
        filters=[test("trade", "is not", "baker")],
    )
    before = [one for one in people if year[one["name"]] < 1880]
    add("How many were born before 1880?", len(before), "count", filters=[test("born", "less", "1880")])
    eighties = [one for one in people if 1880 <= year[one["name"]] <= 1889]
    between = [test("born", "between", "1880", "1889")]
    add("How many were born from 1880 to 1889?", len(eighties), "count", filters=between)
    tall = [height for height in heights.values() if height > 180]
    add("How many are taller than 1.8 m?", len(tall), "count", filters=[test("height", "more", "1.8 m")])
    add("How many have a name with Berge?", len([n for n in heights if "Berge" in n]), "count",
        filters=[test("name", "contains", "berge")])  # fmt: skip
    add("In how many cities?", len(by_city), "distinct", field="city")
    add("In how many years was one born?", len(set(year.values())), "distinct", field="born.year")
    pairs = sum(n * (n - 1) // 2 for n in by_city.values())
    add("How many pairs are of one city?", pairs, "pairs", field="city")
    add("What is the sum of all heights?", f"{plain(sum(heights.values()))} cm", "sum", field="height")
    mean = sum(heights.values()) / len(heights)
    add("How tall are they on average?", f"{plain(mean)} cm", "mean", field="height")
    oldest, youngest = in_order[0], in_order[-1]
    add("Who is the oldest?", f"{oldest['name']}: {oldest['born']}", "min", field="born")
    add("Who was born last?", f"{youngest['name']}: {youngest['born']}", "max", field="born")
    first = ", ".join(f"{one['name']} ({one['born']})" for one in in_order[:3])
    add("Who are the three oldest?", first, "list", field="name", order="born", direction="smallest", top=3)
    most = ", ".join(f"{trade}: {n}" for trade, n in ranked(by_trade, people, "trade")[:1])
    add("Which trade is the most common?", most, "count", group="trade", top=1)
    every = ", ".join(f"{city}: {n}" for city, n in ranked(by_city, people, "city"))
    add("How many in each city?", every, "count", group="city")
    smiths = ", ".join(one["name"] for one in people if one["trade"] == "smith")
    add("Who was a smith?", smiths, "list", field="name", filters=[is_("trade", "smith")])
    assert len(cases) == 25
    return cases


def ranked(
    counts: Mapping[str, int], people: Sequence[Mapping[str, str]], name: str
) -> list[tuple[str, int]]:
    """The most frequent first, equal ones in the order in which they are first told."""
    told = list(dict.fromkeys(one[name] for one in people))
    return sorted(((one, counts[one]) for one in told), key=lambda pair: -pair[1])


def centimetres(height: str) -> int:
    number, unit = height.split()
    return round(float(number) * (100 if unit == "m" else 1))


def date_of(day: str) -> str:
    """In ISO notation."""
    number, month, year = day.split()
    return f"{year}-{MONTHS.index(month) + 1:02}-{int(number):02}"


def right(answer: Answer, case: Case) -> bool:
    """Whether an answer is what it should be, to the letter: the figure, then the rule."""
    assert answer.table is not None
    return answer.answer == f"{case.answer} ({answer.table.rule})"


def written(folder: Path, text: str, name: str = "doc.txt") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def ask(
    server: Loopback,
    path: Path | list[Path],
    question: str,
    tally: Mapping[str, Any] | None = None,
    **options: Any,
) -> Answer:
    given = {"api_base": server.url, "window": server.window, "strategy": "tally", **options}
    with Reader(**given, tally={"segment_tokens": 300, **(tally or {})}) as reader:
        answer = reader.ask(path, question)
    if isinstance(server.reply, Labeller):
        assert server.reply.faults == []
    return answer


def reads(labeller: Labeller) -> int:
    """Segments that were read."""
    return sum(fields == ("items",) for fields in labeller.log)
