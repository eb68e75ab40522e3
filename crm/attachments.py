"""Files of a conversation: what they are is judged by their content, and they are kept below var/attachments.

A name never decides anything: a stored file is called by a random number and the ending of its kind, by which it is
served later. Nothing is ever unpacked.
"""

import io
import os
import re
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import puremagic
from PIL import Image, ImageOps

from crm import text
from crm.durable import sync_folder
from crm.errors import InvalidInput

FOLDER = "attachments"
MOST_BYTES = 20_000_000
MOST_PHOTO_BYTES = 10_000_000
MOST_PIXELS = 50_000_000
LONGEST_NAME = 120
LARGEST_SIDE = 2560
PHOTO, VOICE, DOCUMENT = "photo", "voice", "document"
# What stands for a file in the words of a message that has none of its own.
SIGNS = {PHOTO: "🖼", VOICE: "🎤", DOCUMENT: "📎"}
_PICTURES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif"}
_SOUNDS = {".ogg": ".ogg", ".oga": ".ogg", ".opus": ".ogg", ".mp3": ".mp3", ".mpga": ".mp3", ".m4a": ".m4a"}
# How each ending is served: what is not here is only ever a download.
SHOWN = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".gif": "image/gif"}
HEARD = {".ogg": "audio/ogg", ".mp3": "audio/mpeg", ".m4a": "audio/mp4"}
_UNFIT = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')


@dataclass(frozen=True)
class Stored:
    """A kept file. `path` lies below var/attachments; `name` is what its sender called it, fit to be shown."""

    kind: str
    path: str
    name: str

    @property
    def item(self) -> dict[str, str]:
        """As Message.attachments holds it."""
        return {"kind": self.kind, "path": self.path, "name": self.name}


def keep(var_dir: Path, content: bytes, name: str) -> Stored:
    """Keeps what a customer sent, byte by byte. Raises InvalidInput ("file_empty", "file_size") and OSError."""
    _check(content)
    picture = _picture(content)
    ending = _PICTURES[picture] if picture else _sound(content)
    kind = PHOTO if picture else (VOICE if ending else DOCUMENT)
    return Stored(kind, _write(var_dir, content, ending or ".bin"), fit_name(name))


def keep_own(var_dir: Path, content: bytes, name: str) -> Stored:
    """Keeps what staff will send: a picture is made anew, without the place and time that a phone writes into it.

    Raises InvalidInput ("file_empty", "file_size") and OSError.
    """
    _check(content)
    picture = _picture(content)
    if picture in ("JPEG", "PNG", "WEBP"):
        anew, ending = _anew(content)
        return Stored(PHOTO, _write(var_dir, anew, ending), fit_name(name))
    ending = _sound(content)
    return Stored(VOICE if ending else DOCUMENT, _write(var_dir, content, ending or ".bin"), fit_name(name))


def is_picture(content: bytes) -> bool:
    """Whether it can be shown as a photo, and is none that would fill the memory."""
    return _picture(content) is not None


def fit_name(name: str) -> str:
    """`name` without a path and without signs that a file's name cannot have; its ending stays when it is cut."""
    clean = _UNFIT.sub(" ", text.clean(name)).strip(" .")
    if len(clean) <= LONGEST_NAME:
        return clean
    ending = Path(clean).suffix[:12]
    return clean[: LONGEST_NAME - len(ending)] + ending


def located(var_dir: Path, path: str) -> Path | None:
    """The file at `path` below var/attachments; None for whatever is not there or lies elsewhere."""
    root = (var_dir / FOLDER).resolve()
    try:
        wanted = (root / path).resolve()
    except (OSError, ValueError):
        return None
    return wanted if wanted.is_relative_to(root) and wanted.is_file() else None


def _check(content: bytes) -> None:
    if not content:
        raise InvalidInput("file_empty", "the file has no bytes")
    if len(content) > MOST_BYTES:
        raise InvalidInput("file_size", f"{len(content)} bytes; at most {MOST_BYTES}")


def _picture(content: bytes) -> str | None:
    """JPEG, PNG, WEBP or GIF; None for anything else, for a broken one and for one of too many bytes or pixels."""
    if len(content) > MOST_PHOTO_BYTES:
        return None
    try:
        with Image.open(io.BytesIO(content), formats=list(_PICTURES)) as image:
            fits = image.width * image.height <= MOST_PIXELS
            kind = image.format
            image.verify()
    except Exception:  # Pillow raises whatever its decoders raise
        return None
    return kind if fits else None


def _anew(content: bytes) -> tuple[bytes, str]:
    made = io.BytesIO()
    with Image.open(io.BytesIO(content), formats=list(_PICTURES)) as image:
        whole = image.format == "PNG"
        upright = ImageOps.exif_transpose(image)
        upright.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
        if whole:
            upright.save(made, "PNG", optimize=True)
        else:
            upright.convert("RGB").save(made, "JPEG", quality=88, optimize=True)
    return made.getvalue(), ".png" if whole else ".jpg"


def _sound(content: bytes) -> str:
    """The ending of a sound that browsers and Telegram play; empty for anything else."""
    try:
        found = puremagic.magic_string(content[:4096])
    except (puremagic.PureError, ValueError):
        return ""
    return _SOUNDS.get(found[0].extension, "") if found else ""


def _write(var_dir: Path, content: bytes, ending: str) -> str:
    """Returns once the file is on the disk: soon a row says that nobody need fetch it again. Raises OSError."""
    name = f"{uuid4().hex}{ending}"
    folder = var_dir / FOLDER
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with (folder / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        for each in (folder, var_dir) if new else (folder,):
            sync_folder(each)
    except OSError:
        (folder / name).unlink(missing_ok=True)
        raise
    return name
