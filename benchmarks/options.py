"""The command line of the benchmarks that ask items of several lengths by several strategies."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from lcagent.cli.bench import parse_length

_USUAL = 20
"""Items of a length that is none of the usual ones."""


def parser(name: str, about: str, lengths: str, numbers: str, strategies: str) -> argparse.ArgumentParser:
    """The options that they share.

    Args:
        name: of the module.
        about: its help.
        lengths: the usual ones.
        numbers: how many items of each.
        strategies: the usual ones.
    """
    made = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter, prog=f"benchmarks.{name}"
    )
    made.add_argument("--lengths", default=lengths)
    made.add_argument("--n", default=numbers, help="items a length: one number, or as many as lengths")
    made.add_argument("--strategies", default=strategies)
    made.add_argument("--window", type=int, default=8192)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    made.add_argument("--out", type=Path)
    made.add_argument("--verbose", action="store_true", help="print what became of each failing item")
    return made


def parsed(of: argparse.ArgumentParser) -> argparse.Namespace:
    """The options as given, with `lengths` in tokens, `n` for each of them, and `strategies` as lists."""
    options = of.parse_args()
    options.lengths = _lengths(options.lengths)
    numbers = [int(text) for text in options.n.split(",")]
    if options.n == of.get_default("n"):
        usual = dict(zip(_lengths(of.get_default("lengths")), numbers, strict=True))
        numbers = [usual.get(length, _USUAL) for length in options.lengths]
    options.n = numbers * len(options.lengths) if len(numbers) == 1 else numbers
    if len(options.n) != len(options.lengths):
        of.error("--n takes one number, or one for each length")
    options.strategies = options.strategies.split(",")
    return options


def _lengths(text: str) -> list[int]:
    return [parse_length(one) for one in text.split(",")]
