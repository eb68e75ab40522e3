from sqlalchemy.orm import Session

from crm import inbound
from crm.inbound import Arrival


def arrivals(*numbers: tuple[int, int]) -> list[Arrival]:
    return [Arrival(update_id, chat_id, {"update_id": update_id}) for update_id, chat_id in numbers]


def test_a_repeated_update_is_one_row_even_when_numbers_begin_again_low(session: Session) -> None:
    assert inbound.store(session, 7, arrivals((900, 1), (901, 1))) == 2
    assert inbound.store(session, 7, arrivals((901, 1), (12, 1))) == 1
    assert inbound.store(session, 8, arrivals((900, 1))) == 1


def test_each_idle_chat_offers_its_oldest_update(session: Session) -> None:
    inbound.store(session, 7, arrivals((3, 1), (1, 1), (2, 2), (4, 3)))
    heads = inbound.heads(session, 7, busy_chats=[3], limit=10)
    assert sorted((row.chat_id, row.update_id) for row in heads) == [(1, 1), (2, 2)]


def test_an_update_is_finished_once(session: Session) -> None:
    inbound.store(session, 7, arrivals((1, 1)))
    (row,) = inbound.heads(session, 7, [], 1)
    assert inbound.finish(session, row.id)
    assert not inbound.finish(session, row.id)
    assert inbound.heads(session, 7, [], 1) == []


def test_an_update_that_keeps_failing_becomes_a_dead_letter(session: Session) -> None:
    inbound.store(session, 7, arrivals((1, 1), (2, 1)))
    (row,) = inbound.heads(session, 7, [], 1)
    assert [inbound.fail(session, row.id, "boom") for _ in range(3)] == [False, False, True]
    session.flush()
    assert [head.update_id for head in inbound.heads(session, 7, [], 1)] == [2]
