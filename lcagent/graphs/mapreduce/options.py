"""Settings of LLM×MapReduce."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """How the MapReduce strategy reads (`--set mapreduce.NAME=VALUE`)."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["qa", "summary", "code", "math", "retrieval"] = "qa"
    """What is asked: a question, a summary, a question about code, one whose answer is reckoned from
    numbers, or the exact value of a key."""
    segment_tokens: int = Field(default=3000, ge=64)
    """Most tokens of document in one map call; less where the window is smaller."""
    words: int = Field(default=200, ge=10, le=5000)
    """Length of a summary; at most what a third of the window holds."""
