"""What a reply cost: as the server tells, else as planned; and whether it read the whole prompt."""

from __future__ import annotations

import re
from dataclasses import replace

from lcagent.errors import TruncatedPrompt
from lcagent.models.estimate import EstimateCounter
from lcagent.models.replies import RawReply
from lcagent.models.window import Fitted

_LEAST_CONTEXT = 256
"""Tokens that no server is so small as to cut at: fewer told are no count of the prompt."""
_PIECES = re.compile(r"\w+|[^\w\s]+")
_FAR_BELOW = 0.85
"""Share of what a prompt takes at least: of prose, code, tables and prompts published tokenizers made 1.0 to
1.5 times as much."""
_ROUND = 512
"""A context is a multiple of it: two prompts of different lengths that take so
much were cut."""


def charged(reply: RawReply, fitted: Fitted) -> RawReply:
    """The reply with what was planned in place of what its server does not tell.

    Args:
        reply: as it came.
        fitted: what it replies to.
    """
    prompt = reply.prompt_tokens or fitted.prompt_tokens
    if reply.completion_tokens or not (reply.text or reply.reasoning):
        return replace(reply, prompt_tokens=prompt)
    written = EstimateCounter().count(reply.text + reply.reasoning)
    return replace(reply, prompt_tokens=prompt, completion_tokens=min(fitted.reply_tokens, written))


class PromptReads:
    """Whether a server reads prompts to their end, by the tokens that it tells of them."""

    def __init__(self) -> None:
        self._longest = self._least = 0
        """Most tokens told of a prompt, and the least that the first such prompt can take."""

    def check(self, reply: RawReply, fitted: Fitted, *, exact: bool) -> None:
        """Complain of a server that tells far fewer tokens of a prompt than were sent: it has cut it.

        Args:
            reply: with the server's count, as it came.
            fitted: the prompt.
            exact: nothing that fits the window is cut, as far as can be known beforehand: prompts are counted
                with the model's own tokenizer, or the server was told how large the window is.

        Raises:
            TruncatedPrompt: it has.
        """
        told = reply.prompt_tokens + reply.cached_tokens
        if told < _LEAST_CONTEXT:
            return
        least = sum(least_tokens(message["content"]) for message in fitted.messages)
        # A server may add text of its own: of a prompt that it read whole it may tell more than was planned.
        alike = not exact and told < fitted.prompt_tokens and self._as_another(told, least)
        if alike or told < _FAR_BELOW * least:
            raise TruncatedPrompt(
                f"the server read {told:,} tokens of a prompt that takes more: it cuts what is longer than"
                " its context, without a word",
                hint="start it with a larger context (Ollama: OLLAMA_CONTEXT_LENGTH), or use --window"
                f" {told}",
            )

    def _as_another(self, told: int, least: int) -> bool:
        """Whether a prompt of another length took the very same, a context's length, and none took more."""
        if told > self._longest:
            self._longest, self._least = told, least
        return told == self._longest and not told % _ROUND and abs(least - self._least) > least / 100


def least_tokens(text: str) -> int:
    """Tokens that a text takes at least, as good as always: tokenizers join no two words, and make one token
    of eight characters at most on average; of scripts without spaces four letters are allowed for one.

    Args:
        text: of a prompt.
    """
    pieces = _PIECES.findall(text)
    return len(pieces) + sum(_further(piece) for piece in pieces if len(piece) >= 8)


def _further(piece: str) -> int:
    """Tokens that a long word takes at least beyond its first one."""
    if not piece[0].isalnum():  # a rule of dashes, dots in a table of contents
        return 0
    return max(0, (min(4, len(piece) // 8) if piece.isascii() else len(piece) // 4) - 1)
