"""Formulas as one line of text: `a/b`, `x^2`, `sqrt(x)`, of MathML (HTML) and OMML (DOCX) alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from xml.etree.ElementTree import Element

_MOST_DEEP = 60
"""Formulas within formulas; what stands deeper is read as plain text."""
_SIMPLE = re.compile(r"-?[\w.,'′∞%]+|\([^()]*\)|\w+\([^()]*\)")

_APART = re.compile(r"\d\0\d|[^\W\d_]{2}\0[^\W\d_]|[^\W\d_]\0[^\W\d_]{2}")
"""Where one part of a formula would run into the next: two numbers, or a word and letters."""

Of = Callable[[str], str]
"""The line of one part of an element, by the part's name."""


def fraction(over: str, under: str) -> str:
    """`a/b`, with brackets where a part is more than one word."""
    return f"{_grouped(over)}/{_grouped(under)}"


def scripted(base: str, lower: str = "", upper: str = "") -> str:
    """A base with a subscript and a superscript: `x_i^2`."""
    if upper in {"∘", "°", "º", "′", "″"}:  # degrees, minutes
        base, upper = base + upper.replace("∘", "°"), ""
    return base + (f"_{_grouped(lower)}" if lower else "") + (f"^{_grouped(upper)}" if upper else "")


def root(radicand: str, degree: str = "") -> str:
    """`sqrt(x)`, or `root(x, 3)` where it is another root."""
    return f"root({radicand}, {degree})" if degree else f"sqrt({radicand})"


def _grouped(text: str) -> str:
    return text if _SIMPLE.fullmatch(text) or not text else f"({text})"


_MATHML: dict[str, Callable[[str, str, str], str]] = {
    "mfrac": lambda a, b, c: fraction(a, b),
    "msup": lambda a, b, c: scripted(a, "", b),
    "mover": lambda a, b, c: scripted(a, "", b),
    "msub": lambda a, b, c: scripted(a, b),
    "munder": lambda a, b, c: scripted(a, b),
    "msubsup": scripted,
    "munderover": scripted,
    "mroot": lambda a, b, c: root(a, b),
    "annotation": lambda a, b, c: "",
    "annotation-xml": lambda a, b, c: "",
    "mphantom": lambda a, b, c: "",
}
"""Elements of MathML by their first three parts."""


def of_mathml(tag: str, parts: Sequence[str]) -> str:
    """An element of MathML.

    Args:
        tag: its name.
        parts: the lines of its children.
    """
    if (structure := _MATHML.get(tag)) is not None:
        first, second, third = (*parts, "", "", "")[:3]
        return structure(first, second, third)
    between = {"mtr": ", ", "mtable": "; ", "mstack": " ", "mlongdiv": " ", "msgroup": " "}.get(tag, "")
    inside = between.join(parts) if between else _side_by_side(parts)
    return root(inside) if tag == "msqrt" else f"[{inside}]" if tag == "mtable" else inside


def of_mathml_tree(element: Element, depth: int = 0) -> str:
    """A formula in MathML as OpenDocument files hold it."""
    if depth > _MOST_DEEP:
        return "".join(element.itertext())
    parts = [of_mathml_tree(part, depth + 1) for part in element]
    return of_mathml(_local(element), parts or [" ".join((element.text or "").split())])


def _side_by_side(parts: Sequence[str]) -> str:
    """Parts of a formula one after the other; neither two numbers nor two words become one."""
    written = ""
    for part in parts:
        apart = _APART.search(f"{written[-2:]}\0{part[:2]}")
        written += f" {part}" if apart else part
    return written


def of_omml(element: Element, depth: int = 0) -> str:
    """An element of OMML, Word's formulas, whatever namespace it is in."""
    if depth > _MOST_DEEP:
        return "".join(part.text or "" for part in element.iter() if _local(part) == "t")
    parts = {_local(part): part for part in element}

    def of(name: str) -> str:
        return of_omml(parts[name], depth + 1) if name in parts else ""

    def property_of(name: str, default: str) -> str:
        for part in parts.get(f"{_local(element)}Pr", ()):
            if _local(part) == name:
                return next((value for key, value in part.attrib.items() if key.endswith("val")), "")
        return default

    name = _local(element)
    if name == "t" or name.endswith("Pr"):
        return (element.text or "").replace("\u2061", " ") if name == "t" else ""
    if (structure := _OMML.get(name)) is not None:
        return structure(of)
    if name == "nary":
        return f"{scripted(property_of('chr', '∫'), of('sub'), of('sup'))} {of('e')}"
    mark = {"d": property_of("sepChr", "|"), "mr": ", ", "m": "; ", "eqArr": "; "}.get(name, "")
    inside = mark.join(filter(None, (of_omml(part, depth + 1) for part in element)))
    if name == "d":
        return property_of("begChr", "(") + inside + property_of("endChr", ")")
    return f"[{inside}]" if name == "m" else inside


_OMML: dict[str, Callable[[Of], str]] = {
    "f": lambda of: fraction(of("num"), of("den")),
    "sSup": lambda of: scripted(of("e"), "", of("sup")),
    "sSub": lambda of: scripted(of("e"), of("sub")),
    "sSubSup": lambda of: scripted(of("e"), of("sub"), of("sup")),
    "sPre": lambda of: f"{scripted('', of('sub'), of('sup'))} {of('e')}",
    "rad": lambda of: root(of("e"), of("deg")),
    "limLow": lambda of: scripted(of("e"), of("lim")),
    "limUpp": lambda of: scripted(of("e"), "", of("lim")),
    "func": lambda of: f"{of('fName')} {of('e')}",
}
"""Elements of OMML by their named parts."""


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]
