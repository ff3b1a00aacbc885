"""The page to read along, and what it is made of; no request of it goes to another host."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import Response

from lcagent.errors import NotFound

router = APIRouter(include_in_schema=False)
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "html": "text/html"}
_PAGE = files("lcagent.server") / "page"
_HELD = {one.name: one.read_bytes() for one in _PAGE.iterdir() if one.name.rpartition(".")[2] in _TYPES}


@router.get("/")
async def index() -> Response:
    """Show the page."""
    return _file("index.html")


@router.get("/favicon.ico")
async def icon() -> Response:
    """Its icon."""
    return _file("icon.svg")


@router.get("/page/{name}")
async def part(name: str) -> Response:
    """A part of the page."""
    return _file(name)


def _file(name: str) -> Response:
    if name not in _HELD:
        raise NotFound("there is no such path")
    kind = _TYPES[name.rpartition(".")[2]]
    return Response(_HELD[name], media_type=f"{kind}; charset=utf-8", headers={"cache-control": "no-cache"})
