"""Settings of LongAgent."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """How the LongAgent strategy reads (`--set longagent.NAME=VALUE`)."""

    model_config = ConfigDict(extra="forbid")

    segment_tokens: int = Field(default=2000, ge=64)
    """Most tokens of one member's segment; two must fit one call, so less where the window is smaller."""
    rounds: int = Field(default=3, ge=1)
    """Most sub-questions that the leader may put to the members; three in the paper."""
    prefilter: bool = False
    """From the second round on, ask only members whose segments hold words of the sub-question: fewer
    calls, and a member that says it in other words is not asked."""
