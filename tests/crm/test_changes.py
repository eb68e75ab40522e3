from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import campaigns, changes, clock, complaints, consents, escalations
from crm.complaints import Report
from crm.models.care import ComplaintState
from crm.models.conversations import EscalationReason
from crm.models.messaging import Outbox, OutboxState
from crm.models.people import Purpose
from crm.models.staff import Role
from tests.crm import factories


def test_the_queues_mark_changes_with_each_step_and_not_without(session: Session) -> None:
    talk, lan = factories.conversation(session), factories.agent(session)
    marks = [changes.queue(session)]
    call = escalations.open_for(session, talk, EscalationReason.ASKED)
    marks.append(changes.queue(session))
    assert changes.queue(session) == marks[-1]
    escalations.claim(session, call.id, lan)
    session.flush()
    marks.append(changes.queue(session))
    escalations.hand_back(session, call.id, lan)
    session.flush()
    assert changes.queue(session) == marks[0]
    assert len(set(marks)) == 3


def test_a_conversations_mark_follows_messages_and_their_delivery(session: Session) -> None:
    talk, other = factories.conversation(session), factories.conversation(session, 1002, "Lê Văn Tám")
    lan = factories.agent(session)
    call = escalations.open_for(session, talk, EscalationReason.ASKED)
    both = [talk.id, other.id]
    before = changes.conversations(session, both)
    escalations.reply(session, call.id, lan, "Dạ em nghe ạ")
    session.flush()
    queued = changes.conversations(session, both)
    session.scalars(select(Outbox)).one().state = OutboxState.SENT
    session.flush()
    sent = changes.conversations(session, both)
    assert len({before[talk.id], queued[talk.id], sent[talk.id]}) == 3
    assert before[other.id] == queued[other.id] == sent[other.id]


def test_the_complaints_mark_changes_with_each_step(session: Session) -> None:
    talk, lan = factories.conversation(session), factories.agent(session)
    empty = changes.complaints(session)
    complaint = complaints.submit(session, talk.customer, talk, Report("Máy kêu to"))
    filed = changes.complaints(session)
    complaints.move(session, complaint, ComplaintState.IN_PROGRESS, lan)
    assert len({empty, filed, changes.complaints(session)}) == 3


def test_a_campaigns_mark_follows_its_state_and_its_messages(session: Session) -> None:
    talk, minh = factories.conversation(session), factories.agent(session, "minh", Role.MARKETING)
    consents.record(session, talk.customer_id, Purpose.MARKETING, granted=True, channel="test")
    campaign = campaigns.create(session, minh, "Quà", "{Address} ơi, có quà ạ.", {"kind": "all"})
    marks = [changes.campaigns(session, [campaign.id])[campaign.id]]
    campaigns.schedule(session, campaign, minh)
    session.flush()
    marks.append(changes.campaigns(session, [campaign.id])[campaign.id])
    campaigns.start_due(session, clock.now())
    session.flush()
    marks.append(changes.campaigns(session, [campaign.id])[campaign.id])
    assert len(set(marks)) == 3
