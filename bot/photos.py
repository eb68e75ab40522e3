"""Photos of customers: fetched from Telegram, checked to be pictures, and kept below var/attachments."""

from pathlib import Path
from uuid import uuid4

from telegram import Bot
from telegram.error import TelegramError

MAX_BYTES = 10_000_000
_SIGNATURES = {b"\xff\xd8\xff": ".jpg", b"\x89PNG\r\n\x1a\n": ".png"}


class PhotoNotStored(Exception):
    """The photo could not be fetched or written, is too large, or is no JPEG or PNG picture."""


async def store_photo(bot: Bot, file_id: str, var_dir: Path) -> str:
    """Stores the photo and returns its path below var/attachments. Raises PhotoNotStored."""
    try:
        file = await bot.get_file(file_id)
        if (file.file_size or 0) > MAX_BYTES:
            raise PhotoNotStored(f"{file.file_size} bytes; at most {MAX_BYTES}")
        content = bytes(await file.download_as_bytearray())
    except TelegramError as error:
        raise PhotoNotStored(error.message) from error
    name = f"{uuid4().hex}{_extension(content)}"
    folder = var_dir / "attachments"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    except OSError as error:
        raise PhotoNotStored(f"not written: {error}") from error
    return name


def _extension(content: bytes) -> str:
    for signature, extension in _SIGNATURES.items():
        if content.startswith(signature) and len(content) <= MAX_BYTES:
            return extension
    raise PhotoNotStored("not a JPEG or PNG picture of a sensible size")
