"""Notes, ready answers, planned replies, sending again, typing: what staff do beside answering."""

from datetime import datetime

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import (
    canned,
    changes,
    clock,
    consents,
    contact_policy,
    dispatch,
    escalations,
    notes,
    outbox,
    reads,
    resending,
    scheduled_replies,
    staff_notices,
    text,
    threads,
    typing_state,
)
from crm.canned import Holes
from crm.contact_policy import Refusal
from crm.dispatch import Outcome, Report
from crm.errors import AlreadyHeld, IllegalTransition, InvalidInput, NotFound, PermissionDenied
from crm.models.conversations import BackReason, Conversation
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import AuditEntry, Purpose
from crm.models.service import NoticeKind
from crm.models.staff import Role
from crm.outbox import Button, Content
from crm.settings import settings
from tests.crm import factories
from tests.crm.talks import HOUR, NOON, held, says, sent


def test_a_note_reaches_colleagues_by_name_and_never_the_customer(session: Session) -> None:
    talk, lan, _call = held(session)
    hoa, minh = factories.agent(session, "hoa"), factories.agent(session, "minh", Role.MARKETING)
    hoa.name = "Trần Thị Hoà"
    before = sent(session)
    note = notes.write(session, talk.id, lan, "Nhờ @Hoà xem giúp, @minh với @lan nữa")
    assert sent(session) == before
    assert reads.mentioned(session, hoa.id, 10) == {talk.id}
    [told] = staff_notices.latest(session, hoa.id)
    assert (told.kind, told.target) == (NoticeKind.MENTION, f"/conversations/{talk.id}")
    assert staff_notices.latest(session, minh.id) == []  # does not work at conversations
    assert staff_notices.latest(session, lan.id) == []
    assert [each.text for each in notes.later(session, talk.id, note.id - 1)] == [note.text]
    reads.seen(session, talk.id, hoa.id)
    assert reads.mentioned(session, hoa.id, 10) == set()
    with pytest.raises(InvalidInput):
        notes.write(session, talk.id, lan, "   ")
    with pytest.raises(NotFound):
        notes.write(session, 999, lan, "x")


def test_a_ready_answer_is_found_without_accents_and_filled_for_the_customer(session: Session) -> None:
    talk, lan, _call = held(session)
    lead = factories.agent(session, "quan", Role.LEAD)
    mine = canned.save(session, lan, "Xin lỗi", "Dạ em {agent} xin lỗi {address} {name}", shared=False)
    case = canned.save(session, lead, "Đang xử lý", "{Address} ơi, {case} em đang theo, đơn {order}", shared=True)
    assert canned.found(canned.of(session, lan), "xu ly dang") == [case]
    assert canned.found(canned.of(session, lan), "xin loi em") == [mine]
    assert set(canned.of(session, lead)) == {case}  # lan's own is hers
    assert canned.fill(session, mine.id, talk, lan).text == "Dạ em Lan xin lỗi chị Hạnh"
    filled = canned.fill(session, case.id, talk, lan)
    assert filled.missing == ("case", "order")
    with pytest.raises(Holes) as refused:
        canned.refuse_holes(filled.text)
    assert refused.value.names == ("case", "order")
    canned.refuse_holes("giá {thật} rẻ")  # braces of one's own are no hole
    with pytest.raises(NotFound):
        canned.fill(session, mine.id, talk, lead)


def test_nobody_without_a_name_is_called_by_a_gap(session: Session) -> None:
    talk, lan, _call = held(session)
    talk.customer.name = "…"
    answer = canned.save(session, lan, "Chào", "Chào {address} {name} ạ", shared=False)
    assert canned.fill(session, answer.id, talk, lan).text == "Chào chị ạ"


def test_what_everybody_uses_is_changed_by_a_lead_only(session: Session) -> None:
    lan, hoa = factories.agent(session, "lan"), factories.agent(session, "hoa")
    lead = factories.agent(session, "quan", Role.LEAD)
    shared = canned.save(session, lead, "Chào", "Chào {address}", shared=True)
    own = canned.save(session, lan, "Riêng", "Dạ", shared=False)
    with pytest.raises(PermissionDenied):
        canned.save(session, lan, "Chào", "Khác", shared=True, answer_id=shared.id)
    with pytest.raises(PermissionDenied):
        canned.save(session, lan, "Mới", "Dạ", shared=True)
    with pytest.raises(PermissionDenied):
        canned.delete(session, hoa, own.id)
    canned.delete(session, lan, own.id)
    for words in ("", "Chào {ten}", "Chào {address", "x" * 4000):
        with pytest.raises(InvalidInput):
            canned.save(session, lead, "Chào", words, shared=True, answer_id=shared.id)
    assert shared.folded == text.fold("Chào Chào {address}")


def _lost(session: Session, talk: Conversation, state: OutboxState, kind: OutboxKind = OutboxKind.REPLY) -> Outbox:
    content = Content("Dạ em nghe", photo="attachments/a.jpg", buttons=[[Button("Có", "/affirm")]])
    row = outbox.enqueue(session, talk.account, content, kind=kind)
    assert row is not None
    row.state = state
    session.flush()
    return row


def test_what_did_not_arrive_is_sent_again_once_as_an_audited_choice(session: Session) -> None:
    talk, lan, _call = held(session)
    lost = _lost(session, talk, OutboxState.UNKNOWN)
    anew = resending.send_again(session, lost.id, lan)
    assert (anew.state, anew.body["text"], anew.body["photo"]) == (
        OutboxState.QUEUED,
        "Dạ em nghe",
        "attachments/a.jpg",
    )
    assert [[each["title"] for each in row] for row in anew.body["buttons"]] == [["Có"]]
    assert anew.body["buttons"][0][0]["token"] != lost.body["buttons"][0][0]["token"]
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "send_again")).one()
    assert (entry.staff_id, entry.subject_id) == (lan.id, lost.id)
    shown = {line.outbox_id: line for line in threads.latest(session, talk.id)}
    assert (shown[lost.id].again, shown[anew.id].again) == (True, False)
    with pytest.raises(IllegalTransition):
        resending.send_again(session, lost.id, lan)


def test_only_what_failed_is_sent_again_and_never_advertising(session: Session) -> None:
    talk, lan, _call = held(session)
    for state in (OutboxState.QUEUED, OutboxState.SENDING, OutboxState.SENT, OutboxState.SKIPPED):
        with pytest.raises(IllegalTransition):
            resending.send_again(session, _lost(session, talk, state).id, lan)
    with pytest.raises(IllegalTransition):
        resending.send_again(session, _lost(session, talk, OutboxState.FAILED, OutboxKind.MARKETING).id, lan)


def test_what_is_sent_again_is_asked_of_the_policy_as_it_was_the_first_time(session: Session) -> None:
    talk, lan, _call = held(session)
    with time_machine.travel(NOON, tick=False):
        consents.record(session, talk.customer_id, Purpose.GREETINGS, granted=True, channel="telegram")
        greeting = _care(session, talk, "Chúc mừng sinh nhật", Purpose.GREETINGS)
        asked, answer = _care(session, talk, "Chấm mấy sao ạ?"), _lost(session, talk, OutboxState.FAILED)
        consents.record(session, talk.customer_id, Purpose.GREETINGS, granted=False, channel="telegram")
    with time_machine.travel("2026-11-24 16:00:00", tick=False):
        anew = [resending.send_again(session, lost.id, lan) for lost in (greeting, asked, answer)]
        assert [(each.kind, each.purpose) for each in anew] == [
            (OutboxKind.CARE, Purpose.GREETINGS),
            (OutboxKind.CARE, Purpose.SERVICE),
            (OutboxKind.REPLY, Purpose.SERVICE),
        ]
        verdicts = contact_policy.decide_all(session, anew, clock.now(), settings())
    assert [each.refusal for each in verdicts] == [Refusal.NO_CONSENT, None, None]
    assert [each.wait_until is not None for each in verdicts] == [False, True, False]


def test_what_is_worth_nothing_any_more_is_not_sent_again(session: Session) -> None:
    talk, lan, _call = held(session)
    with time_machine.travel(NOON, tick=False):
        early, late = (
            _care(session, talk, words, expires_at=clock.now() + HOUR) for words in ("Chúc mừng", "Chúc vui")
        )
        restored = _care(session, talk, "Hẹn 9 giờ", state=OutboxState.EXPIRED)  # expired by a restore, not by its time
        assert resending.send_again(session, early.id, lan).expires_at == early.expires_at
        assert {line.outbox_id: line.repeatable for line in threads.latest(session, talk.id)}[late.id]
    with time_machine.travel("2026-11-25 05:00:00", tick=False):
        with pytest.raises(IllegalTransition):
            resending.send_again(session, late.id, lan)
        offered = {line.outbox_id: line.repeatable for line in threads.latest(session, talk.id)}
        assert (offered[late.id], offered[restored.id]) == (False, True)
        resending.send_again(session, restored.id, lan)


def test_nobody_sends_again_where_a_colleague_holds_the_conversation(session: Session) -> None:
    talk, lan, call = held(session)
    hoa, lost = factories.agent(session, "hoa"), _lost(session, talk, OutboxState.FAILED)
    with pytest.raises(AlreadyHeld):
        resending.send_again(session, lost.id, hoa)
    escalations.hand_back(session, call.id, lan)
    assert resending.send_again(session, lost.id, hoa).state is OutboxState.QUEUED


def _care(
    session: Session,
    talk: Conversation,
    words: str,
    purpose: Purpose = Purpose.SERVICE,
    state: OutboxState = OutboxState.FAILED,
    expires_at: datetime | None = None,
) -> Outbox:
    content = Content(words)
    row = outbox.enqueue(session, talk.account, content, kind=OutboxKind.CARE, purpose=purpose, expires_at=expires_at)
    assert row is not None
    row.state = state
    session.flush()
    return row


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (BackReason.SOLVED, "xử lý xong"),
        (BackReason.WAITING, "đang chờ hàng"),
        (BackReason.INFORMED, "đã gửi ở trên"),
        (BackReason.OTHER, "trợ lý tự động tiếp tục"),
        (None, "trợ lý tự động tiếp tục"),
    ],
)
def test_the_assistant_speaks_to_the_reason_of_a_hand_back(
    session: Session, reason: BackReason | None, words: str
) -> None:
    _talk, lan, call = held(session)
    escalations.hand_back(session, call.id, lan, reason, "hàng về thứ Năm")
    assert (call.back_reason, call.back_note) == (reason, "hàng về thứ Năm")
    assert words in sent(session)[-1]
    assert "thứ Năm" not in sent(session)[-1]


def test_telegram_is_told_of_typing_once_in_five_seconds_and_by_one_process(session: Session) -> None:
    with time_machine.travel(NOON, tick=False) as traveller:
        talk, lan, _call = held(session)
        bot_id, hoa = settings().bot_id, factories.agent(session, "hoa")
        with pytest.raises(AlreadyHeld):
            typing_state.mark(session, talk.id, hoa)
        assert not typing_state.is_any(session, bot_id)
        quiet = changes.conversations(session, [talk.id])
        typing_state.mark(session, talk.id, lan)
        session.flush()
        assert changes.conversations(session, [talk.id]) != quiet
        assert typing_state.who(session, talk.id) == (lan.id, "Lan")
        assert [signal.chat_id for signal in typing_state.take(session, bot_id)] == [1001]
        assert typing_state.take(session, bot_id) == []
        traveller.shift(5)
        typing_state.mark(session, talk.id, lan)
        session.flush()
        assert len(typing_state.take(session, bot_id)) == 1
        traveller.shift(7)
        assert typing_state.who(session, talk.id) is None
        assert not typing_state.is_any(session, bot_id)
        assert changes.conversations(session, [talk.id]) == quiet


def test_pages_of_a_conversation_join_without_a_gap(session: Session) -> None:
    talk = factories.conversation(session)
    numbers = [says(session, talk, f"tin {n}").id for n in range(130)]
    other = factories.conversation(session, 2002)
    says(session, other, "khác")
    newest = threads.latest(session, talk.id)
    older = threads.latest(session, talk.id, before=newest[0].id)
    first = threads.latest(session, talk.id, before=older[0].id)
    assert [line.id for line in [*first, *older, *newest]] == numbers
    assert [line.id for line in threads.later(session, talk.id, numbers[9], 5)] == numbers[10:15]
    assert [line.id for line in threads.among(session, talk.id, [numbers[3], numbers[100]])] == [
        numbers[3],
        numbers[100],
    ]


def test_the_marks_of_a_conversation_move_with_notes_and_plans(session: Session) -> None:
    talk, lan, _call = held(session)
    marks = [changes.conversations(session, [talk.id])]
    notes.write(session, talk.id, lan, "để ý giúp")
    marks.append(changes.conversations(session, [talk.id]))
    planned = scheduled_replies.plan(session, talk.id, lan, "Mai", clock.now() + HOUR)
    marks.append(changes.conversations(session, [talk.id]))
    scheduled_replies.cancel(session, planned.id, lan)
    session.flush()
    marks.append(changes.conversations(session, [talk.id]))
    assert all(mark not in marks[:number] for number, mark in enumerate(marks))


def test_a_sent_file_is_named_in_the_message(session: Session) -> None:
    talk, lan, call = held(session)
    escalations.say(session, call.id, lan, Content("", document="attachments/x.bin", file_name="báo giá.pdf"))
    line = threads.latest(session, talk.id)[-1]
    assert [(file.kind, file.path, file.name) for file in line.files] == [("document", "x.bin", "báo giá.pdf")]
    assert threads.file_of(session, line.id, 0).name == "báo giá.pdf"
    with pytest.raises(NotFound):
        threads.file_of(session, line.id, 1)
    row = session.scalars(select(Outbox).order_by(Outbox.id.desc())).first()
    assert row is not None
    assert row.body == {"text": "", "document": "attachments/x.bin", "name": "báo giá.pdf"}
    row.state = OutboxState.SENDING
    letter = dispatch.Letter(row.id, 1001, dict(row.body), 0, clock.now())
    assert dispatch.settle_all(session, [Report(letter, Outcome.SENT)])  # another worker's: nothing is written
