"""Made-up people and the companies that they worked for, each told in a paragraph, in several forms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from lcagent.evals.tasks.prose import article, companies, people
from lcagent.evals.tasks.records import Record
from lcagent.evals.tasks.words import COINED, MONTHS, PLACES

PROFESSIONS = {
    "glassblower": ("Glasbläser", "玻璃工匠"),
    "surveyor": ("Landvermesser", "测量员"),
    "botanist": ("Botaniker", "植物学家"),
    "cartographer": ("Kartograf", "制图师"),
    "bookbinder": ("Buchbinder", "装订工"),
    "beekeeper": ("Imker", "养蜂人"),
    "clockmaker": ("Uhrmacher", "钟表匠"),
    "geologist": ("Geologe", "地质学家"),
    "translator": ("Übersetzer", "翻译"),
    "typesetter": ("Schriftsetzer", "排字工"),
    "astronomer": ("Astronom", "天文学家"),
    "architect": ("Architekt", "建筑师"),
    "veterinarian": ("Tierarzt", "兽医"),
    "chemist": ("Chemiker", "化学家"),
    "shipwright": ("Schiffbauer", "造船工"),
    "librarian": ("Bibliothekar", "图书管理员"),
}
"""In English as the text has them, then in German and Chinese."""
INDUSTRIES = {
    "shipping": ("Schifffahrt", "航运"),
    "optics": ("Optik", "光学"),
    "paper": ("Papier", "造纸"),
    "glass": ("Glas", "玻璃"),
    "timber": ("Holz", "木材"),
    "printing": ("Druck", "印刷"),
    "salt": ("Salz", "制盐"),
    "textiles": ("Textilien", "纺织"),
}
PEOPLE_A_COMPANY = 8
"""However many people there are, so many work for each company on the mean."""

_PERSON = (
    "{name} was born in {place} on {day}. {surname} worked as {trade} for {employer} and left {letters} "
    "letters.{prize}",
    "{name}, a native of {place}, came into the world on {day}. At {employer} {surname} worked as {trade}; "
    "{letters} letters by {surname} are kept.{prize}",
    "{employer} employed {name} as {trade}. {surname}'s birth is entered in the register of {place} under "
    "{day}.{prize} The archive holds {letters} letters of {surname}'s.",
    "On the payroll of {employer} was {name}, {trade} by trade, who left {letters} letters. {surname} was "
    "born on {day}; the place of birth is {place}.{prize}",
    "{Trade} by trade, {name} spent a working life at {employer}.{prize} {surname}, born in {place} on "
    "{day}, left {letters} letters.",
    "In {place}, on {day}, {name} was born.{prize} Later {surname} was {trade} at {employer}, and {letters} "
    "letters in {surname}'s hand survive.",
)
_PRIZE = (" {surname} won the {prize} in {year}.", " The {prize} went to {surname} in {year}.")
_COMPANY = (
    "{name} was founded in {founded} and has its seat in {seat}. It is in the {industry} business and "
    "employs {staff} people.",
    "The seat of {name} is {seat}. The company is in the {industry} business and was founded in {founded}; "
    "its staff numbers {staff}.",
    "Founded in {founded}, {name} of {seat} is a company in the {industry} business with a staff of {staff}.",
)
_FIRST_DAY, _DAYS = date(1840, 1, 1), 47_000


def biographies(rng: Random, number: int) -> list[Record]:
    """So many people and companies in all, in an order of chance.

    Towns, professions and prizes are few where people are, so that there is something to count.
    """
    firms = max(2, number // (PEOPLE_A_COMPANY + 1))
    towns = rng.sample(PLACES, _few(number, len(PLACES)))
    trades = rng.sample([*PROFESSIONS], _few(number, len(PROFESSIONS)))
    prizes = [f"{name} Prize" for name in rng.sample(COINED, _few(number, len(COINED)))]
    employers = [_company(name, towns, rng) for name in companies(rng, firms)]
    told = [_person(name, towns, trades, employers, prizes, rng) for name in people(rng, number - firms)]
    return rng.sample(told + employers, len(told) + len(employers))


def _few(number: int, most: int) -> int:
    return max(3, min(most, number // 4))


def _company(name: str, towns: Sequence[str], rng: Random) -> Record:
    fields: dict[str, str | int] = {
        "name": name,
        "founded": rng.randint(1781, 1899),
        "seat": rng.choice(towns),
        "industry": rng.choice([*INDUSTRIES]),
        "staff": rng.randint(12, 990),
    }
    return Record("company", fields, rng.choice(_COMPANY).format(**fields))


def _person(
    name: str,
    towns: Sequence[str],
    trades: Sequence[str],
    employers: list[Record],
    prizes: list[str],
    rng: Random,
) -> Record:
    born = _FIRST_DAY + timedelta(days=rng.randrange(_DAYS))
    fields: dict[str, str | int] = {
        "name": name,
        "born": born.isoformat(),
        "place": _skewed(towns, rng),
        "profession": _skewed(trades, rng),
        "employer": rng.choice(employers).name,
        "letters": int(10 ** rng.uniform(1.1, 4.3)),
    }
    surname = name.split(" ", 1)[1]
    prize = ""
    if rng.random() < 0.4:
        fields["prize"] = rng.choice(prizes)
        year = born.year + rng.randint(25, 60)
        prize = rng.choice(_PRIZE).format(surname=surname, prize=fields["prize"], year=year)
    trade = article(str(fields["profession"]))
    text = rng.choice(_PERSON).format(
        **fields | {"prize": prize, "letters": f"{fields['letters']:,}"},
        surname=surname,
        trade=trade,
        Trade=trade.capitalize(),
        day=f"{born.day} {MONTHS[born.month - 1]} {born.year}",
    )
    return Record("person", fields, text)


def _skewed(values: Sequence[str], rng: Random) -> str:
    """Some values are commoner than others, as they are anywhere."""
    return values[min(rng.randrange(len(values)), rng.randrange(len(values)))]
