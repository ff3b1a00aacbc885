"""How much must be read to know one strategy: the files that its graph's module imports, and theirs.

`documents` and `models` are left out, for whoever reads a strategy takes them as given, and `settings`, which
no strategy sees. Imports inside functions and those for types alone count too.

    python -m benchmarks.reading            lines and files of each strategy
    python -m benchmarks.reading memagent   its files as well, the longest first
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from lcagent.graphs import STRATEGIES

ROOT = Path(__file__).parent.parent
LEFT_OUT = ("lcagent.documents", "lcagent.models", "lcagent.settings")


def file_of(module: str) -> Path | None:
    """The file of a module of ours; None where it is none."""
    path = ROOT / module.replace(".", "/")
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)


def imported(file: Path) -> Iterator[str]:
    """The modules of ours that a file imports."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("lcagent"):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def closure(module: str) -> dict[str, int]:
    """The modules that must be read for one, itself included, and the lines of each."""
    lines: dict[str, int] = {}
    left = [module]
    while left:
        name = left.pop()
        file = file_of(name)
        if file is None or name in lines or name.startswith(LEFT_OUT):
            continue
        lines[name] = file.read_text("utf-8").count("\n")
        left += imported(file)
    return lines


def main() -> None:
    """Print what the command line names."""
    for name, (where, _) in STRATEGIES.items():
        lines = closure(where.partition(":")[0])
        print(f"{name:12}{sum(lines.values()):6} lines in {len(lines)} files")
        if name in sys.argv[1:]:
            for module, count in sorted(lines.items(), key=lambda one: -one[1]):
                print(f"{count:18} {module}")


if __name__ == "__main__":
    main()
