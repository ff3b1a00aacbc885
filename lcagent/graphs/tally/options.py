"""Settings of tally."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """How the strategy tally reads (`--set tally.NAME=VALUE`)."""

    model_config = ConfigDict(extra="forbid")

    segment_tokens: int = Field(default=800, ge=64)
    """Most tokens of a segment that rows are made of; less where the window is smaller. Where a text is all
    items, its rows take up to four times its tokens, and a cut reply is asked for in halves."""
