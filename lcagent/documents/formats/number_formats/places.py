"""A number's figures in the places that a code has for them: `#,##0.00`, `(000) 000-0000`, `0.0,,"M"`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

from lcagent.documents.formats.number_formats.codes import Section, Token

_MOST_DECIMALS = 30
_ROOM = Context(prec=400, rounding=ROUND_HALF_UP)
"""For all figures of the largest number."""


@dataclass(frozen=True, slots=True)
class _Places:
    """Where in a section figures go.

    Args:
        whole: places before the point.
        decimals: places behind it.
        point: where it stands; the number of tokens if there is none, as for `power`.
        power: where an exponent begins.
        grouped: thousands are parted by commas.
        scale: power of ten by which the number is shown larger (percents) or smaller (in thousands).
        ends: of a plain code, as nearly all are, what stands before the figures and behind them.
    """

    whole: tuple[int, ...]
    decimals: tuple[int, ...]
    point: int
    power: int
    grouped: bool
    scale: int
    ends: tuple[str, str] | None


@lru_cache(maxsize=2048)
def _places(section: Section) -> _Places:
    tokens = section.tokens
    places = [at for at, token in enumerate(tokens) if token.kind == "digit"]
    point = next((at for at, one in enumerate(tokens) if one.kind == "point"), len(tokens))
    power = next((at for at, one in enumerate(tokens) if one.kind == "exponent"), len(tokens))
    whole = [at for at in places if at < min(point, power)]
    decimals = [at for at in places if point < at < power]
    commas = [at for at, one in enumerate(tokens) if one.kind == "comma"]
    grouped = any(whole and whole[0] < at < whole[-1] for at in commas)
    last = max(whole or [point])
    scaled = sum(last < at < min(point, power) or (bool(decimals) and at > decimals[-1]) for at in commas)
    percents = sum(one.kind == "percent" for one in tokens)
    plain = whole and power == len(tokens) and _is_plain(tokens[whole[0] : max(places) + 1])
    ends = (_shown(tokens[: whole[0]]), _shown(tokens[max(places) + 1 :])) if plain else None
    return _Places(tuple(whole), tuple(decimals), point, power, grouped, 2 * percents - 3 * scaled, ends)


def _is_plain(tokens: tuple[Token, ...]) -> bool:
    """Whether figures are written without anything between them, one before the point at least."""
    written = "".join(token.text for token in tokens if token.kind != "comma")
    kinds = {token.kind for token in tokens}
    before, point, after = written.partition(".")
    return (
        kinds <= {"digit", "comma", "point"}
        and before.lstrip("#") == "0"
        and (bool(after) or not point)
        and not after.strip("0")
    )


def _shown(tokens: tuple[Token, ...]) -> str:
    return "".join(one.text for one in tokens if one.kind in {"literal", "percent", "point"})


def in_places(number: float, section: Section) -> str:
    """A number by a code that has places for its figures.

    Args:
        number: without its sign.
        section: of the code.
    """
    places = _places(section)
    value = Decimal(repr(number)).scaleb(places.scale)
    exponent = 0
    if places.power < len(section.tokens) and value:
        width = max(len(places.whole), 1)
        exponent = value.adjusted() // width * width if width > 1 else value.adjusted()
        value = value.scaleb(-exponent)
    value = _rounded(value, len(places.decimals))
    if places.ends is not None:
        return f"{places.ends[0]}{value:{',' if places.grouped else ''}f}{places.ends[1]}"
    return _one_by_one(f"{value:f}", exponent, section.tokens, places)


def _one_by_one(figures: str, exponent: int, tokens: tuple[Token, ...], places: _Places) -> str:
    """Each figure in its place."""
    before, _, after = figures.partition(".")
    point, whole, decimals = places.point, places.whole, places.decimals
    filled = _whole_part(before, whole, tokens, grouped=places.grouped) | _decimals(after, decimals, tokens)
    width = sum(token.kind == "digit" for token in tokens[places.power :])
    pieces: list[str] = []
    for at, token in enumerate(tokens):
        if at in filled:
            pieces.append(filled[at])
        elif at == point and not whole:
            pieces.append(("" if before == "0" else before) + ".")
        elif at == point and decimals and not any(filled[one] for one in decimals):
            continue
        elif at == places.power:
            pieces.append(f"E{'-' if exponent < 0 else '+'}{abs(exponent):0{width}}")
        else:
            pieces.append(_shown((token,)))
    return "".join(pieces)


def _rounded(value: Decimal, decimals: int) -> Decimal:
    """Half up, of what sixteen figures of binary stand for fifteen."""
    if value and value.adjusted() < 15:
        value = value.quantize(Decimal(1).scaleb(value.adjusted() - 14), context=_ROOM)
    return value.quantize(Decimal(1).scaleb(-min(decimals, _MOST_DECIMALS)), context=_ROOM)


def _whole_part(
    figures: str, places: tuple[int, ...], tokens: tuple[Token, ...], *, grouped: bool
) -> dict[int, str]:
    """The figures before the point in their places, as in (000) 000-0000."""
    figures = figures.lstrip("0")
    filled: dict[int, str] = {}
    for count, at in enumerate(reversed(places)):
        first = count == len(places) - 1
        taken = figures if first else figures[-1:]
        figures = "" if first else figures[:-1]
        taken = taken or ("0" if tokens[at].text == "0" else "")
        if grouped and taken:
            taken = _grouped(taken, count)
        filled[at] = taken
    return filled


def _grouped(figures: str, count: int) -> str:
    """Figures with a comma behind each that stands before a group of three.

    Args:
        figures: the next ones, from the right.
        count: of those already written.
    """
    written = ""
    for at, figure in enumerate(reversed(figures), start=count):
        written = figure + ("," if at and at % 3 == 0 else "") + written
    return written


def _decimals(figures: str, places: tuple[int, ...], tokens: tuple[Token, ...]) -> dict[int, str]:
    filled: dict[int, str] = {}
    ended = True  # noughts at the end that are shown only where the code says so
    for at, figure in reversed(list(zip(places, figures, strict=False))):
        ended = ended and figure == "0" and tokens[at].text != "0"
        filled[at] = "" if ended else figure
    return dict.fromkeys(places, "") | filled
