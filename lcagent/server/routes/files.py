"""`/v1/files` and `/v1/collections`: documents that are uploaded once and asked often."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, UploadFile
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from lcagent.memory.served.uploads import Collection, Upload
from lcagent.server.context import ServiceDep, TenantDep
from lcagent.server.described import raw

router = APIRouter(tags=["files"])


class FileObject(BaseModel):
    """A file, as OpenAI's clients read it."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: Literal["processed"] = "processed"

    @classmethod
    def of(cls, upload: Upload) -> FileObject:
        """What is told of an upload."""
        return cls(
            id=upload.id,
            bytes=upload.bytes,
            created_at=int(upload.created),
            filename=upload.name,
            purpose=upload.purpose,
        )


class FileList(BaseModel):
    """Files, the newest first."""

    object: Literal["list"] = "list"
    data: list[FileObject]
    has_more: bool
    first_id: str | None = None
    last_id: str | None = None


class Deleted(BaseModel):
    """What is no more."""

    id: str
    object: str
    deleted: bool = True


class CollectionObject(BaseModel):
    """Files that are asked together."""

    id: str
    object: Literal["collection"] = "collection"
    name: str
    created_at: int
    files: list[str]

    @classmethod
    def of(cls, held: Collection) -> CollectionObject:
        """What is told of a collection."""
        return cls(id=held.id, name=held.name, created_at=int(held.created), files=list(held.files))


class CollectionList(BaseModel):
    """Collections, the newest first."""

    object: Literal["list"] = "list"
    data: list[CollectionObject]


class NewCollection(BaseModel):
    """A collection to be made."""

    name: str = Field(min_length=1, max_length=200)
    files: list[str] = Field(default_factory=list, max_length=10_000)


class MoreFiles(BaseModel):
    """Files to be added."""

    files: list[str] = Field(min_length=1, max_length=10_000)


@router.post("/v1/files")
async def upload_file(
    file: UploadFile, service: ServiceDep, tenant: TenantDep, purpose: Annotated[str, Form()] = "user_data"
) -> FileObject:
    """Upload a document; the same bytes under the same name are kept once."""
    limits = service.options.limits
    kept = await tenant.apart(
        tenant.uploads.put,
        file.file,
        file.filename or "",
        purpose=purpose[:64],
        most=limits.upload,
        room=limits.storage,
    )
    return FileObject.of(kept)


@router.get("/v1/files")
async def list_files(
    tenant: TenantDep,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    after: str = "",
) -> FileList:
    """List the files."""
    found = await tenant.aside(tenant.uploads.all, limit=limit + 1, after=after)
    data = [FileObject.of(one) for one in found[:limit]]
    ends: dict[str, Any] = {"first_id": data[0].id, "last_id": data[-1].id} if data else {}
    return FileList(data=data, has_more=len(found) > limit, **ends)


@router.get("/v1/files/{file}")
async def get_file(file: str, tenant: TenantDep) -> FileObject:
    """Show one file."""
    return FileObject.of(await tenant.aside(tenant.uploads.get, file))


@router.get(
    "/v1/files/{file}/content", response_class=FileResponse, responses=raw("application/octet-stream")
)
async def get_content(file: str, tenant: TenantDep) -> FileResponse:
    """Give a file's bytes back; no browser shows them as a page of this server."""
    upload = await tenant.aside(tenant.uploads.get, file)
    return FileResponse(
        await tenant.aside(tenant.uploads.path, upload),
        media_type="application/octet-stream",
        filename=upload.name,
        headers={"content-security-policy": "sandbox; default-src 'none'"},
    )


@router.delete("/v1/files/{file}")
async def delete_file(file: str, tenant: TenantDep) -> Deleted:
    """Delete a file."""
    await tenant.aside(tenant.uploads.delete, file)
    return Deleted(id=file, object="file")


@router.post("/v1/collections")
async def create_collection(body: NewCollection, tenant: TenantDep) -> CollectionObject:
    """Make a collection."""
    return CollectionObject.of(await tenant.aside(tenant.uploads.collect, body.name, body.files))


@router.get("/v1/collections")
async def list_collections(tenant: TenantDep) -> CollectionList:
    """List the collections."""
    held = await tenant.aside(tenant.uploads.collections)
    return CollectionList(data=[CollectionObject.of(one) for one in held])


@router.get("/v1/collections/{collection}")
async def get_collection(collection: str, tenant: TenantDep) -> CollectionObject:
    """Show one collection."""
    return CollectionObject.of(await tenant.aside(tenant.uploads.collection, collection))


@router.post("/v1/collections/{collection}/files")
async def add_files(collection: str, body: MoreFiles, tenant: TenantDep) -> CollectionObject:
    """Add files to a collection."""
    held = await tenant.aside(tenant.uploads.collection, collection)
    return CollectionObject.of(await tenant.aside(tenant.uploads.add, held.id, body.files))


@router.delete("/v1/collections/{collection}/files/{file}")
async def remove_file(collection: str, file: str, tenant: TenantDep) -> CollectionObject:
    """Take a file out of a collection; the file stays."""
    held = await tenant.aside(tenant.uploads.collection, collection)
    return CollectionObject.of(await tenant.aside(tenant.uploads.remove, held.id, file))


@router.delete("/v1/collections/{collection}")
async def delete_collection(collection: str, tenant: TenantDep) -> Deleted:
    """Delete a collection; its files stay."""
    held = await tenant.aside(tenant.uploads.collection, collection)
    await tenant.aside(tenant.uploads.drop, held.id)
    return Deleted(id=held.id, object="collection")
