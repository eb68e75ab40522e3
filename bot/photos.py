"""What customers send beside words: fetched from Telegram, judged by its content, and kept below var/attachments."""

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path

from telegram import Bot
from telegram.error import BadRequest, TelegramError

from bot.freeze import frozen_s
from bot.telegram_api import wait_of
from crm import attachments, clock, send_limits
from crm.attachments import MOST_BYTES, MOST_PHOTO_BYTES, PHOTO, Stored
from crm.db import Database
from crm.errors import InvalidInput
from crm.models.messaging import Inbound
from crm.settings import Settings

# Between the tries: most faults pass at once, and an outage of some minutes costs nobody a file. The customer's next
# messages wait meanwhile, so there is an end to it.
PAUSES_S = (2.0, 4.0, 8.0, 16.0, 30.0, 60.0, 60.0)
PATIENCE = timedelta(minutes=5)
# A Telegram that hangs with its files must leave most of the places to customers who write words.
AT_ONCE = 4
BUSY_S = 1.0


class NotStored(Exception):
    """The file will never be had: Telegram does not know it, it is too large, or is no picture where one was wanted."""


class NotYet(Exception):
    """The file cannot be had now; it is worth asking again after `wait_s` seconds."""

    def __init__(self, why: str, wait_s: float) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class Files:
    """Fetches files, again and again while Telegram or the disk is at fault, and knows when to leave it."""

    def __init__(self, bot: Bot, settings: Settings, database: Database) -> None:
        self._bot = bot
        self._bot_id = settings.bot_id
        self._var_dir = settings.var_dir
        self._database = database
        self._failed: Counter[int] = Counter()
        self._under_way = 0

    async def fetch(self, row: Inbound, file_id: str, name: str, *, photo: bool) -> Stored:
        """Keeps the file of an update; `photo`: only a picture will do. Raises NotStored and NotYet."""
        if left_s := await frozen_s(self._database, self._bot_id):
            if clock.now() + timedelta(seconds=left_s) > row.received_at + PATIENCE:
                raise NotStored(f"Telegram wants no calls for {left_s:.0f} s")
            raise NotYet("Telegram is to be left alone", left_s)
        if self._under_way >= AT_ONCE:
            raise NotYet("other files are being fetched", BUSY_S)
        self._under_way += 1
        try:
            return await self._try(row.id, file_id, name, photo=photo)
        finally:
            self._under_way -= 1

    async def _try(self, inbound_id: int, file_id: str, name: str, *, photo: bool) -> Stored:
        try:
            if photo:
                stored = await store_photo(self._bot, file_id, self._var_dir)
            else:
                stored = await store_file(self._bot, file_id, name, self._var_dir)
        except (TelegramError, OSError) as error:
            asked_s = wait_of(error) if isinstance(error, TelegramError) else 0.0
            if asked_s:
                await asyncio.to_thread(self._freeze, asked_s)
            raise self._put_off(inbound_id, f"{type(error).__name__}: {error}", asked_s) from error
        except NotStored:
            self._failed.pop(inbound_id, None)
            raise
        self._failed.pop(inbound_id, None)
        return stored

    def _freeze(self, seconds: float) -> None:
        with self._database.begin() as session:
            send_limits.freeze(session, self._bot_id, seconds)

    def _put_off(self, inbound_id: int, why: str, asked_s: float) -> NotYet | NotStored:
        failed = self._failed.pop(inbound_id, 0)
        if failed == len(PAUSES_S) or asked_s > PATIENCE.total_seconds():
            return NotStored(why)
        self._failed[inbound_id] = failed + 1
        return NotYet(why, max(PAUSES_S[failed], asked_s))


async def store_photo(bot: Bot, file_id: str, var_dir: Path) -> Stored:
    """Keeps a picture. Raises NotStored for whatever is none; TelegramError and OSError for what may pass."""
    stored = await _store(bot, file_id, "", var_dir, MOST_PHOTO_BYTES, only_photos=True)
    return Stored(stored.kind, stored.path, stored.path)


async def store_file(bot: Bot, file_id: str, name: str, var_dir: Path) -> Stored:
    """Keeps a voice message or a file of up to 20 MB, which is all that Telegram hands to a bot. Raises as above."""
    return await _store(bot, file_id, name, var_dir, MOST_BYTES, only_photos=False)


async def _store(bot: Bot, file_id: str, name: str, var_dir: Path, most: int, *, only_photos: bool) -> Stored:
    try:
        file = await bot.get_file(file_id)
        if (file.file_size or 0) > most:
            raise NotStored(f"{file.file_size} bytes; at most {most}")
        content = bytes(await file.download_as_bytearray())
    except BadRequest as error:
        raise NotStored(error.message) from error
    if only_photos and not attachments.is_picture(content):
        raise NotStored("not a picture of a sensible size")
    try:
        stored = await asyncio.to_thread(attachments.keep, var_dir, content, name)
    except InvalidInput as error:
        raise NotStored(str(error)) from error
    assert not only_photos or stored.kind == PHOTO
    return stored
