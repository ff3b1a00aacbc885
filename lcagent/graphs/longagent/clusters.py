"""Clusters of equal answers: LongAgent's members say the same thing in several ways.

Source: "LongAgent: Scaling Language Models to 128k Context through Multi-Agent Collaboration", section
on conflict resolution. Its public code never finds two answers equal, because its key holds the
member's number; here equality is decided by the answers alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rapidfuzz import fuzz

from lcagent.documents.forms import Form, form, same_figure

Matcher = Callable[[str, str], bool]
"""Whether two answers say the same; symmetric. An embedding model can stand in for `same_answer`."""

ALIKE = 85.0
"""Similarity (0-100) of the words in which two answers differ, from which one is a misspelling."""


def same_answer(one: str, other: str) -> bool:
    """Whether two short answers say the same: figures as such, then names, then spelling."""
    a, b = form(one), form(other)
    if a.key == b.key:
        return True
    if a.denied != b.denied:
        return False
    if _within(a, b) or _within(b, a):
        return True
    if len(a.figures) != len(b.figures) or not all(map(same_figure, a.figures, b.figures)):
        return False
    if not a.words or not b.words:
        return bool(a.figures)
    return _same_words(a, b)


def _within(short: Form, long: Form) -> bool:
    """Whether one says all that the other says, and more: "Oskar Brandvold" and "Oskar Brandvold in 1911".

    A single word or a bare figure is not enough: "Norway" and "Oslo, the capital of Norway" differ.
    """
    held = all(any(same_figure(f, g) for g in long.figures) for f in short.figures)
    return held and len(short.words) > 1 and set(short.words) <= set(long.words)


def _same_words(a: Form, b: Form) -> bool:
    only_a = [w for w in a.words if w not in b.words]
    only_b = [w for w in b.words if w not in a.words]
    if only_a and only_b:
        # The words that differ are compared alone: two long names may differ in "north" and "south".
        return fuzz.ratio(" ".join(sorted(only_a)), " ".join(sorted(only_b))) >= ALIKE
    return max(len(a.words), len(b.words)) == 2  # a family name for the full name


def cluster(answers: Sequence[str], same: Matcher = same_answer) -> list[list[int]]:
    """Put answers that say the same together.

    Answers that differ only in notation always come together. Others join a cluster only if they
    match all of it, so that a chain of near matches never puts two opposites together. The result
    does not depend on the answers' order.

    Args:
        answers: short answers.
        same: the matcher.

    Returns:
        Clusters of indices into `answers`, each in order, the cluster with the earliest answer first.
    """
    equal: dict[object, list[int]] = {}
    for index, answer in enumerate(answers):
        equal.setdefault(form(answer).key, []).append(index)
    # In an order of the answers' own, the fullest first: the shorter ones then join what holds them.
    groups = [(min(answers[i] for i in members), members) for members in equal.values()]
    groups.sort(key=lambda group: (-len(group[0]), group[0]))
    clusters: list[tuple[list[str], list[int]]] = []
    for text, members in groups:
        for texts, held in clusters:
            if all(same(text, other) for other in texts):
                texts.append(text)
                held.extend(members)
                break
        else:
            clusters.append(([text], list(members)))
    return sorted(sorted(members) for _, members in clusters)
