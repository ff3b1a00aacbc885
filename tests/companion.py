"""A perfect companion and a long chat to have with it: what it gets wrong, its functions did not give it.

It reads its prompt and nothing else. Cities, and what hangs on them, it keeps in core memory, of other things
it trusts that they are found; it answers from what it is shown, and else says that it does not know.
"""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.loopback import Request

HOURS = 6
"""Hours from one turn to the next."""
BEGINS = datetime(2026, 1, 5, 8, tzinfo=UTC).timestamp()
NAMES = ("Ida", "Olav", "Runa", "Sigrid", "Torben")
CITIES = ("Oslo", "Bergen", "Rome", "Porto", "Riga", "Ghent", "Turku", "Malmo")
_MOST_PAGES = 3
_IS = re.compile(r"the (city|phone) of (\w+) is (?:now )?([\w-]+)", re.I)
_SEEN = re.compile(r"^ {0,2}\[?m\d+ (\d{4}-\d\d-\d\d) \d\d:\d\d user[]:] ?(.*)$", re.M)


def companion(request: Request) -> str:
    """What it does next."""
    if "summary" in (request.schema or {}).get("properties", {}):
        return json.dumps({"summary": "They spoke of tides, and of people."})
    prompt = request.messages[-1]["content"]
    core = prompt.split("<memory>\n")[1].split("\n</memory>")[0]
    inside = prompt.split("<conversation>\n")[1].split("\n</conversation>")[0]
    last = inside[[match.start() for match in re.finditer(r"^\[m\d+ \S+ \S+ user\] ", inside, re.M)][-1] :]
    text, _, done = last.partition("] ")[2].partition("\n")
    return json.dumps({"thought": "", "heartbeat": "yes", "page": 1, **_next(text, done, core, inside)})


def _next(text: str, done: str, core: str, inside: str) -> dict[str, Any]:
    if text.startswith("What is the "):
        attribute, name = re.findall(r"the (city|phone) of (\w+)", text)[0]
        return _asked(attribute, name, "9999", core if attribute == "city" else "", inside, done)
    if text.startswith("What was the "):
        attribute, name, before = re.findall(r"the (city|phone) of (\w+) before (\S+)\?", text)[0]
        return _asked(attribute, name, before, "", inside, done)
    if ferry := re.findall(r"Does (\w+) take the ferry", text):
        line = next((one for one in core.splitlines() if f"{ferry[0]} takes" in one), "")
        return _says("It may not: that has changed." if "rests on what holds no more" in line else "Yes.")
    if "[result]" in done:
        return _says("Noted.")
    if told := re.findall(r"(\w+) takes the (\w+) ferry", text):
        return _keep(f"{told[0][0]} takes the {told[0][1]} ferry.")
    if gone := re.findall(r"not true any more that the city of (\w+) is (\w+)", text):
        return _change(f"The city of {gone[0][0]} is {gone[0][1]}.", "")
    if (said := _IS.search(text)) and said[1] == "city":
        held = re.search(rf"- (The city of {said[2]} is [\w-]+\.)", core)
        line = f"The city of {said[2]} is {said[3]}."
        return _change(held[1], line) if held else _keep(line)
    return _says("Noted.")


def _asked(attribute: str, name: str, before: str, core: str, inside: str, done: str) -> dict[str, Any]:
    if held := re.search(rf"- The {attribute} of {name} is ([\w-]+)\.", core):
        return _says(held[1])
    pages = re.findall(r"-> conversation_search\(.*page=(\d+)\)", done)
    if not pages:
        return {"do": "conversation_search", "query": f"{attribute} of {name}"}
    found = [
        (day, said[3])
        for day, text in _SEEN.findall(inside)
        for said in _IS.finditer(text.partition(" (holds no more")[0])
        if (said[1], said[2]) == (attribute, name) and day < before and "not true" not in text
        if before != "9999" or "holds no more" not in text
    ]
    if done.rstrip().count("unread") and int(pages[-1]) < _MOST_PAGES:
        return {"do": "conversation_search", "query": f"{attribute} of {name}", "page": int(pages[-1]) + 1}
    return _says(max(found)[1]) if found else {**_says("I do not know."), "known": "no"}


def _says(text: str) -> dict[str, Any]:
    return {"do": "send_message", "known": "yes", "message": text}


def _keep(text: str) -> dict[str, Any]:
    return {"do": "core_memory_append", "name": "human", "content": text}


def _change(old: str, new: str) -> dict[str, Any]:
    return {"do": "core_memory_replace", "name": "human", "old_content": old, "new_content": new}


@dataclass(frozen=True)
class Said:
    """One turn of the chat.

    Args:
        text: what the user says.
        kind: what of a question is tried; "" where it asks nothing.
        expected: its answer.
    """

    text: str
    kind: str = ""
    expected: str = ""


@dataclass
class Chat:
    """A chat of so many turns: facts near its beginning, changed twice or taken back in between, and questions
    near its end.

    Args:
        turns: how many.
        seed: of what is said.
    """

    turns: int
    seed: int = 1
    now: float = field(default=BEGINS, init=False)

    def clock(self) -> float:
        """The time of the chat."""
        return self.now

    def __iter__(self) -> Iterator[Said]:
        told = self._told()
        for number in range(self.turns):
            self.now = BEGINS + number * HOURS * 3600
            yield told.get(number) or self._filler(number)

    def _filler(self, number: int) -> Said:
        tide = (number * 7919 + self.seed) % 97
        return Said(
            f"By the way, at the mole the tide was {tide} hands high on walk {number}, said the keeper."
        )

    def _told(self) -> dict[int, Said]:
        rng = random.Random(self.seed)
        said, every = dict[int, Said](), self.turns // 40
        cities = {name: rng.sample(CITIES, 3) for name in NAMES}
        phones = {
            name: [f"{rng.randint(200, 999)}-{rng.randint(1000, 9999)}" for _ in range(3)] for name in NAMES
        }
        at = 3
        for name in NAMES:
            said[at] = Said(f"The city of {name} is {cities[name][0]}.")
            said[at + 1] = Said(f"The phone of {name} is {phones[name][0]}.")
            at += 2
        said[at] = Said(f"Ida takes the {cities['Ida'][0]} ferry to work.")
        for change in (1, 2):
            at = 10 * every * change + 2
            for name in NAMES[:-1]:  # the last one stays as it is
                said[at] = Said(f"The city of {name} is now {cities[name][change]}.")
                said[at + every] = Said(f"The phone of {name} is now {phones[name][change]}.")
                at += 2 if every > 1 else 2 * every
        at = 28 * every
        said[at] = Said(f"It is not true any more that the city of Olav is {cities['Olav'][2]}.")
        between = datetime.fromtimestamp(BEGINS + 17 * every * HOURS * 3600, UTC).strftime("%Y-%m-%d")
        at = 38 * every - 20
        questions = [
            *(
                Said(f"What is the city of {name}?", "now", cities[name][2])
                for name in NAMES[:-1]
                if name != "Olav"
            ),
            *(Said(f"What is the phone of {name}?", "now", phones[name][2]) for name in NAMES[:-1]),
            *(Said(f"What is the phone of {name}?", "early", phones[name][0]) for name in NAMES[-1:]),
            *(Said(f"What is the city of {name}?", "early", cities[name][0]) for name in NAMES[-1:]),
            *(
                Said(f"What was the city of {name} before {between}?", "before", cities[name][1])
                for name in NAMES[:3]
            ),
            *(
                Said(f"What was the phone of {name} before {between}?", "before", phones[name][1])
                for name in NAMES[:3]
            ),
            Said("Does Ida take the ferry?", "rests on", "that has changed"),
            Said("What is the city of Olav?", "withdrawn", "I do not know."),
            Said("What is the city of Zoltan?", "never said", "I do not know."),
            Said("What is the phone of Zoltan?", "never said", "I do not know."),
        ]
        said.update({at + number: question for number, question in enumerate(questions)})
        return said
