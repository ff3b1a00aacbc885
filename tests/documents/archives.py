"""Small DOCX and EPUB files, written as the tests need them."""

import io
import zipfile
from collections.abc import Mapping

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
_NAMESPACES = (
    f'xmlns:w="{_W}" xmlns:m="{_OFFICE}/math" xmlns:r="{_OFFICE}/relationships"'
    ' xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"'
    ' xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    ' xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"'
    ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" xmlns:v="urn:schemas-microsoft-com:vml"'
    ' xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"'
    ' xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram"'
)


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def part(root: str, content: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><w:{root} {_NAMESPACES}>{content}</w:{root}>'


def relations(*listed: tuple[str, str, str]) -> str:
    """Relations, each as id, kind and target; targets with a colon are external."""
    return (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        + "".join(
            f'<Relationship Id="{name}" Type="{_OFFICE}/relationships/{kind}" Target="{target}"'
            + (' TargetMode="External"/>' if ":" in target else "/>")
            for name, kind, target in listed
        )
        + "</Relationships>"
    )


def docx(
    body: str, *others: tuple[str, str, str, str | bytes], styles: str = "", numbering: str = ""
) -> bytes:
    """A DOCX file.

    Args:
        body: the content of its `w:body`.
        others: parts, each as the id, the kind and the target of its relation, and its content.
        styles: the content of `w:styles`.
        numbering: the content of `w:numbering`.
    """
    listed = [*others]
    if styles:
        listed.append(("rStyles", "styles", "styles.xml", part("styles", styles)))
    if numbering:
        listed.append(("rNumbering", "numbering", "numbering.xml", part("numbering", numbering)))
    return zipped(
        {
            "_rels/.rels": relations(("r", "officeDocument", "word/document.xml")),
            "word/document.xml": part("document", f"<w:body>{body}</w:body>"),
            "word/_rels/document.xml.rels": relations(*[(a, b, c) for a, b, c, _ in listed]),
            **{f"word/{target}": content for _, _, target, content in listed if content},
        }
    )


def p(content: str, properties: str = "") -> str:
    """A paragraph of runs, or of one with this text."""
    runs = content if content.startswith("<") else r(content)
    return f"<w:p>{f'<w:pPr>{properties}</w:pPr>' if properties else ''}{runs}</w:p>"


def r(text: str, properties: str = "") -> str:
    """A run."""
    look = f"<w:rPr>{properties}</w:rPr>" if properties else ""
    return f'<w:r>{look}<w:t xml:space="preserve">{text}</w:t></w:r>'


def table(*rows: str) -> str:
    return f"<w:tbl>{''.join(rows)}</w:tbl>"


def row(*cells: str, properties: str = "") -> str:
    """A row of cells, each a paragraph's text or the content of `w:tc`."""
    written = "".join(f"<w:tc>{cell if cell.startswith('<') else p(cell)}</w:tc>" for cell in cells)
    return f"<w:tr>{f'<w:trPr>{properties}</w:trPr>' if properties else ''}{written}</w:tr>"


def epub(
    chapters: Mapping[str, str | bytes],
    *,
    manifest: str = "",
    spine: str = "",
    others: Mapping[str, str] = {},
) -> bytes:
    """An EPUB book in the folder OPS; its manifest and spine name the chapters where they are not given."""
    names = list(chapters)
    listed = manifest or "".join(
        f'<item id="c{at}" href="{name.removeprefix("OPS/")}" media-type="application/xhtml+xml"/>'
        for at, name in enumerate(names)
    )
    order = spine or "".join(f'<itemref idref="c{at}"/>' for at in range(len(names)))
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfile full-path="OPS/book.opf"/></container>',
            "OPS/book.opf": f"<package><manifest>{listed}</manifest><spine>{order}</spine></package>",
            **others,
            **chapters,
        }
    )


def page(text: str) -> str:
    return f"<html><body><p>{text}</p></body></html>"
