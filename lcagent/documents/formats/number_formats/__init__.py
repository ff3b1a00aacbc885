"""Numbers as a sheet shows them, by the codes of Office Open XML (ECMA-376 part 1, 18.8.31).

Decimals, thousands, percents, currencies, units and brackets are as the code says. Dates are written as
2021-04-03 whatever the code, since 3/4/21 means two days.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from lcagent.documents.formats.number_formats.codes import BUILT_IN, Section, Token, sections
from lcagent.documents.formats.number_formats.moments import moment

__all__ = ["BUILT_IN", "general", "shown", "shown_text"]

_MOST_DECIMALS = 30
_FRACTION_DIGITS = 4


def general(number: float) -> str:
    """A number without a code: ten figures, whole ones all they have.

    Args:
        number: any.
    """
    if abs(number) >= 1e15:
        return f"{number:.15g}".upper()
    if number == int(number):
        return str(int(number))
    return f"{number:.{15 if abs(number) >= 1e9 else 10}g}".upper()


def shown(number: float, code: str, *, since_1904: bool = False) -> str:
    """A number as its cell shows it; "" where the code shows nothing.

    Args:
        number: the cell's value.
        code: of its format; "" for none.
        since_1904: the file counts days from 1904, not from 1900.
    """
    if not code or code in {"General", "@"}:
        return general(number)
    section, number = _chosen(number, sections(code))
    parts = section.parts
    if parts & {"y", "m", "d", "h", "minute", "s", "elapsed", "noon"}:
        written = moment(number, section, since_1904=since_1904)
        return general(number) if written is None else written
    minus = "-" if number < 0 else ""
    if "digit" in parts:
        fraction = any(token == Token("mark", "/") for token in section.tokens)
        written = (_fraction if fraction else _number)(abs(number), section)
        minus = minus if any(figure in written for figure in "123456789") else ""
    else:
        fill = {"general": general(abs(number)), "text": general(abs(number)), "literal": None}
        pieces = (fill.get(one.kind, one.text) or one.text for one in section.tokens)
        written = "".join(pieces)
        minus = minus if parts & {"general", "text"} else ""
    return " ".join((minus + written.strip()).split())


def shown_text(text: str, code: str) -> str:
    """A text as its cell shows it.

    Args:
        text: the cell's value.
        code: of its format; "" for none.
    """
    if not code or code in {"General", "@"}:
        return text
    found = sections(code)
    if len(found) < 4 and "text" not in found[-1].parts:
        return text
    return "".join(text if one.kind == "text" else one.text for one in found[-1].tokens)


def _chosen(number: float, found: Sequence[Section]) -> tuple[Section, float]:
    """The section that a number is shown by, and the number without the sign that the section gives it."""
    if any(one.test for one in found):
        for one in found:
            if one.meets(number):
                return one, number
        return next((one for one in reversed(found) if one.test is None), found[-1]), number
    if len(found) > 1 and number < 0:
        return found[1], -number
    return (found[2], number) if len(found) > 2 and number == 0 else (found[0], number)


def _number(number: float, section: Section) -> str:
    tokens = section.tokens
    places = [at for at, token in enumerate(tokens) if token.kind == "digit"]
    point = next((at for at, one in enumerate(tokens) if one == Token("mark", ".")), len(tokens))
    power = next((at for at, one in enumerate(tokens) if one.kind == "exponent"), len(tokens))
    whole = [at for at in places if at < min(point, power)]
    decimals = [at for at in places if point < at < power]
    commas = [at for at, one in enumerate(tokens) if one == Token("mark", ",")]
    grouped = any(whole and whole[0] < at < whole[-1] for at in commas)
    last = max(whole or [point])
    scaled = sum(last < at < min(point, power) or (bool(decimals) and at > decimals[-1]) for at in commas)
    value = Decimal(repr(number)) * 100 ** sum(one == Token("mark", "%") for one in tokens)
    exponent = 0
    if power < len(tokens) and value:
        width = max(len(whole), 1)
        exponent = value.adjusted() // width * width if width > 1 else value.adjusted()
        value = value.scaleb(-exponent)
    figures = f"{_rounded(value.scaleb(-3 * scaled), len(decimals)):f}"
    before, _, after = figures.partition(".")
    filled = _whole_part(before, whole, tokens, grouped=grouped) | _decimals(after, decimals, tokens)
    pieces: list[str] = []
    for at, token in enumerate(tokens):
        if at in filled:
            pieces.append(filled[at])
        elif at == point and not whole:
            pieces.append(("" if before == "0" else before) + ".")
        elif at == point and (not decimals or any(filled[one] for one in decimals)):
            pieces.append(".")
        elif at == power:
            pieces.append(
                f"E{'-' if exponent < 0 else '+'}{abs(exponent):0{len(places) - len(whole) - len(decimals)}}"
            )
        elif token.kind == "literal" or token.text == "%" or (token.text == "." and at > point):
            pieces.append(token.text)
    return "".join(pieces)


def _rounded(value: Decimal, decimals: int) -> Decimal:
    """Half up, of what sixteen figures of binary stand for fifteen."""
    if value and value.adjusted() < 15:
        value = value.quantize(Decimal(1).scaleb(value.adjusted() - 14), ROUND_HALF_UP)
    return value.quantize(Decimal(1).scaleb(-min(decimals, _MOST_DECIMALS)), ROUND_HALF_UP)


def _whole_part(
    figures: str, places: list[int], tokens: tuple[Token, ...], *, grouped: bool
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


def _decimals(figures: str, places: list[int], tokens: tuple[Token, ...]) -> dict[int, str]:
    filled: dict[int, str] = {}
    ended = True  # noughts at the end that are shown only where the code says so
    for at, figure in reversed(list(zip(places, figures, strict=False))):
        ended = ended and figure == "0" and tokens[at].text != "0"
        filled[at] = "" if ended else figure
    return dict.fromkeys(places, "") | filled


def _fraction(number: float, section: Section) -> str:
    """A number as 1 1/2."""
    tokens = section.tokens
    bar = tokens.index(Token("mark", "/"))
    under = "".join(token.text for token in tokens[bar + 1 :])
    before = "".join(token.text for token in tokens[:bar])
    fixed = "".join(character for character in under if character.isdigit())
    if fixed.strip("0"):
        denominator = int(fixed)
        value = Fraction(int(number * denominator + 0.5), denominator)
    else:
        digits = sum(character in "#?0" for character in under)
        value = Fraction(number).limit_denominator(10 ** min(max(digits, 1), _FRACTION_DIGITS) - 1)
        denominator = value.denominator
    numerator = value.numerator * denominator // value.denominator
    whole, rest = divmod(numerator, denominator) if " " in before.strip() else (0, numerator)
    pieces = [str(whole)] * (whole > 0 or not rest) + [f"{rest}/{denominator}"] * (rest > 0)
    return " ".join(pieces)
