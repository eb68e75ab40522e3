"""`python -m simulator`: starts the stand-in for Telegram."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path

from simulator.app import Server, add_people
from simulator.state import World
from simulator.storage import StateFile


def read_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="A stand-in for Telegram.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=int(os.environ.get("TRIAN_SIMULATOR_PORT") or 8081))
    parser.add_argument("--token", help="serve this bot only; every other token is Unauthorized")
    parser.add_argument("--bot-name", default="Bot", help="the name shown until the bot calls setMyName")
    parser.add_argument("--state", type=Path, help="a JSON file in which chats and pending updates survive a restart")
    parser.add_argument("--people", type=Path, help="a JSON list of people to start with, when there is nobody yet")
    parser.add_argument("--rate-limits", action="store_true", help="enforce 30 messages a second, 1 a second a chat")
    parser.add_argument("--callback-ttl-s", type=float, default=300.0, help="how long a pressed button can be answered")
    return parser.parse_args(arguments)


def port_is_taken(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def main(arguments: list[str] | None = None) -> int:
    chosen = read_arguments(arguments)
    if port_is_taken(chosen.host, chosen.port):
        print(f"Cannot listen on {chosen.host}:{chosen.port}: choose another port with --port.", file=sys.stderr)
        return 1
    world = World(chosen.token, chosen.bot_name, chosen.rate_limits)
    world.callback_ttl_s = chosen.callback_ttl_s
    state_file = StateFile(world, chosen.state) if chosen.state else None
    if state_file:
        state_file.read()
    if chosen.people:
        add_people(world, chosen.people)
    print(f"Telegram simulator: chat page on http://{chosen.host}:{chosen.port}/", flush=True)
    Server(world, chosen.host, chosen.port, state_file).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
