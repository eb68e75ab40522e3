"""The methods about the bot itself: who it is, its commands, its files, a chat's particulars."""

from __future__ import annotations

from typing import Any

from simulator.errors import bad_request
from simulator.methods import Method, find_chat
from simulator.params import Params
from simulator.state import Bot, World
from simulator.updates import delete_webhook, set_webhook, webhook_info

Json = dict[str, Any]
MAX_DOWNLOAD_BYTES = 20 * 1024 * 1024


def get_me(world: World, bot: Bot, params: Params) -> Json:
    can = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
    return bot.as_user() | can | {"can_connect_to_business": False, "has_main_web_app": False}


def set_my_commands(world: World, bot: Bot, params: Params) -> bool:
    """One list a bot: scopes and languages are accepted and not told apart."""
    commands: list[Json] = params.json("commands", list) or []
    for command in commands:
        name = str(command.get("command", "")).removeprefix("/")
        if not (1 <= len(name) <= 32 and name.isascii() and name.replace("_", "a").isalnum() and name == name.lower()):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(str(command.get("description", ""))) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
        command["command"] = name
    bot.commands = commands
    world.changed({"type": "reload"})
    return True


def delete_my_commands(world: World, bot: Bot, params: Params) -> bool:
    bot.commands = []
    world.changed({"type": "reload"})
    return True


def get_my_commands(world: World, bot: Bot, params: Params) -> list[Json]:
    return bot.commands


def set_my_name(world: World, bot: Bot, params: Params) -> bool:
    bot.name = params.text("name") or world.bot_name
    world.changed({"type": "reload"})
    return True


def get_my_name(world: World, bot: Bot, params: Params) -> Json:
    return {"name": bot.name}


def get_chat(world: World, bot: Bot, params: Params) -> Json:
    person, _ = find_chat(world, bot, params)
    gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
    more = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": dict.fromkeys(gifts, False)}
    return person.as_chat() | more


def get_file(world: World, bot: Bot, params: Params) -> Json:
    file = world.files.get(params.text("file_id") or "")
    if file is None:
        raise bad_request("invalid file_id")
    if len(file.data) > MAX_DOWNLOAD_BYTES:
        raise bad_request("file is too big")
    return {"file_id": file.id, "file_unique_id": file.id[:12], "file_size": len(file.data), "file_path": file.path}


# By their names in lower case; Telegram does not look at the case either.
ABOUT: dict[str, Method] = {
    "getme": get_me,
    "setmycommands": set_my_commands,
    "deletemycommands": delete_my_commands,
    "getmycommands": get_my_commands,
    "setmyname": set_my_name,
    "getmyname": get_my_name,
    "getchat": get_chat,
    "getfile": get_file,
    "setwebhook": set_webhook,
    "deletewebhook": delete_webhook,
    "getwebhookinfo": webhook_info,
}
