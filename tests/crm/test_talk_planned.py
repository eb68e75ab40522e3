"""Replies that are written now and sent later: each goes out once at its time, or is called off for a reason."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from sqlalchemy.orm import Session

from crm import clock, escalations, scheduled_replies, staff_admin, staff_notices, threads
from crm.canned import Holes
from crm.db import Database
from crm.errors import AlreadyHeld, IllegalTransition, InvalidInput
from crm.models.conversations import Author
from crm.models.service import NoticeKind
from crm.models.staff import Role
from crm.models.talk import CancelReason, ReplyState, ScheduledReply
from tests.crm import factories
from tests.crm.talks import HOUR, NOON, held, says, sent


def test_a_planned_reply_goes_out_once_at_its_time(session: Session) -> None:
    with time_machine.travel(NOON, tick=False) as traveller:
        talk, lan, _call = held(session)
        planned = scheduled_replies.plan(session, talk.id, lan, "Dạ máy sửa xong rồi ạ", clock.now() + HOUR)
        assert not scheduled_replies.is_any_due(session, clock.now())
        assert scheduled_replies.settle(session, clock.now()) == 0
        traveller.shift(HOUR)
        assert scheduled_replies.is_any_due(session, clock.now())
        assert scheduled_replies.settle(session, clock.now()) == 1
        assert scheduled_replies.settle(session, clock.now()) == 0
        assert planned.state is ReplyState.SENT
        assert sent(session)[-1] == "Dạ máy sửa xong rồi ạ"
        line = threads.latest(session, talk.id)[-1]
        assert (line.author, line.staff_name) == (Author.STAFF, "Lan")
        with pytest.raises(IllegalTransition):
            scheduled_replies.cancel(session, planned.id, lan)


def test_a_planned_reply_is_called_off_when_the_customer_writes_or_the_hold_ends(session: Session) -> None:
    with time_machine.travel(NOON, tick=False):
        talk, lan, call = held(session)
        overtaken = scheduled_replies.plan(session, talk.id, lan, "Dạ em nhắc lại", clock.now() + HOUR)
        firm = scheduled_replies.plan(session, talk.id, lan, "Dù sao", clock.now() + HOUR, if_quiet=False)
        says(session, talk, "thôi em ơi")
        before = sent(session)
        assert scheduled_replies.settle(session, clock.now()) == 1
        assert (overtaken.state, overtaken.reason) == (ReplyState.CANCELLED, CancelReason.CUSTOMER_WROTE)
        assert firm.state is ReplyState.WAITING
        [told] = staff_notices.latest(session, lan.id)
        assert told.kind is NoticeKind.REPLY_OVERTAKEN
        later = scheduled_replies.plan(session, talk.id, lan, "Mai em gọi", clock.now() + HOUR)
        assert sent(session) == before
        escalations.hand_back(session, call.id, lan)
        assert scheduled_replies.settle(session, clock.now()) == 1
        assert later.reason is CancelReason.HOLD_ENDED
        assert "Mai em gọi" not in sent(session)
    with time_machine.travel("2026-11-24 06:00:00", tick=False):
        assert scheduled_replies.settle(session, clock.now()) == 1
        assert (firm.state, sent(session)[-1]) == (ReplyState.SENT, "Dù sao")


@pytest.mark.parametrize("role", [None, Role.MARKETING])
@pytest.mark.parametrize("if_quiet", [True, False])
def test_nothing_goes_out_for_somebody_who_looks_after_customers_no_more(
    session: Session, role: Role | None, if_quiet: bool
) -> None:
    quan, lead = factories.agent(session, "quan", Role.ADMIN), factories.agent(session, "mai", Role.LEAD)
    with time_machine.travel(NOON, tick=False):
        talk, lan, _call = held(session)
        planned = scheduled_replies.plan(
            session, talk.id, lan, "Mai em gọi", clock.now() + timedelta(days=80), if_quiet=if_quiet
        )
        if role is None:
            staff_admin.disable(session, quan, lan.id)
        else:
            staff_admin.change_role(session, quan, lan.id, role)
        assert scheduled_replies.is_any_due(session, clock.now()), "there is time to write it anew"
        assert scheduled_replies.settle(session, clock.now()) == 1
        assert (planned.state, planned.reason) == (ReplyState.CANCELLED, CancelReason.HOLD_ENDED)
        assert "Mai em gọi" not in sent(session)
        assert NoticeKind.REPLY_UNHELD in {notice.kind for notice in staff_notices.latest(session, lead.id)}
        assert NoticeKind.REPLY_UNHELD not in {notice.kind for notice in staff_notices.latest(session, lan.id)}


def test_a_planned_reply_is_rewritten_by_its_writer_only(session: Session) -> None:
    with time_machine.travel(NOON, tick=False):
        talk, lan, _call = held(session)
        hoa = factories.agent(session, "hoa")
        planned = scheduled_replies.plan(session, talk.id, lan, "Một", clock.now() + HOUR)
        says(session, talk, "khi nào xong?")
        scheduled_replies.change(session, planned.id, lan, "Hai", clock.now() + 2 * HOUR, if_quiet=True)
        assert scheduled_replies.settle(session, clock.now() + HOUR) == 0  # its writer knows what the customer said
        for refused in (
            lambda: scheduled_replies.change(session, planned.id, hoa, "Ba", clock.now() + HOUR, if_quiet=True),
            lambda: scheduled_replies.cancel(session, planned.id, hoa),
            lambda: scheduled_replies.plan(session, talk.id, hoa, "Bốn", clock.now() + HOUR),
        ):
            with pytest.raises(AlreadyHeld):
                refused()
        for words, at in (("", clock.now() + HOUR), ("x", clock.now()), ("x", clock.now() + timedelta(days=91))):
            with pytest.raises(InvalidInput):
                scheduled_replies.plan(session, talk.id, lan, words, at)
        with pytest.raises(Holes):
            scheduled_replies.plan(session, talk.id, lan, "Khiếu nại {case}", clock.now() + HOUR)
        scheduled_replies.cancel(session, planned.id, lan)
        assert scheduled_replies.waiting(session, talk.id) == []
        assert session.get_one(ScheduledReply, planned.id).reason is CancelReason.BY_STAFF


def test_after_a_restore_no_planned_reply_goes_out_by_itself(session: Session) -> None:
    talk, lan, _call = held(session)
    planned = scheduled_replies.plan(session, talk.id, lan, "Mai em gọi", clock.now() + HOUR)
    assert scheduled_replies.cancel_all(session, CancelReason.RESTORED) == 1
    session.flush()
    assert (planned.state, planned.reason) == (ReplyState.CANCELLED, CancelReason.RESTORED)
    assert scheduled_replies.settle(session, clock.now() + 2 * HOUR) == 0


def test_two_schedulers_at_once_send_it_once(database: Database) -> None:
    with database.begin() as session:
        talk, lan, _call = held(session)
        planned = scheduled_replies.plan(session, talk.id, lan, "Mai em gọi", clock.now() + HOUR)
    both = Barrier(2)

    def settle() -> int:
        both.wait()
        with database.begin() as session:
            return scheduled_replies.settle(session, clock.now() + 2 * HOUR)

    with ThreadPoolExecutor(2) as pool:
        done = sum(each.result() for each in [pool.submit(settle), pool.submit(settle)])
    with database.read() as session:
        assert done == 1
        assert sent(session) == ["Mai em gọi"]
        assert session.get_one(ScheduledReply, planned.id).state is ReplyState.SENT
