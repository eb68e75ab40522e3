from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from rasa.shared.core.events import ActionExecuted, SlotSet, UserUttered
from rasa.shared.exceptions import RasaException
from room import Room, room

from nlu import turns
from nlu.channel import MAX_TEXT_CHARS, TrianInput, plain_text


def play(model: Path | None, script: Callable[[Room], Awaitable[None]], tracker_url: str) -> None:
    async def scene() -> None:
        async with room(model, tracker_url) as stage:
            await script(stage)

    asyncio.run(asyncio.wait_for(scene(), 30))


@pytest.fixture
def tracker_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/deep/tracker.db"


async def _events(stage: Room, conversation_id: str = "100001") -> list[Any]:
    assert stage.agent is not None
    tracker = await stage.agent.tracker_store.retrieve(conversation_id)
    return list(tracker.events) if tracker else []


def _drop_events(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("DROP TABLE events")


def test_a_turn_answers_with_messages_and_intent(model_path: Path, tracker_url: str) -> None:
    async def script(stage: Room) -> None:
        status, body = await stage.ask("1", text="xin chào shop", slots={"form_of_address": "chị", "unknown": 1})
        assert status == 200
        assert body["messages"] == [
            {
                "text": "Dạ em chào chị ạ.",
                "buttons": [{"title": "Bảo hành", "payload": "/warranty"}],
                "image": None,
                "custom": None,
            }
        ]
        assert body["intent"]["name"] == "greet"
        assert 0.4 < body["intent"]["confidence"] <= 1.0
        assert (body["replayed"], body["failed_actions"]) == (False, [])
        assert body["ranking"][0] == body["intent"]
        assert (body["model"], body["answers_form"]) == (model_path.name, False)
        status, body = await stage.ask("2", text="cảm ơn shop nhiều")
        assert [message["text"] for message in body["messages"]] == ["Dạ không có gì ạ.\n\nChúc mình một ngày vui!"]
        assert body["messages"][0]["image"] == "https://example.com/hoa.png"

    play(model_path, script, tracker_url)


def test_actions_see_metadata_turn_id_slots_and_entities(model_path: Path, tracker_url: str) -> None:
    async def script(stage: Room) -> None:
        await stage.ask(
            "77", text="đơn dh000123 tới đâu rồi", metadata={"update_id": 5}, slots={"form_of_address": "bác"}
        )
        (call,) = stage.actions.calls
        assert call["tracker"]["latest_message"]["metadata"] == {"update_id": 5, "turn_id": "77"}
        assert call["tracker"]["slots"]["form_of_address"] == "bác"
        assert call["tracker"]["slots"]["order_code"] == "DH000123"
        assert call["tracker"]["latest_input_channel"] == "trian"

    play(model_path, script, tracker_url)


def test_only_a_payload_is_an_intent(model_path: Path, tracker_url: str) -> None:
    async def script(stage: Room) -> None:
        for n, text in enumerate(["/warranty", " \u200b/ /warranty", "\ufeff//warranty"]):
            status, body = await stage.ask(f"t{n}", text=text)
            assert status == 200
            assert body["intent"]["confidence"] < 1.0
        events = [event for event in await _events(stage) if isinstance(event, UserUttered)]
        assert [event.text for event in events] == ["warranty"] * 3
        status, body = await stage.ask("p", payload='/order_status{"order_code":"DH000009"}')
        assert (status, body["intent"]) == (200, {"name": "order_status", "confidence": 1.0})
        assert stage.actions.calls[-1]["tracker"]["slots"]["order_code"] == "DH000009"

    play(model_path, script, tracker_url)


@pytest.mark.parametrize(
    "text", ["", " ", "/", "👍🏻❤️", "?!?", "\x00\ud83d", "\u200d", "x" * MAX_TEXT_CHARS, "{" * 100]
)
def test_odd_text_gets_an_answer(model_path: Path, tracker_url: str, text: str) -> None:
    async def script(stage: Room) -> None:
        status, body = await stage.ask("1", text=text)
        assert status == 200
        assert len(body["messages"]) == 1
        status, body = await stage.ask("2", text="cảm ơn shop")
        assert body["intent"]["name"] == "thank"

    play(model_path, script, tracker_url)


def test_wordless_text_is_not_understood(model_path: Path, tracker_url: str) -> None:
    async def script(stage: Room) -> None:
        _, body = await stage.ask("1", text=" / ")
        assert body["intent"]["name"] == "nlu_fallback"
        assert body["messages"][0]["text"] == "Dạ em chưa hiểu ý mình ạ."

    play(model_path, script, tracker_url)


def test_a_turn_asked_twice_is_run_once(model_path: Path, tracker_url: str) -> None:
    async def script(stage: Room) -> None:
        first = await stage.ask("1", text="bảo hành ở đâu vậy")
        before = len(await _events(stage))
        second = await stage.ask("1", text="bảo hành ở đâu vậy")
        assert second == (200, {**first[1], "replayed": True})
        assert len(stage.actions.calls) == 1
        assert len(await _events(stage)) == before
        await stage.ask("2", text="cảm ơn shop")
        assert (await stage.ask("1", text="bảo hành ở đâu vậy"))[1] == second[1], "an older turn is known too"
        assert (await stage.ask("1", "100002", text="xin chào shop"))[1]["replayed"] is False

    play(model_path, script, tracker_url)


def test_two_askers_at_once_run_a_turn_once(model_path: Path, tracker_url: str) -> None:
    async def script(stage: Room) -> None:
        stage.actions.delay_s = 0.2
        answers = await asyncio.gather(*(stage.ask("1", text="bảo hành ở đâu vậy") for _ in range(3)))
        assert sorted(body["replayed"] for _, body in answers) == [False, True, True]
        assert len(stage.actions.calls) == 1

    play(model_path, script, tracker_url)


def test_a_turn_known_after_a_restart(model_path: Path, tracker_url: str) -> None:
    answers: list[dict[str, Any]] = []

    async def script(stage: Room) -> None:
        answers.append((await stage.ask("1", text="xin chào shop"))[1])

    play(model_path, script, tracker_url)
    play(model_path, script, tracker_url)
    assert answers[1] == {**answers[0], "replayed": True}


def test_a_half_done_turn_is_taken_back_and_run_again(model_path: Path, tracker_url: str) -> None:
    async def script(stage: Room) -> None:
        await stage.ask("1", text="xin chào shop", slots={"form_of_address": "cô"})
        assert stage.agent is not None
        tracker = await stage.agent.tracker_store.retrieve("100001")
        assert tracker is not None
        tracker.update(UserUttered("bảo hành", {"name": "warranty"}, metadata={"turn_id": "2"}))
        tracker.update(SlotSet("order_code", "DH1"))
        tracker.update(ActionExecuted("action_warranty"))
        await stage.agent.tracker_store.save(tracker)
        status, body = await stage.ask("2", text="bảo hành ở đâu vậy")
        assert (status, body["replayed"], len(body["messages"])) == (200, False, 1)
        assert stage.actions.calls[-1]["tracker"]["slots"] == {
            **stage.actions.calls[-1]["tracker"]["slots"],
            "form_of_address": "cô",
            "order_code": None,
        }
        said = (await stage.agent.tracker_store.retrieve("100001")).applied_events()  # type: ignore[union-attr]
        assert [event.text for event in said if isinstance(event, UserUttered)] == [
            "xin chào shop",
            "bảo hành ở đâu vậy",
        ]
        assert (await stage.ask("2", text="bảo hành ở đâu vậy"))[1]["replayed"] is True

    play(model_path, script, tracker_url)


def test_a_failed_action_without_an_answer_is_an_error_and_leaves_nothing(model_path: Path, tracker_url: str) -> None:
    async def script(stage: Room) -> None:
        await stage.ask("0", text="xin chào shop")
        before = await _events(stage)
        stage.actions.status = 500
        status, body = await stage.ask("1", text="bảo hành ở đâu vậy")
        assert (status, body) == (502, {"error": "action_failed", "failed_actions": ["action_warranty"]})
        assert await _events(stage) == before
        stage.actions.status = 200
        status, body = await stage.ask("1", text="bảo hành ở đâu vậy")
        assert (status, body["replayed"], body["messages"][0]["text"]) == (200, False, "Dạ còn bảo hành ạ.")

    play(model_path, script, tracker_url)


def test_a_failed_action_after_an_answer_is_named(model_path: Path, tracker_url: str) -> None:
    async def script(stage: Room) -> None:
        stage.actions.status = 500
        status, body = await stage.ask("1", text="đơn hàng của mình tới đâu rồi", slots={"form_of_address": "anh"})
        assert (status, body["failed_actions"]) == (200, ["action_order_status"])
        assert [message["text"] for message in body["messages"]] == ["Dạ em chào anh ạ."]

    play(model_path, script, tracker_url)


def test_an_action_that_hangs_or_does_not_answer_fails(
    model_path: Path, tracker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "ACTION_TIMEOUT_S", 0.2)

    async def script(stage: Room) -> None:
        stage.actions.delay_s = 1.0
        assert (await stage.ask("1", text="bảo hành ở đâu vậy"))[0] == 502
        assert stage.agent is not None
        assert stage.agent.action_endpoint is not None
        stage.agent.action_endpoint.url = "http://127.0.0.1:9/webhook"
        assert (await stage.ask("1", text="bảo hành ở đâu vậy"))[0] == 502

    play(model_path, script, tracker_url)


def test_a_broken_tracker_store_is_an_error_not_silence(model_path: Path, tmp_path: Path) -> None:
    async def script(stage: Room) -> None:
        assert (await stage.ask("1", text="xin chào shop"))[0] == 200
        _drop_events(tmp_path / "broken.db")
        assert await stage.ask("2", text="xin chào shop") == (500, {"error": "internal"})

    play(model_path, script, f"sqlite:///{tmp_path}/broken.db")


def test_requests_that_are_refused(model_path: Path, tracker_url: str) -> None:
    good = {"conversation_id": "100001", "turn_id": "1", "text": "xin chào shop"}
    refused: list[tuple[int, Any]] = [
        (400, b"{"),
        (400, []),
        (400, {**good, "conversation_id": ""}),
        (400, {**good, "turn_id": 5}),
        (400, {**good, "turn_id": "a\nb"}),
        (400, {**good, "conversation_id": "1" * 256}),
        (400, {**good, "text": None}),
        (400, {**good, "text": 5}),
        (400, {**good, "payload": "/greet"}),
        (400, {**good, "text": None, "payload": "greet"}),
        (400, {**good, "text": None, "payload": "/greet{"}),
        (400, {**good, "text": None, "payload": "/greet[1]"}),
        (400, {**good, "text": None, "payload": "/nothing_we_know"}),
        (400, {**good, "slots": [1]}),
        (400, {**good, "metadata": "x"}),
        (413, {**good, "text": "x" * (MAX_TEXT_CHARS + 1)}),
    ]

    async def script(stage: Room) -> None:
        json_type = {"Content-Type": "application/json"}
        for status, body in refused:
            headers = json_type if isinstance(body, bytes) else {}
            answer = await stage.post(body, headers=headers)
            assert (answer[0], list(answer[1])) == (status, ["error"]), body
        for secret in ("", "thu-mat", "thư-mật "):
            assert (await stage.post(good, secret=secret))[0] in ({401} if secret.strip() != "thư-mật" else {200, 401})
        assert (await stage.post("text=x"))[0] == 415
        assert (await stage.post("x", secret="wrong"))[0] == 401, "a stranger learns nothing about the form"
        assert (await stage.post(b"x" * 300_000, headers=json_type))[0] == 413

    play(model_path, script, tracker_url)


def test_health_with_and_without_a_model(model_path: Path, tracker_url: str) -> None:
    async def healthy(stage: Room) -> None:
        assert await stage.health() == (
            200,
            {
                "status": "ok",
                "model": "trian-0123456789ab.tar.gz",
                "fingerprint": "0123456789ab",
                "refused_model": None,
            },
        )

    async def modelless(stage: Room) -> None:
        assert await stage.health() == (503, {"error": "no_model"})
        assert await stage.ask("1", text="chào") == (503, {"error": "no_model"})

    play(model_path, healthy, tracker_url)
    play(None, modelless, tracker_url)


@pytest.mark.parametrize(
    "credentials", [None, {}, {"secret": ""}, {"secret": "  "}, {"secret": "${TRIAN_SHARED_SECRET}"}]
)
def test_no_secret_no_start(credentials: dict[str, Any] | None) -> None:
    with pytest.raises(RasaException, match="TRIAN_SHARED_SECRET"):
        TrianInput.from_credentials(credentials)


def test_plain_text_keeps_what_was_meant() -> None:
    assert plain_text("/\u200b/ đo\u031b\u0300i 1/2 👨‍👩‍👧\x00 ") == "đời 1/2 👨‍👩‍👧"
