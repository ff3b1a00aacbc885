# %% [markdown]
# # Strategies on one document
#
# Asks one question by several strategies, and draws what each took: model calls, tokens, seconds. Its cells
# open as a notebook in VS Code and in Jupyter (jupytext); as a program:
#
#     python examples/compare_strategies.py report.pdf "Who signed it?" chart.png
#
# Needs matplotlib (`pip install 'lcagent[bench]'`).

# %%
import sys

import matplotlib as mpl

from lcagent import Answer, LcagentError, Reader

PATH, QUESTION, CHART = sys.argv[1:4]
STRATEGIES = ("memagent", "mapreduce", "longagent", "graphreader", "segment")
mpl.use("Agg")  # draws into a file; leave it out in a notebook
from matplotlib import pyplot as plt  # noqa: E402

# %% Ask
answers: dict[str, Answer] = {}
for strategy in STRATEGIES:
    with Reader(strategy=strategy) as reader:
        try:
            answers[strategy] = reader.ask(PATH, QUESTION)
        except LcagentError as error:
            print(f"{strategy}: {error.message}")
            continue
    answer = answers[strategy]
    print(f"{strategy}: {answer.text} ({len(answer.citations)} citations, {answer.usage.calls} calls)")

# %% Draw
figure, axes = plt.subplots(1, 3, figsize=(12, 3), layout="constrained")
taken = {
    "model calls": lambda usage: usage.calls,
    "tokens": lambda usage: usage.prompt_tokens + usage.completion_tokens,
    "seconds": lambda usage: usage.seconds,
}
for axis, (name, value) in zip(axes, taken.items(), strict=True):
    axis.barh(list(answers), [value(answer.usage) for answer in answers.values()])
    axis.set_title(name)
figure.savefig(CHART)
