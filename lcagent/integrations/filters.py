"""Filters of a LangGraph store, on values as they are decoded: equality, and `$eq $ne $gt $gte $lt $lte`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

Filter = Callable[[Mapping[str, Any]], bool]
_MISSING = object()
_ORDERS = {"$gt": operator.gt, "$gte": operator.ge, "$lt": operator.lt, "$lte": operator.le}


def matcher(asked: Mapping[str, Any] | None) -> Filter:
    """What tells whether a value matches; a field that is missing matches nothing but `$ne`.

    Args:
        asked: for each field the value that it has, a mapping of fields within it, or of operators. An order
            holds between two numbers and between two texts, and between nothing else.

    Raises:
        ValueError: there is no such operator.
    """
    tests = {name: _test(wanted) for name, wanted in (asked or {}).items()}
    return lambda value: all(test(value.get(name, _MISSING)) for name, test in tests.items())


def _test(wanted: Any) -> Callable[[Any], bool]:
    if isinstance(wanted, Mapping):
        if any(str(name).startswith("$") for name in wanted):
            tests = [_compared(name, one) for name, one in wanted.items()]
            return lambda value: all(test(value) for test in tests)
        within = matcher(wanted)
        return lambda value: isinstance(value, Mapping) and within(value)
    if isinstance(wanted, list | tuple):
        each = [_test(one) for one in wanted]
        return lambda value: (
            isinstance(value, list)
            and len(value) == len(each)
            and all(test(one) for test, one in zip(each, value, strict=True))
        )
    return lambda value: bool(value == wanted)


def _compared(name: str, wanted: Any) -> Callable[[Any], bool]:
    if name == "$eq":
        return lambda value: bool(value == wanted)
    if name == "$ne":
        return lambda value: bool(value != wanted)
    if (order := _ORDERS.get(name)) is None:
        raise ValueError(f"there is no operator {name!r}: $eq, $ne, {', '.join(_ORDERS)}")
    return lambda value: _alike(value, wanted) and bool(order(value, wanted))


def _alike(one: Any, other: Any) -> bool:
    return (isinstance(one, str) and isinstance(other, str)) or (_is_number(one) and _is_number(other))


def _is_number(one: Any) -> bool:
    return isinstance(one, int | float) and not isinstance(one, bool)
