"""Files of conversations, for staff who are logged in: pictures and sounds are shown, everything else is a download."""

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from console import access, notices
from console.visits import visitor_of
from crm import attachments, threads
from crm.db import database
from crm.errors import NotFound
from crm.settings import settings
from crm.threads import File

router = APIRouter()
_PATTERN = "/attachments/{path:path}"
_DOWNLOAD = "/downloads/{message_id:int}/{number:int}"
TYPES = {**attachments.SHOWN, **attachments.HEARD}
# Whatever is in the file: it runs nothing, loads nothing, and its type is not guessed.
HEADERS = {
    "Cache-Control": "private, max-age=86400",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


@router.get(_PATTERN)
def shown(request: Request, path: str) -> Response:
    """The picture or sound, typed by its ending (nothing in it can make it a page); 404 for everything else."""
    if not _may(request, _PATTERN):
        return notices.denied()
    wanted = attachments.located(settings().var_dir, path)
    kind = TYPES.get(wanted.suffix.lower()) if wanted else None
    if wanted is None or kind is None:
        return notices.not_found()
    return FileResponse(wanted, media_type=kind, headers=HEADERS)


@router.get(_DOWNLOAD)
async def download(request: Request, message_id: int, number: int) -> Response:
    """Any attachment of a message as a file to save, under the name its sender gave it; never shown in the page."""
    if not _may(request, _DOWNLOAD):
        return notices.denied()
    try:
        file, wanted = await run_in_threadpool(_find, message_id, number)
    except NotFound:
        return notices.not_found()
    name = attachments.fit_name(file.name) or file.path
    return FileResponse(wanted, media_type="application/octet-stream", filename=name, headers=HEADERS)


def _may(request: Request, pattern: str) -> bool:
    visitor = visitor_of(request)
    return visitor is not None and visitor.role in access.FILES[pattern]


def _find(message_id: int, number: int) -> tuple[File, Path]:
    with database(settings().database_url).read() as session:
        file = threads.file_of(session, message_id, number)
    wanted = attachments.located(settings().var_dir, file.path)
    if wanted is None:
        raise NotFound(f"the file of attachment {number} of message {message_id}")
    return file, wanted
