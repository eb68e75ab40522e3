"""What staff are told: once each, in the bell, and in their own chat where they linked one."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import clock, inbound, retention, staff_notices, turns
from crm.customers import Caller
from crm.inbound import Arrival
from crm.models.campaigns import TrialAccount
from crm.models.conversations import Message
from crm.models.messaging import Inbound, Outbox, OutboxKind, OutboxState
from crm.models.service import NoticeKind
from crm.models.staff import Role
from crm.retention import Forgotten
from crm.settings import settings
from crm.trial_sends import Proof
from crm.turns import Said
from tests.crm import factories

TEXT = "Họp lúc 15 giờ"


def _tell(session: Session, *people: int, key: str = "k") -> int:
    return staff_notices.tell(session, people, NoticeKind.GENERAL, key=key, target="/", text=TEXT)


def test_each_person_is_told_once(session: Session) -> None:
    lan, mai = factories.agent(session), factories.agent(session, "mai")
    assert [_tell(session, lan.id, lan.id), _tell(session, lan.id, mai.id), _tell(session, lan.id, mai.id)] == [1, 1, 0]
    assert [staff_notices.unread(session, who.id) for who in (lan, mai)] == [1, 1]
    assert staff_notices.latest(session, lan.id)[0].words == {"text": TEXT}


def test_a_customer_without_a_name_leaves_no_gap_and_a_missing_word_is_an_error(session: Session) -> None:
    lan = factories.agent(session)
    staff_notices.tell(session, [lan.id], NoticeKind.ASSIGNED, key="a", target="/", who="Mai", name="")
    assert staff_notices.latest(session, lan.id)[0].words["name"] == "khách chưa có tên"
    with pytest.raises(KeyError):
        staff_notices.tell(session, [lan.id], NoticeKind.ASSIGNED, key="b", target="/", name="Hà")


def test_who_is_disabled_is_told_nothing(session: Session) -> None:
    lan = factories.agent(session)
    lan.active = False
    session.flush()
    assert _tell(session, lan.id) == 0


def test_reading_marks_ones_own_up_to_what_was_seen(session: Session) -> None:
    lan, mai = factories.agent(session), factories.agent(session, "mai")
    for key in "abc":
        _tell(session, lan.id, mai.id, key=key)
    seen = staff_notices.latest(session, lan.id)[1].id
    staff_notices.mark_read(session, lan, seen)
    assert [staff_notices.unread(session, who.id) for who in (lan, mai)] == [1, 3]


def test_a_linked_chat_is_written_to_once(session: Session) -> None:
    lan = factories.agent(session)
    account = factories.conversation(session).account
    session.add(TrialAccount(staff_id=lan.id, account_id=account.id, at=clock.now()))
    session.flush()
    for _ in range(2):
        _tell(session, lan.id)
    sent = session.scalars(select(Outbox)).one()
    assert (sent.account_id, sent.kind, sent.body["text"]) == (account.id, OutboxKind.CARE, TEXT)


def test_an_agent_may_link_the_chat_they_wrote_the_code_from(session: Session) -> None:
    lan = factories.agent(session)
    proof = Proof(session)
    inbound.store(session, settings().bot_id, [Arrival(1, 77, {})])
    arrived = session.scalars(select(Inbound)).one()
    turns.begin(session, arrived.id, "t", Caller(settings().bot_id, 77, "Lan"), Said(proof.code))
    account = staff_notices.link_chat(session, lan, proof)
    assert account.chat_id == 77
    _tell(session, lan.id)
    assert session.scalars(select(Outbox.account_id)).one() == account.id


def test_the_purge_forgets_old_notices_only(session: Session) -> None:
    lan = factories.agent(session)
    _tell(session, lan.id)
    later = clock.now() + timedelta(days=settings().retention_outbox_days + 1)
    assert retention.find(session, Forgotten.NOTICES, settings(), clock.now()) == []
    keys = retention.find(session, Forgotten.NOTICES, settings(), later)
    assert retention.forget(session, Forgotten.NOTICES, settings(), later, keys) == 1
    assert staff_notices.latest(session, lan.id) == []


def test_leads_are_the_managers_where_there_are_none(session: Session) -> None:
    admin, owner = factories.agent(session, "ad", Role.ADMIN), factories.agent(session, "ow", Role.OWNER)
    factories.agent(session, "ag")
    assert staff_notices.leads(session) == staff_notices.managers(session) == [admin.id, owner.id]
    lead = factories.agent(session, "le", Role.LEAD)
    assert staff_notices.leads(session) == [lead.id]


def test_what_a_notice_put_into_a_chat_goes_with_it(session: Session) -> None:
    """Without the notice nobody would know whose name stands there, and an erasure would leave it."""
    lan = factories.agent(session)
    talk = factories.conversation(session)
    session.add(TrialAccount(staff_id=lan.id, account_id=talk.account_id, at=clock.now()))
    session.flush()
    _tell(session, lan.id)
    session.scalars(select(Outbox)).one().state = OutboxState.SENT
    _tell(session, lan.id, key="later")
    later = clock.now() + timedelta(days=settings().retention_outbox_days, minutes=1)
    assert retention.find(session, Forgotten.OUTBOX, settings(), later) == []
    notices = retention.find(session, Forgotten.NOTICES, settings(), later)
    assert retention.forget(session, Forgotten.NOTICES, settings(), later, notices) == 2
    assert session.scalars(select(Message)).all() == session.scalars(select(Outbox)).all() == []
