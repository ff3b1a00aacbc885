"""Settings of MemGPT."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """How the agent keeps its memory (`--set memgpt.steps=VALUE`)."""

    model_config = ConfigDict(extra="forbid")

    steps: Annotated[int, Field(ge=1, le=100)] = 12
    """Functions that one turn may call; the last one is the message to the user."""
    blocks: tuple[str, ...] = ("persona", "human")
    """Labels of core memory's blocks."""
    block_tokens: Annotated[int, Field(ge=16)] = 256
    """Most tokens of a block; of a small window a sixteenth part, if that is less."""
    warn: Annotated[float, Field(gt=0, lt=1)] = 0.7
    """Share of the window's room for conversation from which the agent is warned."""
