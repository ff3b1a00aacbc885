"""Trust: every decision that depends on what is known of the model. Graphs call it, and never branch on
doubt.

A model is believed until its profile says that it is weak (`lcagent probe`, docs/design/0006). Of one that is
known to be weak code asks less at a time, shows fewer passages, and withholds what it cannot stand behind: it
then says what it withheld, and why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lcagent.agents import planner
from lcagent.documents import query_words
from lcagent.documents.forms import holds
from lcagent.documents.placing import ABOUT, about
from lcagent.models.profile import TRUSTING, ModelProfile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lcagent.graphs.shared.task import Task
    from lcagent.graphs.shared.verdict import Verdict

FILLED = 3 / 8
"""Share of the window that evidence fills where passages are left: ten passages cut at a share of the best
hold all gold paragraphs in 77 % of questions, the same ranking in this many tokens in 94 %."""
FEW_PASSAGES = 5
"""Passages shown to a weak model: more lead it astray, fewer leave out the second hop (docs/design/0004)."""
LIKE_THE_BEST = 0.95
"""But passages that score this share of the best one are shown too: nothing tells which of them to leave."""
_COPIES, _COPIED = 3, 1 / 4
"""A weak reader that took so many facts, and this share of all, from its memory reads without it from then
on."""
_STEP = 0.5
"""Share of a weak planner's step that must stand in the question: else it asks for something else."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What follows from a model's profile."""

    profile: ModelProfile = TRUSTING

    @property
    def brief(self) -> bool:
        """Whether the model is asked for little at a time."""
        return self.profile.stance == "cautious"

    @property
    def looks_up(self) -> bool:
        """Whether an answer from a few passages counts beside those of who has read everything."""
        return not self.brief

    def sure(self, verdict: Verdict) -> bool:
        """Whether the model found an answer, and was as sure of it as its profile asks for."""
        threshold = self.profile.certainty
        unsure = threshold is not None and verdict.certainty is not None and verdict.certainty < threshold
        return verdict.found and not unsure

    def segment_tokens(self, most: int) -> int:
        """Most tokens of document in one call: the strategy's own, or what the model reads well."""
        return min(most, self.profile.limit_tokens or most)

    def reads_whole(self, tokens: Callable[[], int]) -> bool:
        """Whether a text may be answered from in one call: the model was not seen to fail at fewer tokens.

        Args:
            tokens: counts the text; only where such a limit is known.
        """
        limit = self.profile.limit_tokens
        return limit is None or tokens() <= limit

    def marks(self) -> bool:
        """Whether the model is asked to name the passages that its statements rest on."""
        return not self.brief

    def evidence_tokens(self, room: int, window: int) -> int:
        """Tokens up to which evidence is filled with retrieved passages, findings included."""
        return room if self.brief else min(room, int(FILLED * window))

    def passages(self, scores: Sequence[float]) -> int:
        """How many of the best passages a weak model is shown at most.

        Args:
            scores: of all passages, best first.
        """
        alike = sum(score >= LIKE_THE_BEST * scores[0] for score in scores) if scores else 0
        return max(FEW_PASSAGES, min(alike, 2 * FEW_PASSAGES))

    def steps(self, question: str, steps: Sequence[str]) -> tuple[str, ...]:
        """The planner's steps that are followed; none where the question is a single step.

        A step that repeats another is left out, and of a weak planner one that is not about the question; so
        is what needs their answers.
        """
        asked, seen, dropped = set(query_words(question)), set[frozenset[str]](), set[int]()
        for number, step in enumerate(steps, 1):
            words = frozenset(query_words(planner.worded(step)))
            exact = words | {f"#{other}" for other in planner.references(step)}
            off = self.brief and len(words & asked) < _STEP * len(words)
            if not words or off or exact in seen:
                dropped.add(number)
            seen.add(exact)
        kept = planner.without(steps, dropped)
        return kept if len(kept) > 1 else ()

    def reads_alone(self, told: int, copied: int) -> bool:
        """Whether a reader repeats its memory in place of reading, so that it reads without it."""
        return self.brief and copied >= max(_COPIES, _COPIED * told)

    def believes(self, *, refused: bool, held: bool) -> bool:
        """Whether a member's answer counts.

        Args:
            refused: it refused in the same reply: a weak model refuses always.
            held: its own quote holds the answer and is about what is asked.
        """
        return not refused or (self.brief and held)

    def sifts_out(self, question: str, text: str) -> bool:
        """Whether a note that the sifter drops is dropped: of a weak one not what is plainly about the
        question."""
        return not self.brief or not about(question, text)

    def ruled(self, task: Task, verdict: Verdict, shown: str) -> Verdict:
        """The verdict as it is given: of a weak model withheld where code cannot stand behind it.

        Args:
            task: the run.
            verdict: what was answered.
            shown: the text that it was answered from.
        """
        if not verdict.found:
            return verdict
        warnings = [f"the text never mentions {name}" for name in task.retrieval.unmentioned]
        if not self.sure(verdict):
            warnings.append(f"the model was {verdict.certainty:.0%} sure that the text says it")
        if not self.brief:
            return verdict.warned(*warnings)
        reasons = list(warnings)
        if not about(task.question, shown):
            reasons.append("no passage is about what the question asks for")
        elif not holds(shown, verdict.text, share=ABOUT):
            reasons.append("the text does not hold it")
        if not reasons:
            return verdict
        told = f"an answer was withheld ({'; '.join(reasons)}): {verdict.text[:200]}"
        return replace(verdict, statements=(), conflict=False).warned(told)
