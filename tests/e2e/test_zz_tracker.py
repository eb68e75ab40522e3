"""After all other end-to-end tests: what Rasa kept of their conversations."""

import json
import sqlite3
from contextlib import closing

import pytest

from operations.sandbox import Sandbox
from tests.e2e.people import newcomer, play

pytestmark = pytest.mark.e2e


def test_no_turn_of_the_whole_run_was_rewound(system: Sandbox) -> None:
    person = newcomer(system, 990_001)
    play(system, person, "> máy giặt không vắt được", "giúp được", "[Có]", "(vui rồi|tốt quá)", "> ừ", "Dạ")
    with closing(sqlite3.connect(f"file:{system.var}/tracker.db?mode=ro", uri=True)) as kept:
        rows = kept.execute("SELECT sender_id, data FROM events ORDER BY id").fetchall()
    events = [(sender, json.loads(data)) for sender, data in rows]
    assert any(event.get("name") == "action_mark_helpful" for _, event in events)
    rewound = [
        (sender, event)
        for sender, event in events
        if event.get("event") == "rewind" or event.get("name") == "action_default_fallback"
    ]
    assert not rewound
