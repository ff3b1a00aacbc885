"""Settings of Direct."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """How documents are answered that do not fit one call (`--set direct.NAME=VALUE`)."""

    model_config = ConfigDict(extra="forbid")

    retrieve: bool = False
    """Answer from the passages that match best, step by step; what stands elsewhere is not seen."""
