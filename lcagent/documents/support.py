"""stub"""

from collections.abc import Sequence

from lcagent.answer import Support
from lcagent.documents.forms import holds
from lcagent.documents.quotes import find_quote


def support(claim: str, sentences: Sequence[str]) -> Support:
    """How sentences carry a claim."""
    if any(find_quote(s, claim) for s in sentences):
        return "verbatim"
    return "supported" if sentences and holds(" ".join(sentences), claim) else "inferred"
