"""Small office files and messages for tests, made of what their standards ask for and no more."""

import io
import zipfile
from collections.abc import Mapping

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


def slides(
    *bodies: str, notes: Mapping[int, str] | None = None, hidden: frozenset[int] = frozenset()
) -> bytes:
    """A PPTX file: of each slide the XML of its shapes."""
    main = "http://schemas.openxmlformats.org/presentationml/2006/main"
    drawing = "http://schemas.openxmlformats.org/drawingml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    head = f'xmlns:p="{main}" xmlns:a="{drawing}" xmlns:r="{relations}"'
    members: dict[str, str] = {
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r" Type="{relations}/officeDocument"'
        ' Target="ppt/presentation.xml"/></Relationships>',
        "ppt/presentation.xml": f"<p:presentation {head}><p:sldIdLst>"
        + "".join(f'<p:sldId id="{255 + n}" r:id="s{n}"/>' for n in range(1, len(bodies) + 1))
        + "</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": f'<Relationships xmlns="{package}">'
        + "".join(
            f'<Relationship Id="s{n}" Type="{relations}/slide" Target="slides/slide{n}.xml"/>'
            for n in range(1, len(bodies) + 1)
        )
        + "</Relationships>",
    }
    for number, body in enumerate(bodies, 1):
        show = ' show="0"' if number in hidden else ""
        members[f"ppt/slides/slide{number}.xml"] = (
            f"<p:sld {head}{show}><p:cSld><p:spTree>{body}</p:spTree></p:cSld></p:sld>"
        )
        if notes and number in notes:
            members[f"ppt/slides/_rels/slide{number}.xml.rels"] = (
                f'<Relationships xmlns="{package}"><Relationship Id="n" Type="{relations}/notesSlide"'
                f' Target="../notesSlides/notesSlide{number}.xml"/></Relationships>'
            )
            members[f"ppt/notesSlides/notesSlide{number}.xml"] = (
                f"<p:notes {head}><p:cSld><p:spTree><p:sp><p:nvSpPr><p:nvPr><p:ph type='body'/></p:nvPr></p:nvSpPr>"
                f"<p:txBody><a:p><a:r><a:t>{notes[number]}</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld>"
                "</p:notes>"
            )
    return archive(members)


def shape(*paragraphs: str) -> str:
    """A shape of a slide with its paragraphs."""
    inner = "".join(f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>" for text in paragraphs)
    return f"<p:sp><p:txBody>{inner}</p:txBody></p:sp>"
