"""Documents as the page opens them: a passage with what stands around it, and pages of PDFs as pictures."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel

from lcagent.answer import Box
from lcagent.documents import Document, Span
from lcagent.documents.pdf_pages import page_picture, quote_boxes, unchanged
from lcagent.errors import NotFound
from lcagent.server.context import ServiceDep, TenantDep
from lcagent.server.described import raw
from lcagent.server.tenants import Tenant

router = APIRouter(tags=["files"])
_AROUND = 3000
"""Characters shown before and after a quote."""


class Passage(BaseModel):
    """A stretch of a document, what stands before and after it, and where it stands.

    `start` and `end` are character offsets into the document's text; `boxes` are on the page's picture, which
    there is where `picture` says so.
    """

    file: str
    name: str
    format: str
    place: str
    unit: str
    page: int | None
    pages: int
    picture: bool
    boxes: list[Box]
    start: int
    end: int
    length: int
    before: str
    quote: str
    after: str


@router.get("/v1/files/{file}/passage")
async def get_passage(
    file: str,
    service: ServiceDep,
    tenant: TenantDep,
    start: Annotated[int, Query(ge=0, le=1 << 40)] = 0,
    end: Annotated[int, Query(ge=0, le=1 << 40)] = 0,
    page: Annotated[int | None, Query(ge=1, le=1 << 30)] = None,
) -> Passage:
    """Show a stretch of a document's text, or a page of it."""
    document = await service.opened.load(tenant, file)
    return await tenant.apart(_passage, tenant, file, document, (start, end), page)


@router.get("/v1/files/{file}/pages/{page}", response_class=Response, responses=raw("image/png"))
async def get_page(file: str, page: int, service: ServiceDep, tenant: TenantDep) -> Response:
    """Draw a page of a PDF."""
    document = await service.opened.load(tenant, file)
    return await tenant.apart(_picture, tenant, file, document, page)


def _passage(
    tenant: Tenant, file: str, document: Document, stretch: tuple[int, int], number: int | None
) -> Passage:
    start, end = stretch
    text = document.text
    if number is not None:
        held = next((one for one in document.pages if one.number == number), None)
        if held is None:
            raise NotFound(f"{document.name} has no page {number}")
        start = end = held.start
        stretch = (held.start, held.end)
    else:
        start = min(start, len(text))
        end = min(max(end, start), len(text))
        stretch = (max(0, start - _AROUND), min(len(text), end + _AROUND))
    boxes: list[Box] = []
    if document.format == "pdf" and end > start:
        data = unchanged(tenant.uploads.path(tenant.uploads.get(file)), document.sha256)
        if data is not None:
            (boxes,) = quote_boxes(document, data, [Span(start, end)])
    return Passage(
        file=file,
        name=document.name,
        format=document.format,
        place=document.place(min(start, max(len(text) - 1, 0))),
        unit=document.unit,
        page=number or document.page_at(start),
        pages=len(document.pages),
        picture=document.format == "pdf",
        boxes=boxes,
        start=start,
        end=end,
        length=len(text),
        before=text[stretch[0] : start],
        quote=text[start:end],
        after=text[end : stretch[1]],
    )


def _picture(tenant: Tenant, file: str, document: Document, page: int) -> Response:
    upload = tenant.uploads.get(file)
    data = unchanged(tenant.uploads.path(upload), upload.sha256)
    if document.format != "pdf" or data is None or not 1 <= page <= len(document.pages):
        raise NotFound(f"{upload.name} has no page {page} that could be drawn")
    (width, height), picture = page_picture(upload.name, page, data)
    headers = {
        "x-page-width": f"{width:.2f}",
        "x-page-height": f"{height:.2f}",
        "cache-control": "private, max-age=3600",
    }
    return Response(picture, media_type="image/png", headers=headers)
