"""Documents of which something is counted: biographies and logs, with what they tell known by construction."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lcagent import Answer, Reader
from tests.helpers import prose
from tests.loopback import Loopback
from tests.reader.labeller import Item, Labeller, Sentence, field_of

TRADES = ("baker", "smith", "weaver", "cooper")
CITIES = ("Oslo", "Bergen", "Tarn", "Vellmere", "Skarholm")
COUNTRIES = {"Oslo": "Norway", "Bergen": "Norway", "Tarn": "Elvany", "Vellmere": "Elvany", "Skarholm": "Ostmark"}
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
            Sentence(f"From youth on the work was that of a {trade}, as the father's had been.", {"trade": trade}),
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


def written(folder: Path, text: str, name: str = "doc.txt") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def ask(
    server: Loopback, path: Path | list[Path], question: str, tally: Mapping[str, Any] | None = None, **options: Any
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
