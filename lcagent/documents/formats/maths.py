"""Formulas as one line of text: `a/b`, `x^2`, `sqrt(x)`, of MathML (HTML) and OMML (DOCX) alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from xml.etree.ElementTree import Element

_MOST_DEEP = 60
"""Formulas within formulas; what stands deeper is read as plain text."""
_SIMPLE = re.compile(r"-?[\w.,'′∞%]+|\([^()]*\)|\w+\([^()]*\)")

Of = Callable[[str], str]
"""The line of one part of an element, by the part's name."""


def fraction(over: str, under: str) -> str:
    """`a/b`, with brackets where a part is more than one word."""
    return f"{_grouped(over)}/{_grouped(under)}"


def scripted(base: str, lower: str = "", upper: str = "") -> str:
    """A base with a subscript and a superscript: `x_i^2`."""
    return base + (f"_{_grouped(lower)}" if lower else "") + (f"^{_grouped(upper)}" if upper else "")


def root(radicand: str, degree: str = "") -> str:
    """`sqrt(x)`, or `root(x, 3)` where it is another root."""
    return f"root({radicand}, {degree})" if degree else f"sqrt({radicand})"


def _grouped(text: str) -> str:
    return text if _SIMPLE.fullmatch(text) or not text else f"({text})"


def of_mathml(tag: str, parts: Sequence[str]) -> str:
    """An element of MathML.

    Args:
        tag: its name.
        parts: the lines of its children.
    """
    first, second, third = (*parts, "", "", "")[:3]
    match tag:
        case "mfrac":
            return fraction(first, second)
        case "msup" | "mover":
            return scripted(first, "", second)
        case "msub" | "munder":
            return scripted(first, second)
        case "msubsup" | "munderover":
            return scripted(first, second, third)
        case "msqrt":
            return root("".join(parts))
        case "mroot":
            return root(first, second)
        case "mtd" | "mlabeledtr":
            return "".join(parts)
        case "mtr":
            return ", ".join(parts)
        case "mtable":
            return "[" + "; ".join(parts) + "]"
        case "annotation" | "annotation-xml" | "mphantom":
            return ""
        case _:
            return "".join(parts)


def of_omml(element: Element, depth: int = 0) -> str:
    """An element of OMML, Word's formulas, whatever namespace it is in."""
    if depth > _MOST_DEEP:
        return "".join(part.text or "" for part in element.iter() if _local(part) == "t")
    parts = {_local(part): part for part in element}

    def of(name: str) -> str:
        return of_omml(parts[name], depth + 1) if name in parts else ""

    def property_of(name: str, default: str) -> str:
        for part in parts[f"{_local(element)}Pr"] if f"{_local(element)}Pr" in parts else ():
            if _local(part) == name:
                return next((value for key, value in part.attrib.items() if key.endswith("val")), "")
        return default

    name = _local(element)
    if name in {"t", "delText"}:
        return (element.text or "") if name == "t" else ""
    if name.endswith("Pr"):
        return ""
    if (written := _structure(name, of, property_of)) is not None:
        return written
    mark = {"d": property_of("sepChr", "|"), "mr": ", ", "m": "; ", "eqArr": "; "}.get(name, "")
    inside = mark.join(filter(None, (of_omml(part, depth + 1) for part in element)))
    if name == "d":
        return property_of("begChr", "(") + inside + property_of("endChr", ")")
    return f"[{inside}]" if name == "m" else inside


def _structure(name: str, of: Of, property_of: Callable[[str, str], str]) -> str | None:
    match name:
        case "f":
            return fraction(of("num"), of("den"))
        case "sSup":
            return scripted(of("e"), "", of("sup"))
        case "sSub":
            return scripted(of("e"), of("sub"))
        case "sSubSup":
            return scripted(of("e"), of("sub"), of("sup"))
        case "sPre":
            return f"{scripted('', of('sub'), of('sup'))} {of('e')}"
        case "rad":
            return root(of("e"), of("deg"))
        case "nary":
            return f"{scripted(property_of('chr', '∫'), of('sub'), of('sup'))} {of('e')}"
        case "limLow":
            return scripted(of("e"), of("lim"))
        case "limUpp":
            return scripted(of("e"), "", of("lim"))
        case "func":
            argument = of("e")
            return of("fName") + (argument if argument.startswith("(") else f"({argument})")
        case _:
            return None


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]
