"""Replace the answer of a question by another entity of its shape, so that no model can know it.

As LongAgent (Zhao et al. 2024) does with SQuAD, in its section on Needle-in-a-Haystack PLUS.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from lcagent.evals.tasks.words import COINED, GIVEN_NAMES, MONTHS, ORGANISATIONS, PLACES, SURNAMES

_DATE = re.compile(rf"(?:\d{{1,2}} )?(?:{'|'.join(MONTHS)})(?: \d{{1,2}},?)?(?: \d{{4}})?")
_YEAR = re.compile(r"1[0-9]\d\d|20\d\d")
_NUMBER = re.compile(r"[$€£]?\d[\d,]*(?:\.\d+)?\s?%?(?: (?:million|billion|thousand|percent|[a-z]+))?")
_NAME = re.compile(r"[A-ZÀ-Þ][\w'’]*\.?(?:[ -][A-ZÀ-Þ][\w'’]*\.?){0,3}")
_COUNTED = re.compile(r"(?:no|none|zero|one|two|three|four|five|six|seven|eight|nine|ten)\b|.*['’]s", re.I)
"""Words that look like a name at the beginning of a sentence, and possessives."""
_WHO = re.compile(r"\b(?:who|whom|whose|(?:what|which) (?:player|person|actor|actress|author))\b", re.I)
_PLACE = re.compile(
    r"\bwhere\b|\b(?:what|which)\b.{0,25}\b(?:city|town|country|county|state|island|river|region|village)\b",
    re.I,
)
_COMPANY = re.compile(r"\b(?:company|corporation|organi[sz]ation|firm|agency|manufacturer)\b", re.I)
_OF_A_PEOPLE = re.compile(r"(?:ish|ese|an|ic|ist|ism)s?$")
"""Such a word is no name by itself, and often an adjective: nothing coined would fit the sentence."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """A paragraph that says something else, and what it says now."""

    body: str
    answer: str


def replaced(title: str, body: str, question: str, answer: str, rng: Random) -> Replaced | None:
    """Put another entity for the answer wherever it stands; None where that would not be safe.

    Not safe is an answer, or part of one, that the question or the title names or that stands elsewhere
    in the paragraph in another form, and one that is neither a number, a date nor a name.
    """
    whole = _run(answer)
    if len(answer) < 2 or not whole.search(body) or whole.search(f"{title} {question}"):
        return None
    rest = f"{title} {question} {whole.sub(' ', body)}"
    if any(_run(part).search(rest) for part in re.findall(r"\w{3,}", answer)):
        return None
    new = _other(question, body, answer, rng)
    if new is None or any(_run(part).search(f"{rest} {body}") for part in re.findall(r"\w{3,}|\d+", new)):
        return None
    return Replaced(whole.sub(lambda _: new, body), new)


def _run(words: str) -> re.Pattern[str]:
    """A run of whole words; a number is no part of a longer one."""
    return re.compile(rf"(?<![\w.,])(?<![\w][-–]){re.escape(words)}(?!\w|[.,]\d|[-–]\w)", re.I)


def _other(question: str, body: str, answer: str, rng: Random) -> str | None:
    if _YEAR.fullmatch(answer):
        return str(int(answer) - rng.randint(11, 60))
    if _DATE.fullmatch(answer):
        return _other_date(answer, rng)
    if _NUMBER.fullmatch(answer) and len(re.findall(r"\d", answer)) >= 2:
        return _other_figures(answer, rng)
    if (
        _NAME.fullmatch(answer)
        and not _COUNTED.fullmatch(answer)
        and not re.search(rf"\b(?:the|a|an) {re.escape(answer)}", body, re.I)
    ):
        return _other_name(question, answer, rng)
    return None


def _other_date(answer: str, rng: Random) -> str:
    month = rng.choice([month for month in MONTHS if month not in answer])
    text = re.sub("|".join(MONTHS), month, answer)
    text = re.sub(r"\d{4}", lambda year: str(int(year.group()) - rng.randint(11, 40)), text)
    return re.sub(r"\b\d{1,2}\b", lambda _: str(rng.randint(2, 28)), text)


def _other_figures(answer: str, rng: Random) -> str:
    """Every digit another one, so that length and commas stay; what leads stays between 1 and 9."""

    def other(digit: re.Match[str]) -> str:
        first = not re.search(r"\d", answer[: digit.start()])
        return rng.choice([d for d in ("123456789" if first else "0123456789") if d != digit.group()])

    return re.sub(r"\d", other, answer)


def _other_name(question: str, answer: str, rng: Random) -> str | None:
    words = len(answer.split())
    if _WHO.search(question) and not _OF_A_PEOPLE.search(answer.rsplit(maxsplit=1)[-1]):
        surname = rng.choice(SURNAMES)
        return surname if words == 1 else f"{rng.choice(GIVEN_NAMES)} {surname}"
    if _PLACE.search(question):
        return rng.choice(PLACES)
    if _COMPANY.search(question):
        return rng.choice(ORGANISATIONS)
    if words == 1 and not _OF_A_PEOPLE.search(answer):
        return _choose(COINED, answer, rng)
    return None


def _choose(names: Sequence[str], answer: str, rng: Random) -> str:
    """A coined word with the plural's ending if the answer has it."""
    return rng.choice(names) + ("s" if answer.endswith("s") else "")
