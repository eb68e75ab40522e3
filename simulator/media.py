"""Pictures and other files: storing them, and the sizes Telegram tells about a photo."""

from __future__ import annotations

import secrets
import struct
import zlib
from typing import Any

from simulator.errors import bad_request
from simulator.state import StoredFile, World

Json = dict[str, Any]
MAX_PHOTO_BYTES = 10 * 1024 * 1024
_SIGNATURES = {b"\x89PNG": ("image/png", "png"), b"\xff\xd8\xff": ("image/jpeg", "jpg"), b"GIF8": ("image/gif", "gif")}


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], struct.unpack(">H", data[at + 2 : at + 4])[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels of a PNG, JPEG, GIF or WebP; None for anything else."""
    if data.startswith(b"\x89PNG") and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg_size(data)
    if data.startswith(b"GIF8") and len(data) >= 10:
        width, height = struct.unpack("<HH", data[6:10])
        return width, height
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return 512, 512
    return None


def sample_png(width: int = 240, height: int = 160) -> bytes:
    """A small real PNG, a soft gradient: what a person sends when a test names no picture."""
    rows = b"".join(
        b"\0" + bytes(c for x in range(width) for c in (90 + 120 * x // width, 150 + 60 * y // height, 160))
        for y in range(height)
    )

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def store(world: World, folder: str, data: bytes, mime: str, suffix: str) -> Json:
    """Keeps a file; returns Telegram's fields file_id, file_unique_id, file_size."""
    file_id = secrets.token_urlsafe(24)
    world.files[file_id] = StoredFile(file_id, f"{folder}/file_{len(world.files)}.{suffix}", mime, data)
    return {"file_id": file_id, "file_unique_id": file_id[:12], "file_size": len(data)}


def document(world: World, data: bytes, name: str, mime: str = "application/octet-stream") -> Json:
    """Keeps a file as Message.document describes it."""
    suffix = name.rpartition(".")[2][:8] if "." in name else "bin"
    return store(world, "documents", data, mime, suffix) | {"file_name": name, "mime_type": mime}


def photo_sizes(world: World, data: bytes) -> list[Json]:
    """Stores a picture and describes it as Message.photo does; ApiError 400 if it is none."""
    size = picture_size(data)
    if size is None:
        raise bad_request("IMAGE_PROCESS_FAILED")
    if len(data) > MAX_PHOTO_BYTES or sum(size) > 10_000:
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    mime, suffix = next((v for k, v in _SIGNATURES.items() if data.startswith(k)), ("image/webp", "webp"))
    return known_photo(store(world, "photos", data, mime, suffix), size)


def known_photo(stored: Json, size: tuple[int, int]) -> list[Json]:
    """A small and a large size, as Telegram always gives at least one. Both point at the one stored picture."""
    width, height = size
    scale = min(1.0, 90 / max(width, height))
    small = {"width": max(1, int(width * scale)), "height": max(1, int(height * scale))}
    return [stored | small, stored | {"width": width, "height": height}]
