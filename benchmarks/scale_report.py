"""The tables and charts of docs/scale.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def tables(found: dict[str, Any], models: dict[str, str]) -> str:
    """Markdown: a row a size, by strategy, and what each thing keeps up with."""
    lines = []
    for strategy, rows in found["strategies"].items():
        lines += [
            f"\n`{strategy}`, {models['small']}\n",
            "| servers; documents | wall time, with tail | documents, calls a second"
            " | clients, router, store (cores) | dollars; per 1,000 | as it comes | one database |",
            "|---|---|---|---|---|---|---|",
        ]
        for row in rows:
            one, plain, single = row["enough"], row["as it comes"], row["one database"]
            lines.append(
                f"| {one['servers']:,}; {one['documents']:,} | {_time(one['hours'])}, {_time(one['tail'])}"
                f" | {one['rate']:,.1f}, {one['calls']:,.0f}"
                f" | {one['clients']:,}, {one['router']}, {one['store']}"
                f" | {one['dollars']:,.0f}; {1000 * one['dollars'] / one['documents']:.2f}"
                f" | {100 * plain['share']:.1f} %: {plain['short']} | {100 * single['share']:.0f} % |"
            )
    lines += ["\n| | " + " | ".join(found["limits"]) + " |", "|---|" + "---|" * len(found["limits"])]
    for name in next(iter(found["limits"].values())):
        lines.append(f"| {name} | " + " | ".join(f"{one[name]:,}" for one in found["limits"].values()) + " |")
    lines += [
        f"\n`auto`, {models['large']}\n",
        "| servers; documents | wall time | dollars |",
        "|---|---|---|",
    ]
    for row in found["large"]:
        lines.append(
            f"| {row['servers']:,}; {row['documents']:,} | {_time(row['hours'])} | {row['dollars']:,.0f} |"
        )
    lines.append("\nLongest first, one server, 1,000 documents: wall time, tail\n")
    lines += [
        f"- {name}: {_time(row['hours'])}, {_time(row['tail'])}"
        for name, row in found["longest first"].items()
    ]
    return "\n".join(lines)


def _time(hours: float) -> str:
    if hours < 1 / 60:
        return f"{3600 * hours:.0f} s"
    return f"{60 * hours:.0f} min" if hours < 2 else f"{hours:.1f} h"


def charts(found: dict[str, Any], checked: dict[str, Any] | None, folder: Path) -> None:
    """`scale-rate.svg`, and `scale-check.svg` where there is a measured run."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "scale", "font.size": 9})
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    for colour, (strategy, rows) in zip(("C0", "C1", "C2"), found["strategies"].items(), strict=True):
        servers = [row["enough"]["servers"] for row in rows]
        axes.loglog(
            servers,
            [3600 * row["enough"]["rate"] for row in rows],
            f"{colour}o-",
            label=f"{strategy}, enough",
        )
        axes.loglog(
            servers, [3600 * row["as it comes"]["rate"] for row in rows], f"{colour}x:", label="one process"
        )
    axes.set(xlabel="model servers", ylabel="documents an hour")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    _save(figure, folder / "scale-rate.svg")
    if checked:
        figure, axes = plt.subplots(figsize=(6.4, 2.6), layout="constrained")
        for at, row in enumerate(checked["rows"]):
            for shift, kind, colour in ((-0.2, "measured", "C0"), (0.2, "predicted", "C1")):
                axes.bar(
                    at + shift, row[kind]["calls_a_second"], 0.38, color=colour, label="" if at else kind
                )
        names = [
            f"{row['servers']} servers, "
            + (f"{row['processes']} clients" if "processes" in row else f"{row['workers']} workers")
            for row in checked["rows"]
        ]
        axes.set_xticks(range(len(names)), names)
        axes.set_ylabel("calls a second")
        axes.legend()
        _save(figure, folder / "scale-check.svg")
    plt.close("all")


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
