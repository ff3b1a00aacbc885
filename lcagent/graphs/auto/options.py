"""Settings of Auto."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Effort = Literal["low", "normal", "high", "all"]


class Options(BaseModel):
    """How far the default strategy goes (`--effort`, `--set auto.effort=VALUE`)."""

    model_config = ConfigDict(extra="forbid")

    effort: Effort = "normal"
    """`low`: a few look-ups, no more. `normal`: reads on until the evidence suffices, to the end if need be.
    `high`: an answer has to stand in the text and to be found twice. `all`: reads everything at once."""
