"""Faults on demand: one request in `every` fails, the kinds taking turns."""

from dataclasses import dataclass, field

KINDS = ("500", "429", "drop", "half_body", "malformed", "cut", "whitespace")
MALFORMED = ('{"relevant": "yes", "facts": [', "I am sorry, here you go:", "[1, 2, 3", "{}")


@dataclass
class Faults:
    every: int = 3
    kinds: tuple[str, ...] = KINDS
    seen: int = 0
    injected: list[str] = field(default_factory=list)

    def next(self) -> str | None:
        self.seen += 1
        if self.seen % self.every:
            return None
        kind = self.kinds[(self.seen // self.every - 1) % len(self.kinds)]
        self.injected.append(kind)
        return kind
