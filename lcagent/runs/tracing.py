"""LangSmith's tracing, which langgraph obeys by itself: off, unless a setting of ours asks for it.

With its variables set for some other program, every question, memory and state would be posted there.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def tracing(wanted: bool) -> Generator[None]:
    """Run graphs inside this, and nothing of them is posted anywhere.

    Args:
        wanted: trace as LangSmith's own variables and the calling program say.
    """
    if wanted:
        yield
        return
    from langchain_core.tracers.context import tracing_v2_callback_var
    from langsmith.run_helpers import tracing_context

    # The calling program may trace by variables, by a context of its own, or by langchain's older one.
    outer = tracing_v2_callback_var.set(None)
    try:
        with tracing_context(enabled=False, parent=False):
            yield
    finally:
        tracing_v2_callback_var.reset(outer)
