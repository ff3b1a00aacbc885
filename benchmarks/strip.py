"""Rows of `lcagent bench` without what belongs to the data sets: what may be committed beside the code.

    python -m benchmarks.strip OUT_FOLDER... > benchmarks/results/NAME.jsonl

Questions, references, predictions, quotes and paths are left out; with the data and the command line, the
rows can be made again. `lcagent bench compare` reads these rows too, but cannot score them again. Rows of
tasks that are made without data keep their texts, which are our own, and can.
"""

import json
import sys
from pathlib import Path

from lcagent.evals.tasks import TASKS

OURS = {name for name, task in TASKS.items() if not task.needs}
TEXT = {"question", "answers", "prediction", "citations", "warnings", "options", "gold"}


def main() -> None:
    for folder in map(Path, sys.argv[1:]):
        for line in (folder / "rows.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            if row["task"] not in OURS:
                row = {name: value for name, value in row.items() if name not in TEXT}
            row["settings"].pop("tokenizer", None)  # a path of the machine that measured
            print(json.dumps(row))


if __name__ == "__main__":
    main()
