"""What every job is asked, whatever its kind."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict


class Asked(BaseModel):
    """What a job is asked; each kind says more, and has a name of its own as `kind`."""

    model_config = ConfigDict(frozen=True)

    @property
    def opens(self) -> tuple[str, ...]:
        """Uploads that are parsed before it is begun, within what a tenant may have parsed at once."""
        return ()

    @property
    def turn(self) -> str | None:
        """Names what a tenant has done one after the other, in the order in which it was asked."""
        return None

    def again(self) -> Self:
        """What is asked of who goes on with it."""
        return self
