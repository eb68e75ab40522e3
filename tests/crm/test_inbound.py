from collections.abc import Collection
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import update
from sqlalchemy.orm import Session

from crm import clock, inbound, workers
from crm.errors import LeaseLost
from crm.inbound import Arrival
from crm.models.messaging import Inbound, Lease
from crm.settings import Settings, settings

BOT = settings().bot_id


def arrivals(*numbers: tuple[int, int]) -> list[Arrival]:
    return [Arrival(update_id, chat_id, {"update_id": update_id}) for update_id, chat_id in numbers]


def enlist(session: Session, owner: str) -> int:
    fence = workers.enlist(session, BOT, owner, 15)
    assert fence is not None
    return fence


def claim(session: Session, fence: int, at_work: Collection[int] = (), **changes: object) -> list[Inbound]:
    return inbound.claim(session, settings().model_copy(update=changes), fence, 10, at_work)


def numbers(rows: list[Inbound]) -> list[int]:
    return [row.update_id for row in rows]


def test_a_repeated_update_is_one_row_even_when_numbers_begin_again_low(session: Session) -> None:
    assert inbound.store(session, 7, arrivals((900, 1), (901, 1))) == {900, 901}
    assert inbound.store(session, 7, arrivals((901, 1), (12, 1))) == {12}
    assert inbound.store(session, 8, arrivals((900, 1))) == {900}


def test_each_open_chat_gives_its_oldest_update_and_is_closed_until_that_is_done(session: Session) -> None:
    one, other = enlist(session, "a"), enlist(session, "b")
    inbound.store(session, BOT, arrivals((3, 1), (1, 1), (2, 2), (4, 3)))
    mine = claim(session, one)
    assert numbers(mine) == [1, 2, 4]
    assert claim(session, other) == []
    inbound.store(session, BOT, arrivals((0, 1)))
    assert claim(session, other) == []
    assert inbound.finish(session, mine[0].id, one)
    session.flush()
    assert numbers(claim(session, other)) == [0]


def test_an_update_is_finished_once_and_only_by_whose_it_is(session: Session) -> None:
    one, other = enlist(session, "a"), enlist(session, "b")
    inbound.store(session, BOT, arrivals((1, 1)))
    (row,) = claim(session, one)
    with pytest.raises(LeaseLost):
        inbound.check(session, row.id, other)
    assert not inbound.finish(session, row.id, other)
    assert not inbound.fail(session, row.id, "late", other)
    assert inbound.finish(session, row.id, one)
    assert not inbound.finish(session, row.id, one)
    assert claim(session, one) == []


def test_what_a_dead_worker_had_in_hand_is_free_and_its_late_write_is_refused(session: Session) -> None:
    one, other = enlist(session, "a"), enlist(session, "b")
    inbound.store(session, BOT, arrivals((1, 1)))
    (row,) = claim(session, one)
    long_ago = clock.now() - timedelta(days=1)
    session.execute(update(Lease).where(Lease.name == f"worker:{BOT}:{one}").values(expires_at=long_ago))
    assert not inbound.is_any_waiting(session, BOT, other, [])
    assert workers.bury(session, BOT) == {one}
    assert inbound.is_any_waiting(session, BOT, other, [])
    assert numbers(claim(session, other)) == [1]
    assert not inbound.finish(session, row.id, one)


def test_a_worker_gives_back_what_it_does_not_work_on(session: Session) -> None:
    one = enlist(session, "a")
    inbound.store(session, BOT, arrivals((1, 1), (2, 2)))
    rows = claim(session, one)
    at_work = [rows[0].id]
    assert inbound.is_any_waiting(session, BOT, one, at_work)
    assert numbers(claim(session, one, at_work)) == [2]
    assert not inbound.is_any_waiting(session, BOT, one, [row.id for row in rows])


def test_an_update_that_keeps_failing_becomes_a_dead_letter(session: Session) -> None:
    one = enlist(session, "a")
    inbound.store(session, BOT, arrivals((1, 1), (2, 1)))
    (row,) = claim(session, one)
    assert [inbound.fail(session, row.id, "boom", one) for _ in range(3)] == [False, False, True]
    session.flush()
    assert numbers(claim(session, one)) == [2]


def test_a_webhooks_update_waits_for_its_neighbours_that_may_still_be_on_their_way(session: Session) -> None:
    one = enlist(session, "a")
    with time_machine.travel("2026-11-24T05:00:00Z", tick=False) as traveller:
        inbound.store(session, BOT, arrivals((10, 1)))
        traveller.shift(5)
        inbound.store(session, BOT, arrivals((13, 1), (14, 2)))
        assert numbers(claim(session, one, telegram_mode="webhook")) == [10]
        inbound.store(session, BOT, arrivals((11, 2), (12, 1)))
        inbound.finish(session, next(row.id for row in session.query(Inbound).filter_by(update_id=10)))
        session.flush()
        assert numbers(claim(session, one, telegram_mode="webhook")) == [11, 12]
        inbound.store(session, BOT, arrivals((20, 3)))
        assert claim(session, one, telegram_mode="webhook", at_work=[1, 2, 3, 4, 5]) == []
        traveller.shift(1.1)
        assert numbers(claim(session, one, telegram_mode="webhook", at_work=[1, 2, 3, 4, 5])) == [20]


def handle(session: Session, chosen: Settings, fence: int) -> list[int]:
    """Handles what there is until nothing is given out any more; returns the chats in that order."""
    handled = []
    while rows := inbound.claim(session, chosen, fence, 10, []):
        for row in rows:
            inbound.finish(session, row.id, fence)
            handled.append(row.chat_id)
        session.flush()
    return handled


def test_who_writes_very_much_is_slowed_and_nobody_else_is(session: Session) -> None:
    one = enlist(session, "a")
    chosen = settings().model_copy(update={"flood_limit": 15})
    with time_machine.travel("2026-11-24T05:00:00Z", tick=False) as traveller:
        inbound.store(session, BOT, arrivals(*((number, 1) for number in range(50)), (60, 2), (61, 2)))
        handled = handle(session, chosen, one)
        assert (handled.count(1), handled.count(2)) == (15, 2)
        assert inbound.floods(session, chosen) == [1]
        for _ in range(3):
            traveller.shift(10.1)
            handled += handle(session, chosen, one)
        assert handled.count(1) == 50
        assert inbound.floods(session, chosen) == []


def test_a_new_numbering_by_webhook_is_not_taken_for_complete(session: Session) -> None:
    one = enlist(session, "a")
    chosen = settings().model_copy(update={"telegram_mode": "webhook", "flood_limit": 0})
    with time_machine.travel("2026-11-24T05:00:00Z", tick=False) as traveller:
        inbound.store(session, BOT, arrivals((2_000_000_000, 1), (2_000_000_001, 1)))
        assert handle(session, chosen, one) == []
        traveller.shift(timedelta(days=8))
        assert handle(session, chosen, one) == [1, 1]
        inbound.store(session, BOT, arrivals((101, 7)))
        assert claim(session, one, telegram_mode="webhook") == []
        inbound.store(session, BOT, arrivals((100, 7)))
        assert claim(session, one, telegram_mode="webhook") == []
        traveller.shift(1.1)
        (first,) = claim(session, one, telegram_mode="webhook")
        inbound.finish(session, first.id, one)
        session.flush()
        inbound.store(session, BOT, arrivals((103, 8), (102, 9), (105, 10)))
        both = claim(session, one, telegram_mode="webhook")
        assert (first.update_id, numbers(both)) == (100, [101, 102, 103])
