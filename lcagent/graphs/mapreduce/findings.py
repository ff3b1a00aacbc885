"""Findings: what one segment, or a group of them, says in the four fields of LLM×MapReduce.

Source: "LLM×MapReduce: Simplified Long-Sequence Processing using LLMs", structured information
protocol and collapse stage. The paper collapses until the results fit and hopes that they will. Here
every step has a bound that code keeps: no finding is larger than a quarter of a call's budget, and a
group leaves at most that much behind, so the rounds end whatever the model writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypedDict

from lcagent.agents.mapper import Confidence
from lcagent.documents import query_words

RANK: dict[str, int] = {"high": 2, "middle": 1, "zero": 0}
SHARE = 4
"""A finding takes at most this part of a call's budget."""
SAID = 0.6
"""Share of a fact's words from which another fact says it too."""


class Finding(TypedDict):
    """One result in four fields, the places it is from, and the ids of the ledger rows it rests on.

    `answer` is empty where the segment holds none: its facts may still lead to one elsewhere.
    `evidence` is carried by code alone; a model never copies an id.
    """

    first: str
    last: str
    facts: list[str]
    rationale: str
    answer: str
    confidence: Confidence
    evidence: list[str]


def sureness(finding: Finding) -> int:
    """What goes first where not all can stay; a fact that leads on goes before an unsupported answer."""
    return RANK[finding["confidence"]] if finding["answer"] else RANK["middle"]


Size = Callable[[Finding], int]
"""Tokens that a finding takes in a prompt, its line break included."""


def show(finding: Finding) -> str:
    """As a prompt shows it."""
    first, last = finding["first"], finding["last"]
    place = first if first == last else f"{first} to {last}"
    lines = [f"[{place}]", *(f"- {fact}" for fact in finding["facts"])]
    if finding["rationale"]:
        lines.append(f"rationale: {finding['rationale']}")
    if finding["answer"]:
        # On a line of its own: in brackets after the answer, a small model took it for a part of it.
        lines += [f"answer: {finding['answer']}", f"confidence: {finding['confidence']}"]
    else:
        lines.append("answer: none here")
    return "\n".join(lines)


def split(finding: Finding, most: int, size: Size) -> list[Finding]:
    """A finding in pieces of at most `most` tokens; no fact is lost, whatever its length."""
    if size(finding) <= most:
        return [finding]
    head = clip({**finding, "facts": []}, most // 2, size)
    pieces: list[Finding] = [head]
    for fact in finding["facts"]:
        for part in _parts(fact, lambda text: size({**_rest(finding), "facts": [text]}) <= most):
            longer: Finding = {**pieces[-1], "facts": [*pieces[-1]["facts"], part]}
            if size(longer) <= most:
                pieces[-1] = longer
            else:
                pieces.append({**_rest(finding), "facts": [part]})
    return pieces


def _rest(finding: Finding) -> Finding:
    """What a further piece carries beside its facts: the answer stands in the first piece."""
    return {**finding, "facts": [], "rationale": "", "answer": ""}


def _parts(text: str, fits: Callable[[str], bool]) -> list[str]:
    """A text in halves of halves that fit, cut at a space where there is one."""
    if len(text) < 2 or fits(text):
        return [text]
    middle = len(text) // 2
    cut = text.rfind(" ", middle // 2, middle) + 1 or middle
    return _parts(text[:cut].rstrip() or text[:cut], fits) + _parts(text[cut:], fits)


def clip(finding: Finding, most: int, size: Size) -> Finding:
    """A finding cut down to `most` tokens: facts go from the end, then the rationale, then more."""
    finding = {**finding, "facts": list(finding["facts"])}
    while size(finding) > most:
        if len(finding["facts"]) > 1:
            finding["facts"].pop()
        elif finding["rationale"]:
            finding["rationale"] = ""
        elif finding["facts"] and len(finding["facts"][0]) > 1:
            finding["facts"] = [finding["facts"][0][: len(finding["facts"][0]) // 2]]
        elif finding["answer"]:
            finding["answer"] = finding["answer"][: len(finding["answer"]) // 2]
        else:
            break
    return finding


def group(sizes: Sequence[int], budget: int) -> list[list[int]]:
    """Indices of consecutive findings, as many to a group as the budget holds."""
    groups: list[list[int]] = []
    taken = 0
    for index, size in enumerate(sizes):
        if not groups or taken + size > budget:
            groups.append([])
            taken = 0
        groups[-1].append(index)
        taken += size
    return groups


def union(members: Sequence[Finding]) -> list[str]:
    """The evidence of a group: all of its members', each once, in order."""
    return list(dict.fromkeys(name for member in members for name in member["evidence"]))


def squeeze(members: Sequence[Finding], most: int, size: Size) -> Finding:
    """A group as one finding without a model: the surest member's answer, then facts that fit."""
    ranked = sorted(members, key=lambda m: -sureness(m))
    best = next((m for m in ranked if m["answer"]), ranked[0])
    merged: Finding = {
        **best,
        "first": members[0]["first"],
        "last": members[-1]["last"],
        "facts": [],
        "evidence": union(members),
    }
    merged = clip(merged, most, size)
    for fact in dict.fromkeys(fact for member in ranked for fact in member["facts"]):
        longer: Finding = {**merged, "facts": [*merged["facts"], fact]}
        if size(longer) <= most:
            merged = longer
    return merged


def carry(finding: Finding, facts: Sequence[str], question: str, most: int, size: Size) -> Finding:
    """A finding with those of `facts` that it does not say, as far as they fit.

    A model that puts findings together drops the facts that only lead on, and a group has room for more
    than it writes. First come facts that share words with the question or with what it did write.
    """
    said = [set(query_words(fact)) for fact in finding["facts"]]
    wanted = set(query_words(question)).union(*said)
    lost: list[tuple[int, str]] = []
    for fact in dict.fromkeys(facts):
        words = set(query_words(fact))
        if words and not any(len(words & held) >= SAID * len(words) for held in said):
            lost.append((len(words & wanted), fact))
    for _, fact in sorted(lost, key=lambda pair: -pair[0]):
        longer: Finding = {**finding, "facts": [*finding["facts"], fact]}
        if size(longer) <= most:
            finding = longer
    return finding


def keep(findings: Sequence[Finding], budget: int, size: Size) -> list[Finding]:
    """The surest findings that fit a budget, in reading order."""
    order = sorted(range(len(findings)), key=lambda i: (-sureness(findings[i]), i))
    chosen: set[int] = set()
    for index in order:
        needed = size(findings[index])
        if needed <= budget:
            chosen.add(index)
            budget -= needed
    return [finding for index, finding in enumerate(findings) if index in chosen]
