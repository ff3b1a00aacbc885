"""Settings of MemAgent."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """How the MemAgent strategy reads (`--set memagent.NAME=VALUE`)."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["ledger", "parallel", "overwrite"] = "ledger"
    """`ledger` keeps every finding with its place; `parallel` too, but reads all segments at once, in rounds;
    `overwrite` is the paper's single free-text memory."""
    rounds: int = Field(default=3, ge=1)
    """Most rounds of parallel reading."""
    trained_order: bool = False
    """Prompt order of the RL-MemoryAgent checkpoints, which expect it (overwrite mode only)."""
    memory_tokens: int = Field(default=1024, ge=64)
    """Most tokens of memory that a reading call sees; at most an eighth of the window is used."""
    segment_tokens: int = Field(default=5000, ge=64)
    """Most tokens of document in one reading call; less where the window is smaller."""
    early_exit: bool = False
    """Stop reading after two segments in a row that the model finds sufficient."""

    def memory(self, window: int) -> int:
        """Most tokens of memory in a window: the setting, but at most an eighth."""
        return min(self.memory_tokens, window // 8)
