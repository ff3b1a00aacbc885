"""A competent reader: for each single prompt it says exactly what stands in it, and nothing else.

What a strategy scores below 100 % with it is lost by the strategy's own code. It is scripted by the names
of the fields that a reply is asked for, so that roles may change as they like: `FIELDS` has one function
for each name, and a name that is not there is filled in by its type.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.loopback import Reply, Request, count
from tests.reader.cases import Case, Hop, clip, fold
from tests.reader.pager import is_paging, step

_SECTION = re.compile(r"<(\w+)>\n(.*?)\n?</\1>", re.S)
_NUMBER = re.compile(r"^\[(\d+)\]", re.M)
_RETRY = "\n\nYour last reply could not be used:"
_SENTENCE = re.compile(r"(?<=[.!?。])\s+|\n+")
_NAME = re.compile(r"[A-Z\d][\w.'’-]*(?: (?:of |the |de )?[A-Z\d][\w.'’-]*)*")
_NEGATIVE = ("no", "zero", "none", "other", "ANSWER")
_ASKS = {"fact": "fact", "list": "list", "text": "explanation"}
_BESIDE = {"next", "rationale", "reasoning"}
NOTHING = "Nothing yet."
_MOST_OTHERS = 25
"""Other sentences of a segment that an extraction states."""
_MOST_INVENTED = 3
"""Sentences of irrelevant segments that a memory in free text keeps."""


@dataclass
class Said:
    """One call as it was answered.

    `reported` and `shown` are numbers of the case's hops: those that it said of a segment, and those that
    stood in the prompt.
    """

    case: Case
    fields: tuple[str, ...]
    reported: tuple[int, ...]
    shown: tuple[int, ...]
    reply: str
    text: str
    hop: Hop | None = None
    """Whose own question it was asked, to be looked up."""

    @property
    def reads(self) -> bool:
        """Whether it was given text of the document to read, not to answer from."""
        return bool({"facts", "fact"} & set(self.fields)) or (not self.fields and "<section>" in self.text)

    @property
    def answers(self) -> bool:
        """Whether it was to answer the question from what others read."""
        return self.hop is None and ("found" in self.fields or (not self.fields and not self.reads))


@dataclass
class CompetentReader:
    """A reply function for `Loopback`.

    Args:
        cases: what it may be asked about.
        miss: chance that it overlooks a gold sentence. It is drawn once for a case and a sentence, and
            holds for every call: what is overlooked is not seen in the answering call either.
        invent: chance that it finds something in a segment that holds no gold sentence: it then gives a
            sentence of that segment as a fact. Drawn once for a case and a segment.
        seed: what both are drawn by.
        every: whether an extraction states other sentences of the segment too, so that a graph is as large as
            a real one.
        certainty: probability that it gives to its yes or no, where a request asks for that.
        log: what was said, in order.
    """

    cases: Sequence[Case]
    miss: float = 0.0
    invent: float = 0.0
    seed: int = 0
    every: bool = False
    certainty: float | None = None
    log: list[Said] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    """Faults of its own, which would else only close the connection."""

    def __call__(self, request: Request) -> Reply:
        try:
            return self._reply(request)
        except Exception as error:
            self.faults.append(error)
            return Reply("", status=422)

    def _reply(self, request: Request) -> Reply:
        if request.schema is not None and is_paging(request.schema):
            case, call, seen = step(self.cases, request.text, request.schema, self.overlooks)
            text = json.dumps(call, ensure_ascii=False)
            shown = tuple(case.hops.index(hop) for hop in seen)
            self.log.append(Said(case, ("do",), shown, shown, text, request.text, None))
            return Reply(text)
        look = Look(self, request)
        if request.schema is None:
            text = look.memory()
            fields: tuple[str, ...] = ()
        else:
            properties = request.schema["properties"]
            fields = tuple(properties)
            values = {name: look.value(name, spec) for name, spec in properties.items()}
            text = json.dumps(values, ensure_ascii=False)
            if count(text) > request.body.get("max_tokens", 16):
                # The loopback's tokens are small in some scripts: then nothing is said but what is needed.
                values |= dict.fromkeys(_BESIDE & values.keys(), "")
                text = json.dumps(values, ensure_ascii=False)
        numbers = {hop: at for at, hop in enumerate(look.case.hops)}
        reported, shown = ([numbers[hop] for hop in hops] for hops in (look.reported(text), look.shown))
        said = Said(look.case, fields, tuple(reported), tuple(shown), text, request.text, look.looked_up)
        self.log.append(said)
        decides = self.certainty is not None and re.search(r'"(?:yes|no)"', text)
        return Reply(text, certainty=self.certainty if decides else None)

    def overlooks(self, case: Case, hop: Hop) -> bool:
        """Whether a sentence is never seen."""
        return self._drawn(case, hop.sentence, "miss") < self.miss

    def invents(self, case: Case, text: str) -> bool:
        """Whether something is found in a text that has nothing to say."""
        return self._drawn(case, text, "invent") < self.invent

    def _drawn(self, case: Case, text: str, what: str) -> float:
        exact = f"{self.seed}/{what}/{case.name or case.question}/{fold(text)}"
        return int.from_bytes(hashlib.sha256(exact.encode("utf-8", "replace")).digest()[:8]) / 2**64


class Look:
    """One prompt, and what a competent reader sees in it."""

    def __init__(self, reader: CompetentReader, request: Request) -> None:
        self.reader = reader
        self.fields = set(request.schema["properties"]) if request.schema else set()
        text = request.messages[-1]["content"].partition(_RETRY)[0]
        found: dict[str, list[str]] = {}
        for name, body in _SECTION.findall(text):
            found.setdefault(name, []).append(body)
        self.properties: dict[str, Any] = request.schema["properties"] if request.schema else {}
        self.asked = fold(" ".join(found.pop("question", [])[:1]))
        self.findings = "\n".join(found.get("findings", []))
        self.read = "\n".join(found.pop("segment", []) + found.pop("section", []))
        self.kept = "\n".join(body for bodies in found.values() for body in bodies)
        self.case = self._case()

    @property
    def material(self) -> str:
        """What a call is about: a segment, or else what others made of segments."""
        return self.read or self.kept

    def _case(self) -> Case:
        cases = self.reader.cases
        if not self.asked:  # what is read whatever will be asked
            every = dict.fromkeys(hop for case in cases for hop in case.hops if not hop.context)
            return Case("", tuple(every), name=cases[0].name or cases[0].question)
        whole = [case for case in cases if self.asked.startswith(fold(case.question))]
        if whole:
            return max(whole, key=lambda case: len(case.question))
        about = [case for case in cases if any(self._asks(hop) for hop in case.hops)]
        holding = [case for case in about if self._standing(case, self.material)]
        if not about:
            raise LookupError(f"nothing is known of the question {self.asked!r}")
        return (holding or about)[0]

    def _asks(self, hop: Hop) -> bool:
        """Whether the question is a hop's own; code may cut it short, add what is known, or leave a full stop
        out of an answer that it fills in."""
        ask, asked = (" ".join(re.findall(r"\w+", fold(text))) for text in (hop.ask, self.asked))
        return bool(ask and asked) and (ask.startswith(asked) or asked.startswith(ask))

    def _standing(self, case: Case, text: str) -> list[Hop]:
        folded = fold(text)
        seen = [hop for hop in case.hops if hop.stands_in(folded) or self._listed(case, hop, folded)]
        return [hop for hop in seen if not self.reader.overlooks(case, hop)]

    def _listed(self, case: Case, hop: Hop, folded: str) -> bool:
        """Whether others name things of a list: of these the names are enough, without their sentences."""
        named = case.kind == "list" and not self.read and hop.answer
        return bool(named) and bool(re.search(rf"\b{re.escape(fold(hop.answer))}\b", folded))

    @cached_property
    def here(self) -> list[Hop]:
        """Hops whose sentence stands in what the call is about."""
        return self._standing(self.case, self.material)

    @cached_property
    def shown(self) -> list[Hop]:
        """Hops whose sentence stands anywhere in the prompt."""
        return self._standing(self.case, f"{self.read}\n{self.kept}")

    @property
    def complete(self) -> bool:
        """Whether every hop stands in the prompt."""
        return len(self.shown) == len(self.case.hops)

    @property
    def answered(self) -> bool:
        """Whether what the call is about answers the question; of a list, whether it has a part."""
        noted = [hop for hop in self.here if not hop.context]
        return len(self.here) == len(self.case.hops) or (self.case.kind == "list" and bool(noted))

    @cached_property
    def looked_up(self) -> Hop | None:
        """The hop whose own question is to be answered from passages."""
        if "found" not in self.fields or self.asked.startswith(fold(self.case.question)):
            return None
        asked = [hop for hop in self.case.noted if self._asks(hop)]
        return next((hop for hop in asked if hop in self.here), asked[0]) if asked else None

    @cached_property
    def invented(self) -> str:
        """A sentence that is given as a fact though it has nothing to say; mostly none."""
        if self.here or not self.material or not self.reader.invents(self.case, self.material):
            return ""
        sentences = [s for s in map(fold, _SENTENCE.split(self.material)) if 40 < len(s) < 170]
        return sentences[len(sentences) // 2] if sentences else ""

    def others(self) -> list[str]:
        """Sentences of the segment that are no hop's."""
        sentences = [s for s in map(fold, _SENTENCE.split(self.material)) if 40 < len(s) < 250]
        return [s for s in sentences if not any(hop.stands_in(s) for hop in self.case.hops)][:_MOST_OTHERS]

    def facts(self, most: int, chars: int) -> list[str]:
        """The sentences that stand here, within the bounds of the schema."""
        notes = {hop.note: hop for hop in self.here if not hop.context}
        facts = [hop.shortened(chars) for hop in notes.values()]
        if self.invented:
            facts.append(clip(self.invented, chars))
        return facts[:most]

    def memory(self) -> str:
        """The reply in free text: a memory after one more section, or an answer in a box."""
        if not self.read:
            return f"\\boxed{{{self.case.said if self.complete else ''}}}"
        lines = [f"- {hop.note}" for hop in self.shown]
        others = [line for line in self.kept.splitlines() if line.startswith("- ") and line not in lines]
        invented = [*others, *([f"- {self.invented}"] if self.invented else [])]
        return "\n".join(dict.fromkeys([*lines, *invented[-_MOST_INVENTED:]])) or NOTHING

    def reported(self, reply: str) -> list[Hop]:
        """Hops that the reply says of a segment."""
        if not self.read:
            return []
        said = fold(reply.replace('\\"', '"'))
        return [hop for hop in self.here if hop.stands_in(said)]

    def value(self, name: str, spec: dict[str, Any]) -> Any:
        """What the reply says in one field, within the bounds that its schema sets."""
        fill = FIELDS.get(name)
        value = fill(self, spec) if fill else _by_type(spec)
        if "enum" in spec and value not in spec["enum"]:
            return _by_type(spec)
        if isinstance(value, str) and "enum" not in spec:
            return clip(value, spec.get("maxLength", len(value) or 1))
        return value


def _by_type(spec: dict[str, Any]) -> Any:
    """A field that nothing is known of: what says least."""
    if options := spec.get("enum"):
        return next((option for option in _NEGATIVE if option in options), options[-1])
    if "const" in spec:
        return spec["const"]
    return {"array": [], "boolean": False, "integer": 0, "number": 0.0}.get(spec.get("type", ""), "")


def _yes(does: bool) -> str:
    return "yes" if does else "no"


def _facts(look: Look, spec: dict[str, Any]) -> list[Any]:
    if spec.get("items", {}).get("type") == "object":
        return _extracted(look, spec)
    chars = spec.get("items", {}).get("maxLength", 10_000)
    return look.facts(spec.get("maxItems", 10_000), chars)


def elements(hop: Hop) -> list[str]:
    """What a hop's fact is about: the names and numbers in it and in what it answers, and its answer."""
    names = [match.group() for text in (hop.note, hop.ask) for match in _NAME.finditer(fold(text))]
    return [clip(name, 60) for name in dict.fromkeys([hop.answer, *names]) if name]


def _extracted(look: Look, spec: dict[str, Any]) -> list[dict[str, Any]]:
    chars = spec["items"]["properties"]["fact"].get("maxLength", 10_000)
    hops = [hop for hop in look.here if not hop.context]
    facts = [{"fact": hop.shortened(chars), "elements": elements(hop)} for hop in hops]
    others = [look.invented] if look.invented else look.others() if look.reader.every else []
    return [*facts, *({"fact": clip(one, chars), "elements": _NAME.findall(one)[:4]} for one in others)]


def _useful(look: Look, spec: dict[str, Any]) -> list[str]:
    """The numbers of the facts that say a hop."""
    lines = [line.split(" ", 1) for line in look.findings.splitlines() if re.match(r"f\d+ ", line)]
    return [number for number, said in lines if look._standing(look.case, said)]


def _left(look: Look) -> Hop | None:
    """The first hop that the prompt does not hold."""
    return next((hop for hop in look.case.noted if hop not in look.shown), None)


def _missing(look: Look, spec: dict[str, Any]) -> str:
    hop = _left(look)
    return (hop.ask or look.case.question) if hop else ""


def _node(look: Look, spec: dict[str, Any]) -> str:
    """The neighbour that what is missing is about."""
    hop = _left(look)
    about = [fold(name).casefold() for name in elements(hop)] if hop else []
    named = {fold(option).casefold(): option for option in spec.get("enum", [])}
    return next((named[name] for name in about if name in named), "")


def _do(look: Look, spec: dict[str, Any]) -> str:
    options = spec["enum"]
    if "read_neighbor_node" in options:
        leads = _node(look, look.properties["node"])
        return "read_neighbor_node" if leads else "termination"
    if "search_more" in options:
        return "termination" if look.complete else "search_more"
    return "stop_and_read_neighbor"


def _chosen(look: Look, spec: dict[str, Any]) -> list[str]:
    options = spec.get("items", {}).get("enum", [])
    about = {fold(name).casefold() for hop in look.case.noted for name in elements(hop)}
    return [one for one in options if fold(one).casefold() in about][: spec.get("maxItems", 99)]


def _answer(look: Look, spec: dict[str, Any]) -> str:
    if (hop := look.looked_up) is not None:
        marks = "".join(f" [{number}]" for number in _numbers(look, [hop]))
        return hop.says + marks if hop in look.here else ""
    if "refuse" in look.fields:
        return _member(look)[0]
    if look.case.kind == "list" and not look.complete:
        return ", ".join(hop.says for hop in look.here if not hop.context)
    if "found" in look.fields:
        return look.case.said + _marks(look) if look.complete else ""
    return look.case.said if look.answered else ""


def _answers(look: Look, spec: dict[str, Any]) -> list[str]:
    """The things of a list; of some of its sentences the things that they name."""
    chars = spec.get("items", {}).get("maxLength", 10_000)
    items: Sequence[str] = look.case.items or (look.case.said,)
    if not look.complete:
        named = [hop.says for hop in look.here if not hop.context]
        items = named if look.case.kind == "list" else ()
    return [clip(item, chars) for item in items][: spec.get("maxItems", 10_000)]


def _found(look: Look) -> bool:
    return look.looked_up in look.here if look.looked_up else look.complete or look.answered


def _marks(look: Look) -> str:
    """The numbers of the passages that hold the hops, where the prompt numbers its passages."""
    return "".join(f" [{number}]" for number in _numbers(look))


def _numbers(look: Look, hops: Sequence[Hop] | None = None) -> list[int]:
    """The numbers of the passages that hold hops; by default all that are noted."""
    text = f"{look.read}\n{look.kept}"
    starts = [(match.start(), int(match[1])) for match in _NUMBER.finditer(text)]
    ends = [start for start, _ in starts[1:]] + [len(text)] * bool(starts)
    passages = [(number, fold(text[start:end])) for (start, number), end in zip(starts, ends, strict=True)]
    used = [
        next((n for n, passage in passages if hop.stands_in(passage)), 0) for hop in hops or look.case.noted
    ]
    return sorted(set(used) - {0})


def _used(look: Look, spec: dict[str, Any]) -> list[Any]:
    if not look.complete:
        return []
    text = spec.get("items", {}).get("type") == "string"
    return [str(number) if text else number for number in _numbers(look)]


def _member(look: Look) -> tuple[str, str]:
    """Answer and fact of a member to the question put to it; empty where its text does not say."""
    case, noted = look.case, [hop for hop in look.here if not hop.context]
    asked = [hop for hop in case.hops if look._asks(hop)]
    if asked and not look.asked.startswith(fold(case.question)):
        found = next((hop for hop in asked if hop in noted), None)
        if found:
            return found.says, found.note
    elif case.kind == "list" and noted:
        return ", ".join(hop.says for hop in noted), noted[0].note
    else:
        known = look.asked[len(fold(case.question)) :]
        needed = [hop for hop in case.noted if fold(hop.says) not in known]
        if needed and all(hop in noted for hop in needed):
            # Without the heading that its date follows from, a member can only repeat its sentence.
            whole = all(hop in look.here for hop in case.hops if hop.context)
            return case.said if whole else needed[-1].core, needed[-1].note
    return look.invented, look.invented


def _ask(look: Look, spec: dict[str, Any]) -> str:
    """The leader's next sub-question: that of the first hop that is not known yet.

    A hop is known where its sentence stands among the findings, or its sub-question and the answer to it:
    the answer alone may be said of something else. One that was asked in vain ends the asking.
    """
    said = fold(look.kept)
    bare = said
    for text in [look.case.question, *(hop.ask for hop in look.case.hops)]:
        # A sub-question may itself hold the answer to the one before.
        bare = bare.replace(fold(text), " ") if text else bare
    for hop in look.case.noted:
        ask = hop.ask or look.case.question
        was_asked = fold(ask) in said
        if not was_asked and not hop.stands_in(said):
            return ask
        if not hop.stands_in(said) and fold(hop.says) not in bare:
            return ""
    return ""


def _steps(look: Look, spec: dict[str, Any]) -> list[str]:
    """The hops' own questions, the number of an earlier one where they hold its answer."""
    hops = look.case.noted
    if len(hops) < 2 or not all(hop.ask for hop in hops):
        return [look.case.question]
    steps: list[str] = []
    for at, hop in enumerate(hops):
        step = fold(hop.ask)
        for number, before in enumerate(hops[:at], 1):
            step = step.replace(fold(before.answer), f"#{number}") if before.answer else step
        steps.append(clip(step, spec.get("items", {}).get("maxLength", len(step))))
    return steps[: spec.get("maxItems", len(steps))]


def _next(look: Look, spec: dict[str, Any]) -> str:
    missing = [hop for hop in look.case.hops if hop not in look.shown]
    return (missing[0].ask or look.case.question) if missing and look.shown else ""


def _because(look: Look, spec: dict[str, Any]) -> str:
    return "; ".join(dict.fromkeys(hop.says for hop in look.here if not hop.context))


Fill = Callable[[Look, dict[str, Any]], Any]
FIELDS: dict[str, Fill] = {
    # reading a segment
    "relevant": lambda look, spec: _yes(bool(look.here or look.invented)),
    "facts": _facts,
    "several": lambda look, spec: _yes(look.case.kind == "list"),
    "sufficient": lambda look, spec: _yes(look.complete),
    "next": _next,
    "rationale": _because,
    "reasoning": _because,
    "answered": lambda look, spec: _yes(look.answered),
    "confidence": lambda look, spec: "high" if look.answered else "zero",
    "keep": lambda look, spec: _yes(bool(look.here or look.invented)),
    # a member and its leader
    "refuse": lambda look, spec: _yes(not _member(look)[0]),
    "fact": lambda look, spec: clip(fold(_member(look)[1]), spec.get("maxLength", 10_000), _member(look)[0]),
    "state": lambda look, spec: "NEW_STATE" if _ask(look, spec) else "ANSWER",
    "ask": _ask,
    # answering
    "found": lambda look, spec: _yes(_found(look)),
    "answer": _answer,
    "answers": _answers,
    "summary": lambda look, spec: look.case.said if look.complete else " ".join(look.facts(99, 999)),
    "used": _used,
    "passages": _used,
    "sources": _used,
    # exploring a graph of facts
    "useful": _useful,
    "conclusion": lambda look, spec: look.case.said if look.complete else "",
    "missing": _missing,
    "do": _do,
    "node": _node,
    "chosen": _chosen,
    # planning
    "core": lambda look, spec: look.case.question,
    "steps": _steps,
    "asks": lambda look, spec: _ASKS[look.case.kind],
    "queries": lambda look, spec: [look.asked[: spec["items"]["maxLength"]]],
    "language": lambda look, spec: look.case.language,
}
"""How each field of a reply is filled in, by its name."""
