"""LangSmith's tracing, which langgraph obeys by itself: off, unless a setting of ours asks for it.

With its variables set for some other program, every question, memory and state would be posted there.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig


@contextmanager
def tracing(wanted: bool) -> Generator[None]:
    """Run graphs inside this, and nothing of them is posted anywhere.

    Args:
        wanted: trace as LangSmith's own variables and the calling program say.
    """
    if wanted:
        yield
        return
    from langchain_core.runnables.config import var_child_runnable_config
    from langchain_core.tracers.context import tracing_v2_callback_var
    from langsmith.run_helpers import tracing_context

    # The calling program may trace by variables, by a context of its own, by langchain's older one, or by the
    # callbacks of a node or tool that this is called in.
    outer, around = tracing_v2_callback_var.set(None), var_child_runnable_config.set(None)
    try:
        with tracing_context(enabled=False, parent=False):
            yield
    finally:
        tracing_v2_callback_var.reset(outer)
        var_child_runnable_config.reset(around)


def untraced(config: RunnableConfig) -> RunnableConfig:
    """A node's config without LangSmith's tracer: nothing of a graph that runs under it is posted.

    Args:
        config: of a node of another's graph.
    """
    from langchain_core.callbacks import BaseCallbackManager
    from langchain_core.tracers.langchain import LangChainTracer

    callbacks = config.get("callbacks")
    if isinstance(callbacks, BaseCallbackManager):
        callbacks = callbacks.copy()
        for handler in [one for one in callbacks.handlers if isinstance(one, LangChainTracer)]:
            callbacks.remove_handler(handler)
    return {**config, "callbacks": callbacks}
