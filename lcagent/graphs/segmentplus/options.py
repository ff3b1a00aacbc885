"""Settings of SEGMENT+."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """How the SEGMENT+ strategy reads (`--set segment.NAME=VALUE`)."""

    model_config = ConfigDict(extra="forbid")

    segment_tokens: int = Field(default=3000, ge=64)
    """Most tokens of document in one note-taking call; less where the window is smaller."""
    batch_tokens: int = Field(default=8192, ge=256)
    """Most tokens of notes in one merging call; at most what the window leaves is used."""
