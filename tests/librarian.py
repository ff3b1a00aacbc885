"""A model that looks things up as a test has it, and documents in which there is something to be found."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.exploring import passages_of
from tests.helpers import prose
from tests.loopback import Request
from tests.team import inside


@dataclass
class Librarian:
    """A model that answers a question where the prompt holds what it takes.

    Args:
        says: by question the answer and the sentences that it takes.
        kind: of question, as the plan says.
        steps: of the plan.
        queries: other words.
        notes: sentences that a reader notes.
    """

    says: dict[str, tuple[str, Sequence[str]]]
    kind: str = "fact"
    steps: Sequence[str] = ()
    queries: Sequence[str] = ("nothing of use",)
    notes: Sequence[str] = ()
    roles: list[str] = field(default_factory=list)

    def __call__(self, request: Request) -> str:
        names = request.schema["properties"]
        if "steps" in names:
            self.roles.append("plan")
            steps = list(self.steps) or [inside(request.text, "question")[0]]
            return json.dumps({"core": "", "form": "", "asks": self.kind, "steps": steps})
        if "queries" in names:
            self.roles.append("search")
            return json.dumps({"queries": list(self.queries)})
        if "facts" in names:
            self.roles.append("read")
            facts = [note for note in self.notes if note in request.text.split("<segment>")[-1]]
            return json.dumps({"relevant": "yes" if facts else "no", "facts": facts, "next": ""})
        self.roles.append("answer")
        (evidence,), (question,) = inside(request.text, "evidence"), inside(request.text, "question")
        answer, needed = self.says.get(question, ("", ["nowhere"]))
        found = all(sentence in evidence for sentence in needed)
        numbers = [n for n, part in passages_of(evidence) if any(sentence in part for sentence in needed)]
        marks = "".join(f" [{number}]" for number in numbers)
        return json.dumps({"found": "yes" if found else "no", "answer": answer + marks if found else ""})


def document(folder: Path, *told: str, sentences: int = 600) -> Path:
    """The sentences far from each other in a text that says nothing."""
    parts = prose(sentences).split("\n\n")
    for at, sentence in enumerate(told, 1):
        parts.insert(at * len(parts) // (len(told) + 1), sentence)
    path = folder / "doc.txt"
    path.write_text("\n\n".join(parts))
    return path
