"""The plain way, as python-telegram-bot's own examples show it: `python -m bench.messaging_plain answer|send …`.

`answer` polls, asks the understanding in a handler and replies directly. `send` writes one text to many chats, one call
after the other or some at once, with or without AIORateLimiter; it says that it is ready and waits for a line first.
"""

import argparse
import asyncio
import json
import logging
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
from telegram import Bot, Update
from telegram.error import TelegramError
from telegram.ext import AIORateLimiter, Application, ContextTypes, ExtBot, MessageHandler, filters

TIMEOUT_S = 9.0


def main() -> None:
    """Runs what the command line says: `answer` until SIGTERM, `send` until all is sent."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    chosen = _arguments()
    if chosen.what == "answer":
        _answer(chosen)
    else:
        print(json.dumps(asyncio.run(_send(chosen))))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("answer", "send"))
    parser.add_argument("--token", required=True)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--understanding", help="base URL")
    parser.add_argument("--secret", default="")
    parser.add_argument("--people", type=Path, help="JSON: what the understanding is told of each chat")
    parser.add_argument("--concurrent", action="store_true", help="handle several updates at once, in any order")
    parser.add_argument("--text", default="")
    parser.add_argument("--first-chat", type=int)
    parser.add_argument("--count", type=int)
    parser.add_argument("--together", type=int, default=1, help="calls at once")
    parser.add_argument("--rate", type=float, default=0, help="messages a second of AIORateLimiter, 0: without it")
    return parser.parse_args()


def _answer(chosen: argparse.Namespace) -> None:
    people: dict[str, Any] = json.loads(chosen.people.read_text(encoding="utf-8")) if chosen.people else {}
    client = httpx.AsyncClient(headers={"X-Trian-Secret": chosen.secret}, timeout=TIMEOUT_S)

    async def reply(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        message = update.effective_message
        assert message is not None
        known = people.get(str(message.chat_id), {"conversation_id": f"plain-{message.chat_id}"})
        # Two such bots share one understanding, and "Telegram" numbers the updates of each from one on.
        metadata = {**known.get("metadata", {}), "turn_id": f"plain-{context.bot.id}-{update.update_id}"}
        question = {**known, "metadata": metadata, "turn_id": metadata["turn_id"], "text": message.text}
        answer = await client.post(f"{chosen.understanding}/webhooks/trian/turn", json=question)
        answer.raise_for_status()
        for said in answer.json()["messages"]:
            if said.get("text"):
                await context.bot.send_message(message.chat_id, said["text"])

    builder = Application.builder().token(chosen.token).base_url(chosen.base_url)
    application = builder.concurrent_updates(chosen.concurrent).build()
    application.add_handler(MessageHandler(filters.TEXT, reply))
    application.run_polling()


async def _send(chosen: argparse.Namespace) -> dict[str, Any]:
    """Sends to all chats; returns how many calls failed, by error."""
    waiting = iter(range(chosen.first_chat, chosen.first_chat + chosen.count))
    failed: Counter[str] = Counter()
    async with _bot(chosen) as bot:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)

        async def some() -> None:
            for chat in waiting:
                try:
                    await bot.send_message(chat, chosen.text)
                except TelegramError as error:
                    failed[type(error).__name__] += 1

        await asyncio.gather(*(some() for _ in range(chosen.together)))
    return {"failed": dict(failed)}


def _bot(chosen: argparse.Namespace) -> Bot:
    if not chosen.rate:
        return Bot(chosen.token, base_url=chosen.base_url)
    limiter = AIORateLimiter(overall_max_rate=chosen.rate, overall_time_period=1)
    return ExtBot(chosen.token, base_url=chosen.base_url, rate_limiter=limiter)


if __name__ == "__main__":
    main()
