"""How large the segments of a run may be, and what is told where no window holds one."""

from __future__ import annotations

from dataclasses import replace

from lcagent.errors import QuestionTooLong, SettingsError, UsageError
from lcagent.graphs.interface import Strategy
from lcagent.graphs.shared.task import Task

_MOST_WINDOW = 1 << 20
"""No larger window is looked for."""


def segment_tokens(task: Task, strategy: Strategy, wanted: int) -> int:
    """Most tokens of a segment, as the strategy reckons them.

    Args:
        task: the run.
        strategy: how it is read.
        wanted: the window that the settings ask for; the server may give less.

    Raises:
        SettingsError: the window is too small for any question; it names the least that is not.
        QuestionTooLong: the question is what does not fit.
        UsageError: the documents do not fit a strategy that reads them in one call.
    """
    try:
        return strategy.segment_tokens(task)
    except QuestionTooLong as error:
        window = task.model.window
        shortest = replace(task, question="?")
        if _works(shortest, strategy, window.size):
            least = _least_window(task, strategy)
            raise QuestionTooLong(
                f"the question takes {window.count(task.question)} tokens, more than a window of"
                f" {window.size} holds beside the prompt, the document and the reply",
                hint=f"ask a shorter question, or use --window {least} or more",
            ) from error
        least = _least_window(shortest, strategy)
        served = window.size < wanted
        raise SettingsError(
            f"a window of {window.size} tokens is too small: {strategy.name} needs {least} or more with"
            " these prompts and replies, whatever is asked",
            hint="start the server with a larger context" if served else f"--window {least} or more",
        ) from error


def _least_window(task: Task, strategy: Strategy) -> int:
    """The smallest window in which the strategy can read, larger than the task's own."""
    low = high = task.model.window.size
    while high < _MOST_WINDOW and not _works(task, strategy, high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _works(task, strategy, middle) else (middle, high)
    return high


def _works(task: Task, strategy: Strategy, size: int) -> bool:
    """Whether a window of this size leaves room to read in."""
    model = replace(task.model, window=task.model.window.resized(size))
    try:
        strategy.segment_tokens(replace(task, model=model))
    except QuestionTooLong:
        return False
    except UsageError:  # it does, but not for all documents at once
        return True
    return True
