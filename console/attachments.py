"""Photos that customers sent, for staff who are logged in: nothing but pictures, from one directory."""

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from console import access, notices
from console.visits import visitor_of
from crm.settings import settings

router = APIRouter()
_PATTERN = "/attachments/{path:path}"
TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".gif": "image/gif"}


@router.get(_PATTERN)
def photo(request: Request, path: str) -> Response:
    """The picture, with the type its name has (nothing in it can make it a page); 404 for everything else."""
    visitor = visitor_of(request)
    if visitor is None or visitor.role not in access.FILES[_PATTERN]:
        return notices.denied()
    root = (settings().var_dir / "attachments").resolve()
    wanted = _below(root, path)
    kind = TYPES.get(wanted.suffix.lower()) if wanted else None
    if wanted is None or kind is None:
        return notices.not_found()
    headers = {"Cache-Control": "private, max-age=86400", "Content-Security-Policy": "default-src 'none'; sandbox"}
    return FileResponse(wanted, media_type=kind, headers=headers)


def _below(root: Path, path: str) -> Path | None:
    try:
        wanted = (root / path).resolve()
    except (OSError, ValueError):
        return None
    return wanted if wanted.is_relative_to(root) and wanted.is_file() else None
