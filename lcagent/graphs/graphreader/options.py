"""Settings of GraphReader."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """How the GraphReader strategy builds and explores (`--set graphreader.NAME=VALUE`)."""

    model_config = ConfigDict(extra="forbid")

    segment_tokens: int = Field(default=2000, ge=64)
    """Most tokens of a segment that facts are extracted from; less where the window is smaller."""
    paths: int = Field(default=5, ge=1, le=16)
    """Nodes from which the graph is explored, each with a notebook of its own."""
    calls: int = Field(default=10, ge=1)
    """Most calls of one path."""
