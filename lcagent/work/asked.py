"""What every job is asked, whatever its kind, and how it is kept: docs/design/0042-side-by-side.md."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

FORMATS = (2,)
"""Of jobs that this version does, the newest last; before the first one they had no numbers. A worker takes
those that it knows: a kind, or a part of one, that it would not do right is of a further format."""


class Asked(BaseModel):
    """What a job is asked; each kind says more, and has a name of its own as `kind`."""

    model_config = ConfigDict(frozen=True)
    format: ClassVar[int] = FORMATS[0]
    """The least that a worker has to know to do it."""

    def kept(self) -> dict[str, Any]:
        """As plain data, without what is as it is where nothing is said: what an older version does not know
        stands there only where it is asked."""
        kind = self.model_dump(include={"kind"})
        return kind | self.model_dump(mode="json", exclude_defaults=True)

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
