"""Small office files and messages for tests, made of what their standards ask for and no more."""

import io
import zipfile
from collections.abc import Mapping, Sequence

_OFFICE = "urn:oasis:names:tc:opendocument:xmlns"
_SPACES = " ".join(
    f'xmlns:{short}="{_OFFICE}:{long}"'
    for short, long in {
        "office": "office:1.0", "text": "text:1.0", "table": "table:1.0", "draw": "drawing:1.0",
        "style": "style:1.0", "presentation": "presentation:1.0", "fo": "xsl-fo-compatible:1.0",
    }.items()
)  # fmt: skip


def archive(members: Mapping[str, str | bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as out:
        for name, body in members.items():
            out.writestr(name, body)
    return data.getvalue()


def open_document(kind: str, body: str, styles: str = "", **members: str) -> bytes:
    """An ODT, ODS or ODP file: `kind` is text, spreadsheet or presentation."""
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {_SPACES}'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    )
    return archive(
        {"mimetype": f"application/vnd.oasis.opendocument.{kind}", "content.xml": content, **members}
    )


_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006"
_HEAD = (
    f'xmlns:a="{_DRAWING}/main" xmlns:c="{_DRAWING}/chart" xmlns:dgm="{_DRAWING}/diagram" xmlns:r="{_RELATIONS}"'
    f' xmlns:xdr="{_DRAWING}/spreadsheetDrawing" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    ' xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
)


def related(*listed: tuple[str, str, str]) -> str:
    """The relations of a part: id, the last word of the type, target."""
    return (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        + "".join(
            f'<Relationship Id="{name}" Type="{_RELATIONS}/{kind}" Target="{target}"/>'
            for name, kind, target in listed
        )
        + "</Relationships>"
    )


def workbook(
    sheets: Mapping[str, str],
    *,
    states: Mapping[str, str] = {},
    texts: str = "",
    formats: Sequence[str] = (),
    properties: str = "",
    beside: Sequence[tuple[str, str, str]] = (),
    others: Mapping[str, str] = {},
    main: str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
) -> bytes:
    """An XLSX file.

    Args:
        sheets: by name, what each has in its `worksheet`: rows alone, or more.
        states: of those that are hidden.
        texts: the `si` of the shared texts.
        formats: codes of number formats; cells name them by their place, from 1.
        properties: attributes of `workbookPr`.
        beside: relations of the first sheet.
        others: more parts.
        main: the namespace of the sheets.
    """
    head = f'xmlns="{main}" {_HEAD}'
    listed = [
        ("rTexts", "sharedStrings", "sharedStrings.xml"),
        ("rStyles", "styles", "styles.xml"),
        *((f"s{at}", "worksheet", f"worksheets/sheet{at}.xml") for at in range(1, len(sheets) + 1)),
    ]
    quoted = [code.replace("&", "&amp;").replace('"', "&quot;") for code in formats]
    named = "".join(
        f'<numFmt numFmtId="{200 + at}" formatCode="{code}"/>' for at, code in enumerate(quoted, 1)
    )
    used = "".join(f'<xf numFmtId="{200 + at}"/>' for at in range(1, len(formats) + 1))
    members = {
        "_rels/.rels": related(("r", "officeDocument", "xl/workbook.xml")),
        "xl/_rels/workbook.xml.rels": related(*listed),
        "xl/workbook.xml": f"<workbook {head}><workbookPr {properties}/><sheets>"
        + "".join(
            f'<sheet name="{name}" sheetId="{at}" state="{states.get(name, "visible")}" r:id="s{at}"/>'
            for at, name in enumerate(sheets, 1)
        )
        + "</sheets></workbook>",
        "xl/sharedStrings.xml": f"<sst {head}>{texts}</sst>",
        "xl/styles.xml": f'<styleSheet {head}><numFmts>{named}</numFmts><cellXfs><xf numFmtId="0"/>{used}</cellXfs></styleSheet>',
        "xl/worksheets/_rels/sheet1.xml.rels": related(*beside),
    }
    for at, content in enumerate(sheets.values(), 1):
        rows = content if "<sheetData" in content else f"<sheetData>{content}</sheetData>"
        members[f"xl/worksheets/sheet{at}.xml"] = f"<worksheet {head}>{rows}</worksheet>"
    return archive(members | {name: body.replace("HEAD", head) for name, body in others.items()})


def cells(number: int, *values: str | float, style: int = 0, more: str = "") -> str:
    """A row of a sheet; texts are written into it."""
    written = (
        f'<c t="inlineStr"><is><t>{value}</t></is></c>'
        if isinstance(value, str)
        else f'<c s="{style}"><v>{value}</v></c>'
        for value in values
    )
    return f'<row r="{number}" {more}>{"".join(written)}</row>'


def slides(
    *bodies: str,
    notes: Mapping[int, str] = {},
    hidden: frozenset[int] = frozenset(),
    beside: Mapping[int, Sequence[tuple[str, str, str]]] = {},
    others: Mapping[str, str] = {},
) -> bytes:
    """A PPTX file.

    Args:
        bodies: of each slide the XML of its shapes.
        notes: texts of speakers' notes, by slide.
        hidden: slides that are not shown.
        beside: relations of slides; those of the presentation under 0.
        others: more parts.
    """
    head = f'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" {_HEAD}'
    numbers = range(1, len(bodies) + 1)
    members: dict[str, str] = {
        "_rels/.rels": related(("r", "officeDocument", "ppt/presentation.xml")),
        "ppt/presentation.xml": f"<p:presentation {head}><p:sldIdLst>"
        + "".join(f'<p:sldId id="{255 + n}" r:id="s{n}"/>' for n in numbers)
        + "</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": related(
            *((f"s{n}", "slide", f"slides/slide{n}.xml") for n in numbers), *beside.get(0, ())
        ),
    }
    for number, body in enumerate(bodies, 1):
        show = ' show="0"' if number in hidden else ""
        members[f"ppt/slides/slide{number}.xml"] = (
            f"<p:sld {head}{show}><p:cSld><p:spTree>{body}</p:spTree></p:cSld></p:sld>"
        )
        note = [("n", "notesSlide", f"../notesSlides/notesSlide{number}.xml")] if number in notes else []
        members[f"ppt/slides/_rels/slide{number}.xml.rels"] = related(*note, *beside.get(number, ()))
        if note:
            members[f"ppt/notesSlides/notesSlide{number}.xml"] = (
                f"<p:notes {head}><p:cSld><p:spTree><p:sp><p:nvSpPr><p:nvPr><p:ph type='body'/></p:nvPr></p:nvSpPr>"
                f"<p:txBody><a:p><a:r><a:t>{notes[number]}</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld>"
                "</p:notes>"
            )
    return archive(members | {name: body.replace("HEAD", head) for name, body in others.items()})


def shape(*paragraphs: str) -> str:
    """A shape of a slide with its paragraphs."""
    inner = "".join(f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>" for text in paragraphs)
    return f"<p:sp><p:txBody>{inner}</p:txBody></p:sp>"
