"""What customers send beside words: fetched from Telegram, judged by its content, and kept below var/attachments."""

import asyncio
from pathlib import Path

from telegram import Bot
from telegram.error import TelegramError

from crm import attachments
from crm.attachments import MOST_BYTES, MOST_PHOTO_BYTES, PHOTO, Stored
from crm.errors import InvalidInput


class NotStored(Exception):
    """The file could not be fetched or written, is too large, or is no picture where one was wanted."""


async def store_photo(bot: Bot, file_id: str, var_dir: Path) -> Stored:
    """Keeps a picture. Raises NotStored for whatever is none."""
    stored = await _store(bot, file_id, "", var_dir, MOST_PHOTO_BYTES, only_photos=True)
    return Stored(stored.kind, stored.path, stored.path)


async def store_file(bot: Bot, file_id: str, name: str, var_dir: Path) -> Stored:
    """Keeps a voice message or a file of up to 20 MB, which is all that Telegram hands to a bot. Raises NotStored."""
    return await _store(bot, file_id, name, var_dir, MOST_BYTES, only_photos=False)


async def _store(bot: Bot, file_id: str, name: str, var_dir: Path, most: int, *, only_photos: bool) -> Stored:
    try:
        file = await bot.get_file(file_id)
        if (file.file_size or 0) > most:
            raise NotStored(f"{file.file_size} bytes; at most {most}")
        content = bytes(await file.download_as_bytearray())
    except TelegramError as error:
        raise NotStored(error.message) from error
    if only_photos and not attachments.is_picture(content):
        raise NotStored("not a picture of a sensible size")
    try:
        stored = await asyncio.to_thread(attachments.keep, var_dir, content, name)
    except InvalidInput as error:
        raise NotStored(str(error)) from error
    except OSError as error:
        raise NotStored(f"not written: {error}") from error
    assert not only_photos or stored.kind == PHOTO
    return stored
