"""What is known of a model: how it did on the probe, and whether it is believed.

docs/design/0008-profiles.md says how the figures are measured and why the limits are where they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel

Stance = Literal["trusting", "cautious"]

RELIED_ON = ("says_no", "finds", "abstains", "answers", "undistracted")
"""The figures that a run rests on."""
LEAST = 0.6
"""A model that is right in a smaller share of any of them is not believed; nor is one that copies an
example from its prompt in more than the rest."""
EMBEDDED_STEM = "qwen2.5-coder-1.5b-instruct"
"""The file of the embedded model, and the names under which other servers offer it, begin so."""


class ModelProfile(BaseModel, frozen=True):
    """What is known of one model. A figure is a share from 0 to 1; None: not measured or not told.

    Attributes:
        model: the name under which it is served.
        fingerprint: what its server tells of it (`OpenModel.fingerprint`).
        stance: whether it is believed; `stance_of` decides from the figures.
        source: assumed of a model that nobody measured, shipped with lcagent, measured by
            `lcagent probe`, or set by the user (`--profile`).
        schema_kept: replies that kept to the schema at the first try.
        says_no: segments without the answer that it called irrelevant.
        finds: segments with the answer in which it found it.
        abstains: questions that it refused where the passages do not say.
        answers: right answers from the one right passage.
        undistracted: right answers with ten passages around the one, of those right without them.
        paraphrase: right answers where question and passage share few words.
        copies: replies that copied an example from the prompt.
        certainty: an answer with a lower probability of its own "found" is not believed; None: the
            server does not tell, or no threshold tells right answers from wrong ones.
        effective_tokens: longest input, in tokens, from which it still answered right; None also
            where it did at no length.
        tried_tokens: longest input that was tried.
        tools: server and model do native tool calls: actions are asked for as such (docs/design/0016).
        calls: how many calls the figures rest on.
        measured: the day, in ISO form; empty if nobody measured.
    """

    model: str
    fingerprint: str
    stance: Stance
    source: Literal["assumed", "shipped", "probe", "set"]
    schema_kept: float | None = None
    says_no: float | None = None
    finds: float | None = None
    abstains: float | None = None
    answers: float | None = None
    undistracted: float | None = None
    paraphrase: float | None = None
    copies: float | None = None
    certainty: float | None = None
    effective_tokens: int | None = None
    tried_tokens: int | None = None
    tools: bool | None = None
    calls: int = 0
    measured: str = ""

    @property
    def limit_tokens(self) -> int | None:
        """Longest input it should get; None: none is known, since it was right at the longest tried."""
        return self.effective_tokens if self.effective_tokens != self.tried_tokens else None


TRUSTING = ModelProfile(model="", fingerprint="", stance="trusting", source="assumed")
"""What is assumed of a model that nobody measured: it is believed."""

EMBEDDED = ModelProfile(
    model=EMBEDDED_STEM,
    fingerprint="",
    stance="cautious",
    source="shipped",
    says_no=0.0,
    abstains=0.0,
    answers=0.75,
    certainty=0.82,
)
"""Qwen2.5-Coder-1.5B-Instruct, 4 bit, as the embedded engine serves it; figures of docs/design/0002, 0007."""


def stance_of(figures: Mapping[str, float | None]) -> Stance:
    """Whether a model with these figures is believed.

    It is not where it is right in too small a share of any one thing that a run rests on: saying no
    to what holds no answer, finding what does, refusing where nothing is said, answering from the right
    passage, alone and among others; or where it copies examples. What was not measured counts against
    nobody. A reply that breaks its schema is mended or asked again, and needs no doubt; few words in
    common with the question are retrieval's business.

    Args:
        figures: a profile's fields by name.
    """
    weak = any((share := figures.get(name)) is not None and share < LEAST for name in RELIED_ON)
    copies = figures.get("copies")
    return "cautious" if weak or (copies is not None and copies > 1 - LEAST) else "trusting"


def unmeasured(model: str, fingerprint: str) -> ModelProfile:
    """What applies to a model that was not probed: its shipped profile, else trust.

    Args:
        model: the name under which it is served.
        fingerprint: what its server tells of it.
    """
    names = (model.rsplit("/", maxsplit=1)[-1], fingerprint.partition(":")[2])  # an alias, the file
    known = any(name.casefold().startswith(EMBEDDED_STEM) for name in names)
    profile = EMBEDDED if known else TRUSTING
    return profile.model_copy(update={"model": model, "fingerprint": fingerprint})
