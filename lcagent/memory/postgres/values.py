"""How values go to a PostgreSQL and come back, so that they are as SQLite gives them.

Its texts hold no NUL, which those of documents do: it goes as two characters, the first of which is of no
script, and which goes as two itself.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
from psycopg.adapt import AdaptersMap
from psycopg.pq import Format
from psycopg.types.numeric import Int2Dumper, NumericBinaryLoader, NumericLoader
from psycopg.types.string import StrDumperUnknown, TextBinaryLoader, TextLoader

_MARK = "\ue000"
_TEXT, _NUMERIC = 25, 1700
"""The numbers of these types."""


class _Text(StrDumperUnknown):
    def dump(self, obj: str) -> Any:
        if "\0" in obj or _MARK in obj:
            obj = obj.replace(_MARK, f"{_MARK}1").replace("\0", f"{_MARK}0")
        return super().dump(obj)


class _Truth(Int2Dumper):
    """SQLite knows no truth but 0 and 1."""

    def dump(self, obj: Any) -> Any:
        return super().dump(int(obj))


def _as_was(text: str | bytes) -> str:
    assert isinstance(text, str)
    return text.replace(f"{_MARK}0", "\0").replace(f"{_MARK}1", _MARK) if _MARK in text else text


class _KeptText(TextLoader):
    def load(self, data: Any) -> str:
        return _as_was(super().load(data))


class _KeptTextBinary(TextBinaryLoader):
    def load(self, data: Any) -> str:
        return _as_was(super().load(data))


def _number(value: Decimal) -> Any:
    """What a sum of whole numbers is, which PostgreSQL makes wider than any of its numbers."""
    return int(value) if value == value.to_integral_value() else float(value)


class _Sum(NumericLoader):
    def load(self, data: Any) -> Any:
        return _number(super().load(data))


class _SumBinary(NumericBinaryLoader):
    format = Format.BINARY

    def load(self, data: Any) -> Any:
        return _number(super().load(data))


def adapters() -> AdaptersMap:
    """What turns the values of our connections."""
    own = AdaptersMap(psycopg.adapters)
    own.register_dumper(str, _Text)
    own.register_dumper(bool, _Truth)
    for loader in (_KeptText, _KeptTextBinary):
        own.register_loader(_TEXT, loader)
    for loader in (_Sum, _SumBinary):
        own.register_loader(_NUMERIC, loader)
    return own
