"""The texts that a model is measured on, and the cases made of them.

Every case is one prompt of a role as a run would send it: a segment for the reader, or passages for the
answerer. docs/design/0008-profiles.md says what each figure is for.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from lcagent.documents.answers import normalise
from lcagent.models.window import Window

Role = Literal["read", "answer"]
Figure = Literal[
    "finds", "says_no", "answers", "undistracted", "abstains", "paraphrase", "copies", "effective_tokens"
]
LENGTHS = (1_000, 2_000, 4_000, 7_000)
"""Tokens of the inputs in which a sentence is to be found."""
AROUND = 10
"""Passages that are put around the one that says the answer."""
_SEGMENT = 6
"""Passages that make a reader's segment."""
_DEPTHS = (0.3, 0.8)
_FIRST, _READ, _ABSENT, _REWORDED = 6, 5, 8, 5
"""How many passages are asked about alone and among others; read; asked for what is absent; reworded."""


@dataclass(frozen=True, slots=True)
class Case:
    """One prompt and what is right.

    Args:
        figure: what it measures.
        role: who is asked.
        question: what is asked.
        material: the segment, or the passages as the answerer is shown them.
        answers: any of them is right; none: it is right to refuse.
        copied: what a reply says that copied its prompt's example.
        memory: what the reader noted before.
        tokens: length of the material, where that is what is measured.
    """

    figure: Figure
    role: Role
    question: str
    material: str
    answers: tuple[str, ...] = ()
    copied: str = ""
    memory: str = ""
    tokens: int = 0

    def right(self, found: bool, said: str) -> bool:
        """Whether a reply is right; of an example, whether it was left alone."""
        if self.copied:
            return not says(said, self.copied)
        if not self.answers:
            return not found
        return found and any(says(said, answer) for answer in self.answers)


def says(text: str, words: str) -> bool:
    """Whether a text holds these words, whole and in a row (sub-EM)."""
    return f" {normalise(words)} " in f" {normalise(text)} "


def short_cases() -> list[Case]:
    """Everything that is asked of short texts."""
    texts = _texts()
    every: list[dict[str, Any]] = _mixed(texts["passage"])
    by_place = {passage["place"]: passage for passage in every}
    cases: list[Case] = []
    for passage in every[:_FIRST]:
        answers = tuple(passage["answers"])
        cases.append(Case("answers", "answer", passage["question"], shown([passage]), answers))
        among = shown(_among(passage, every, AROUND))
        cases.append(Case("undistracted", "answer", passage["question"], among, answers))
    for number, passage in enumerate(every[:_ABSENT]):
        around = AROUND if number % 2 else 0
        cases.append(Case("abstains", "answer", passage["absent"], shown(_among(passage, every, around))))
    for passage in [p for p in every if "reworded" in p][:_REWORDED]:
        reworded = passage["reworded"]
        answers = tuple(reworded["answers"])
        cases.append(Case("paraphrase", "answer", reworded["question"], shown([passage]), answers))
    for passage in every[-_READ:]:
        segment = _segment(_among(passage, every, _SEGMENT - 1))
        cases.append(Case("finds", "read", passage["question"], segment, tuple(passage["answers"])))
    for passage in every[: _READ + 1]:
        others = _segment(_others(passage, every, _SEGMENT))
        cases.append(Case("says_no", "read", passage["question"], others))
    for item in texts["example"]:
        material = shown([by_place[item["place"]]])
        cases.append(Case("copies", "answer", item["question"], material, copied=item["copied"]))
    for item, first in zip(texts["memory"], every, strict=False):
        segment = _segment(_others(first, every, _SEGMENT))
        read = Case("copies", "read", item["question"], segment, copied=item["copied"], memory=item["memory"])
        cases.append(read)
    return cases


def long_cases(window: Window, room: int) -> list[Case]:
    """One sentence in inputs of growing length; asks the server for counts, so not for the event loop.

    Args:
        window: counts tokens.
        room: most tokens of passages that a call holds; it is the last length where one of `LENGTHS`
            does not fit.
    """
    lengths = [length for length in LENGTHS if length <= room]
    if len(lengths) < len(LENGTHS) and room >= LENGTHS[0] // 2:
        lengths.append(room)
    cases: list[Case] = []
    for length in lengths:
        lines = _filler(window, length)
        for (question, needle, answer), depth in zip(_NEEDLES, _DEPTHS, strict=True):
            at = int(len(lines) * depth)
            text = "\n".join([*lines[:at], needle, *lines[at:]])
            passage = {"place": _BOOK, "text": text}
            cases.append(
                Case("effective_tokens", "answer", question, shown([passage]), (answer,), tokens=length)
            )
    return cases


def shown(passages: Sequence[dict[str, Any]]) -> str:
    """Passages as the answerer is shown them: a number, the place, the text."""
    return "\n\n".join(f"[{n}] {p['place']}\n{p['text'].strip()}" for n, p in enumerate(passages, 1))


@cache
def _texts() -> dict[str, Any]:
    return tomllib.loads((files("lcagent.runs.probe_texts") / "passages.toml").read_text("utf-8"))


def _mixed(passages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """In an order in which any few of them hold all languages."""
    seen: dict[str, int] = {}
    ranks: list[tuple[float, int]] = []
    total = {p["language"]: sum(q["language"] == p["language"] for q in passages) for p in passages}
    for number, passage in enumerate(passages):
        language = passage["language"]
        seen[language] = seen.get(language, 0) + 1
        ranks.append(((seen[language] - 0.5) / total[language], number))
    return [passages[number] for _, number in sorted(ranks)]


def _others(passage: dict[str, Any], every: Sequence[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Some other passages, those in its language first."""
    start = next(number for number, other in enumerate(every) if other is passage)
    rest = [*every[start + 1 :], *every[:start]]
    return sorted(rest, key=lambda other: other["language"] != passage["language"])[:count]


def _among(passage: dict[str, Any], every: Sequence[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """A passage among others, each time at another place."""
    others = _others(passage, every, count)
    at = sum(map(ord, passage["place"])) % (len(others) + 1)
    return [*others[:at], passage, *others[at:]]


def _segment(passages: Sequence[dict[str, Any]]) -> str:
    return "\n\n".join(f"{p['place']}\n\n{p['text'].strip()}" for p in passages)


_BOOK = "Day-book of the port of Orrin"
_NEEDLES = (
    (
        "Who brought the sealed chest to the customs house?",
        "In the forenoon Matthias Quill brought the sealed chest to the customs house.",
        "Matthias Quill",
    ),
    (
        "What did the widow Tamsin Orde bring to the rope-walk?",
        "In the forenoon the widow Tamsin Orde brought a caged lynx to the rope-walk.",
        "lynx",
    ),
)
_WHEN = "At dawn|In the morning|At noon|Towards evening|After dark|At low water|On the ebb".split("|")
_WHO = (
    "Abel Crane|Rhoda Finch|Silas Mott|the cooper Birch|the pilot Lunt|Nell Garrick|the brothers Pike|"
    "Hugh Tarn|the sexton Vey|Martha Coyle|the carter Dunn|old Ambrose"
).split("|")
_WHAT = (
    "barrels of tar|sacks of barley|bales of wool|crates of nails|coils of rope|casks of brine|"
    "planks of larch|hides|baskets of eels|jars of honey|loads of peat|rolls of sailcloth"
).split("|")
_WHERE = (
    "the upper quay|the fish market|the salt store|the mill|the chapel yard|the weigh-house|the boat shed|"
    "the granary|the toll bridge|the smithy"
).split("|")


def _filler(window: Window, tokens: int) -> list[str]:
    """Lines of much the same form as the sentences that are to be found, of so many tokens."""
    rng = random.Random(7)  # noqa: S311 - texts, no secrets

    def line() -> str:
        amount = rng.randint(2, 90)
        parts = (rng.choice(_WHEN), rng.choice(_WHO), amount, rng.choice(_WHAT), rng.choice(_WHERE))
        return "{} {} brought {} {} to {}.".format(*parts)

    sample = [line() for _ in range(60)]
    each = max(1.0, window.count("\n".join(sample)) / len(sample))
    # A little less than asked for: the heading and the sentence come to it.
    wanted = max(1, int((tokens - 60) * 0.98 / each))
    return [*sample, *(line() for _ in range(wanted - len(sample)))][:wanted]
