"""Scripted customers: each plays a conversation against the running product, through the simulator."""

from typing import Any

from operations.sandbox import Sandbox

PATIENCE_S = 20


def play(system: Sandbox, user_id: int, *lines: str) -> list[str]:
    """Plays the lines and returns what the assistant said. Fails with the whole transcript.

    A line `> text` says text, `[title]` presses the button with that title, `/photo` sends a photo, and any other line
    is a regular expression that one of the assistant's next messages must match.
    """
    played = system.control("script", {"user_id": user_id, "steps": [_step(line) for line in lines]})
    transcript = "\n".join(f"{said['from']:>5} | {said['text']} {said['buttons']}" for said in played["transcript"])
    assert played["ok"], f"step {played['failed_step']}: {played['reason']}\n{transcript}"
    return [str(said["text"]) for said in played["transcript"] if said["from"] == "bot"]


def newcomer(system: Sandbox, user_id: int, first_name: str = "Thảo") -> int:
    """Adds a person who is not in the CRM yet."""
    system.control("users", {"id": user_id, "first_name": first_name})
    return user_id


def _step(line: str) -> dict[str, Any]:
    if line.startswith("> "):
        return {"say": line[2:]}
    if line.startswith("["):
        return {"press": line.strip("[]"), "timeout_s": PATIENCE_S}
    if line == "/photo":
        return {"photo": "ảnh"}
    if line.startswith("/start"):
        return {"start": line[7:]}
    return {"expect": line, "timeout_s": PATIENCE_S}
