"""What a reasoning model wrote before its answer, where its server has not set it apart."""

from __future__ import annotations

import re

_MARKS = (
    ("<think>", "</think>"),  # DeepSeek-R1, Qwen, and most since
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),  # Magistral
    ("◁think▷", "◁/think▷"),  # Kimi
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Command
)
"""How model families begin and end what they think."""
_FINAL = re.compile(r"<\|channel\|>final(?:\s*<\|constrain\|>\w*)?<\|message\|>", re.I)
_CHANNEL = re.compile(r"\s*(?:<\|start\|>\w*)?<\|channel\|>\w+")
"""How gpt-oss parts its reply (harmony)."""
_AROUND = re.compile(
    r"^\s*<\|(?:begin_of_solution|START_RESPONSE)\|>|<\|(?:end_of_solution|END_RESPONSE|return|end|im_end|eot_id)\|>\s*$"
)
"""Control tokens around an answer."""


def split_reasoning(text: str) -> tuple[str, str]:
    """Split a reply into (answer, what was thought before it).

    Args:
        text: as it came.
    """
    if "<|channel|>" in text and _CHANNEL.match(text):
        finals = list(_FINAL.finditer(text))
        final = finals[-1] if finals else None
        answer = text[final.end() :] if final else ""
        return _AROUND.sub("", answer).strip(), text[: final.start() if final else len(text)].strip()
    for opening, closing in _MARKS:
        begin = text.lstrip()
        if begin.startswith(opening):
            thought, _, answer = begin[len(opening) :].partition(closing)
            return _AROUND.sub("", answer).lstrip(), thought.strip()
        before, mark, after = text.partition(closing)  # some templates open the tag in the prompt
        if mark:
            return _AROUND.sub("", after).lstrip(), before.strip()
    return text, ""
