"""Draws what a question costs by length, for every strategy: thousands of tokens, both axes logarithmic.

    python -m benchmarks.tokens orchestration.json orchestration-graphreader.json \\
        orchestration-graphreader-every.json --out tokens-by-length.png

The files are those of `benchmarks.orchestration --out`. What a strategy reads once for all questions about a
document (`graphreader`) is a dashed line of its own.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from lcagent.evals.plots import length_label

# Okabe and Ito's palette: told apart by readers with any colour vision.
_COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31"]
_MARKERS = "osD^vP*X"
_STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
    "legend.frameon": False,
}


def draw(figures: list[dict[str, Any]], out: Path) -> None:
    with rc_context(_STYLE):
        figure = Figure(figsize=(8.6, 4.8), layout="constrained")
        axes = figure.add_subplot()
        for at, strategy in enumerate(dict.fromkeys(row["strategy"] for row in figures)):
            rows = sorted(
                (row for row in figures if row["strategy"] == strategy), key=lambda row: row["length"]
            )
            lengths = [row["length"] for row in rows]
            look = {"color": _COLOURS[at % len(_COLOURS)], "marker": _MARKERS[at % len(_MARKERS)]}
            axes.plot(lengths, [row["k_tokens"] for row in rows], label=strategy, markersize=5, **look)
            if any(once := [row.get("building_k_tokens", 0) for row in rows]):
                label = f"{strategy}: built once\nfor all questions"
                axes.plot(lengths, once, "--", label=label, markersize=5, fillstyle="none", **look)
        axes.set_xscale("log")
        axes.set_yscale("log")
        ticks = sorted({row["length"] for row in figures})
        axes.set_xticks(ticks, [length_label(length) for length in ticks])
        axes.set_xticks([], minor=True)
        axes.set_yticks([10, 30, 100, 300, 1000, 3000], ["10", "30", "100", "300", "1,000", "3,000"])
        axes.set_yticks([], minor=True)
        axes.set_xlabel("document length, tokens")
        axes.set_ylabel("thousands of tokens a question")
        axes.set_title("Tokens of a question (prompt and reply) by document length", loc="left", size=11)
        figure.legend(loc="outside right center")
        figure.savefig(out, dpi=150, bbox_inches="tight", metadata={"Software": "lcagent"})


def rows_of(path: Path) -> list[dict[str, Any]]:
    result = json.loads(path.read_text("utf-8"))
    more = ", up to\n25 facts a segment" if result["settings"].get("every") else ""
    return [{**row, "strategy": f"{row['strategy']}{more}"} for row in result["figures"]]


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw, prog="benchmarks.tokens")
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    draw([row for path in options.results for row in rows_of(path)], options.out)


if __name__ == "__main__":
    main()
