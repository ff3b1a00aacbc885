"""From one machine to 10,000 model servers: what is measured, simulated, and checked against a measured run.

    python -m benchmarks.scale --measure [--data FOLDER]   make the table of costs again on this machine
    python -m benchmarks.scale --check                     1 and 8 stub servers, measured and simulated;
                                                           8 with four workers over one PostgreSQL too
    python -m benchmarks.scale                             simulate all sizes: figures and charts

The table is benchmarks/results/scale-costs.json. FOLDER holds texts and filings, of which the sizes alone are
kept; without it those of the last time stay. PostgreSQL and vllm-router are measured where they are
installed. docs/scale.md tells what came of it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks import scale_check, scale_costs, scale_postgres, scale_report, scale_router, scale_workers
from benchmarks.scale_fleet import MODELS, STORE_CORES, Row, Setup, enough, run
from tests.cluster import running

TABLE = scale_costs.RESULTS / "scale-costs.json"
CHECKED = scale_costs.RESULTS / "scale-check.json"
SIMULATED = scale_costs.RESULTS / "scale.json"
SIZES = ((1, 1_000), (8, 10_000), (64, 100_000), (512, 1_000_000), (10_000, 10_000_000))
"""Model servers, documents."""
AS_IT_COMES = {"clients": 1, "router": 1, "store": STORE_CORES}
"""One process that reads, a core of a router, one PostgreSQL."""


def measure(before: dict[str, Any], data: Path | None) -> dict[str, Any]:
    """The table, of this machine."""
    with scale_costs.first():
        client = {strategy: scale_costs.client(strategy) for strategy in scale_costs.STRATEGIES}
        table = {
            "machine": scale_costs.machine(),
            "client": client,
            "postgres": before.get("postgres"),
            "router": before.get("router"),
            "work": scale_costs.work(),
            "replies": scale_costs.replies(),
            "sizes_tokens": scale_costs.sizes(data) if data else before["sizes_tokens"],
        }
        rows = client["memagent"]
        if (scale_postgres.BIN / "pgbench").exists():
            lines = {
                part: {name: rows[name][part] for name in ("rows", "commits")}
                for part in ("call", "document")
            }
            kept = rows["kept_bytes"]["call"]
            table["postgres"] = scale_postgres.measure(lines["call"], lines["document"], kept)
        if shutil.which(scale_router.PROGRAM):
            table["router"] = scale_router.measure()
    return table


def simulate(table: dict[str, Any]) -> dict[str, Any]:
    """All sizes: with enough beside the servers, and as it comes."""
    found: dict[str, Any] = {"strategies": {}, "longest first": {}, "large": []}
    for strategy in scale_costs.STRATEGIES:
        rows = []
        for servers, number in SIZES:
            free = run(table, strategy, Setup(servers), number)
            right = run(table, strategy, enough(table, strategy, free), number)
            plain = run(table, strategy, Setup(servers, **AS_IT_COMES), number)
            one = run(table, strategy, replace(right.setup, store=STORE_CORES), number)
            rows.append(
                {
                    "enough": _row(right, free),
                    "as it comes": _row(plain, free),
                    "one database": _row(one, free),
                }
            )
            print(strategy, servers, json.dumps(rows[-1]), file=sys.stderr)
        found["strategies"][strategy] = rows
        first = run(table, strategy, Setup(1), SIZES[0][1], longest_first=True)
        found["longest first"][strategy] = _row(first, first)
    for servers, number in SIZES:
        row = run(table, "auto", Setup(servers), number, "large")
        found["large"].append(_row(row, row))
    found["limits"] = limits(table, found)
    return found


def _row(row: Row, free: Row) -> dict[str, Any]:
    told = {name: round(value, 4) for name, value in asdict(row).items() if isinstance(value, float)}
    told["share"] = round(row.rate / free.rate, 3)
    most = max(
        (name for name in row.used if name != "model servers"), key=lambda name: row.used[name], default=""
    )
    short = most if told["share"] < 0.95 else "model servers"
    return {
        **told,
        **asdict(row.setup),
        "documents": row.documents,
        "used": row.used,
        "dollars": round(row.dollars, 2),
        "short": short,
    }


def limits(table: dict[str, Any], found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """How many model servers each thing keeps up with, by strategy, at the rate that 64 of them reach."""
    rows: dict[str, dict[str, float]] = {}
    for strategy, sizes in found["strategies"].items():
        row = next(one["enough"] for one in sizes if one["enough"]["servers"] == 64)
        documents, calls = row["rate"] / 64 / row["share"], row["calls"] / 64 / row["share"]
        client, store = table["client"][strategy]["client_ms"], table["postgres"]
        sqlite = table["client"][strategy]["wal_bytes"]
        spent = {
            "one client process": documents * client["document"] + calls * client["call"],
            "one core of a router": calls * table["router"]["cpu_ms"],
            f"PostgreSQL on {STORE_CORES} cores": (
                documents * store["document"]["cpu_ms"] + calls * store["call"]["cpu_ms"]
            )
            / STORE_CORES,
        }
        rows[strategy] = {name: round(1000 / each, 1) for name, each in spent.items()}
        rows[strategy]["documents a second and server"] = round(documents, 3)
        rows[strategy]["calls a second and server"] = round(calls, 2)
        rows[strategy]["PostgreSQL's log, kB a second and server"] = round(
            (documents * store["document"]["wal_bytes"] + calls * store["call"]["wal_bytes"]) / 1000, 1
        )
        rows[strategy]["SQLite's log, kB a second and server"] = round(
            (documents * sqlite["document"] + calls * sqlite["call"]) / 1000, 1
        )
        rows[strategy]["kept, kB a document"] = round(
            row["calls"] / row["rate"] * store["call"]["kept_bytes"] / 1000, 1
        )
    return rows


def check(table: dict[str, Any], measured_anew: bool) -> bool:
    """Print the simulation beside what is measured; whether it is within what is allowed."""
    with scale_costs.first():
        if measured_anew:
            table = {**table, "client": {**table["client"], "memagent": scale_costs.client("memagent")}}
        rows = scale_check.check(table)
    told = {"machine": scale_costs.machine(), "costs": table["client"]["memagent"], "rows": rows}
    with running() as cluster:
        if cluster is not None:
            cost, row = scale_workers.check(cluster)
            told["worker_costs"] = cost
            rows.append(row)
    for row in rows:
        print(json.dumps(row))
    CHECKED.write_text(json.dumps(told, indent=1) + "\n")
    return all(abs(off) <= scale_check.MOST for row in rows for off in row["off"].values())


def main() -> int:
    """Do what the command line says."""
    about = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=about)
    parser.add_argument("--measure", action="store_true", help="make the table of costs again")
    parser.add_argument("--data", type=Path, help="texts and filings for --measure")
    parser.add_argument("--check", action="store_true", help="measure, simulate the same, and compare")
    parser.add_argument(
        "--table", action="store_true", help="--check: take the client's costs from the table as it is"
    )
    parser.add_argument(
        "--draw", action="store_true", help="tables and charts again, of what was simulated last"
    )
    options = parser.parse_args()
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    if options.measure:
        TABLE.write_text(json.dumps(measure(table, options.data), indent=1) + "\n")
    elif options.check:
        return 0 if check(table, not options.table) else 1
    else:
        found = json.loads(SIMULATED.read_text()) if options.draw else simulate(table)
        SIMULATED.write_text(json.dumps(found, indent=1) + "\n")
        checked = json.loads(CHECKED.read_text()) if CHECKED.exists() else None
        scale_report.charts(found, checked, scale_costs.ROOT / "docs" / "images")
        print(scale_report.tables(found, {name: model.about for name, model in MODELS.items()}))
    return 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
