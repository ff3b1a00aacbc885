"""Text as a prompt shows it: pieces of documents under a number and their place, with notes on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from lcagent.documents.corpus import Region
from lcagent.documents.retrieval import Retrieval


@dataclass(frozen=True, slots=True)
class Block:
    """One numbered piece of the evidence: a passage, a sentence, or notes without a place.

    Args:
        first: (document, offset) where it begins.
        regions: characters of the documents that are shown or that the notes rest on.
        where: its place as the prompt says it.
        text: of the document.
        notes: what was noted of it.
    """

    first: tuple[int, int]
    regions: tuple[Region, ...]
    where: str
    text: str
    notes: tuple[str, ...] = ()

    def shown(self, number: int | None) -> str:
        """As the prompt shows it, under its number and its place."""
        mark = f"[{number}]" if number else ""
        head = f"{mark} {self.where}".strip() if number or not self.where else f"[{self.where}]"
        return "\n".join(filter(None, [head, self.text, *self.notes]))


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one answering call is shown.

    Args:
        blocks: in reading order.
        carriers: sentences that carry findings.
        warnings: what is not shown, sentences for people.
    """

    blocks: tuple[Block, ...]
    carriers: tuple[Region, ...] = ()
    warnings: tuple[str, ...] = field(default_factory=tuple)

    @property
    def citable(self) -> list[Block]:
        """The blocks that have a number: those that show text of a document, or rest on it."""
        return [block for block in self.blocks if block.regions]

    def text(self, *, marks: bool) -> str:
        """As the prompt shows it; numbered ones say their place where it is another than the one before."""
        number, where, shown = 0, "", list[str]()
        for block in self.blocks:
            number += bool(block.regions)
            told = replace(block, where="") if marks and block.where == where else block
            shown.append(told.shown(number if marks and block.regions else None))
            where = block.where
        return "\n\n".join(shown)

    @property
    def regions(self) -> list[Region]:
        """All characters of the documents that are shown or that notes rest on."""
        return [region for block in self.blocks for region in block.regions]


def in_order(blocks: Iterable[Block]) -> list[Block]:
    """Blocks in reading order."""
    return sorted(blocks, key=lambda one: (one.first, one.regions))


def block(retrieval: Retrieval, region: Region, notes: tuple[str, ...] = ()) -> Block:
    """A region of a document under its place and the headings above it."""
    corpus = retrieval.corpus
    where = ", ".join(filter(None, [corpus.where(*region[:2]), retrieval.headings(region)]))
    return Block(region[:2], (region,), where, corpus.text(region).strip(), notes)
