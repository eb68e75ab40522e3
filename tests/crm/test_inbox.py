"""The inbox's queues: what stands in which, in what order, page by page, for whom."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy.orm import Session

from crm import changes, clock, escalations, inbox, reads
from crm.inbox import Filters, Queue
from crm.models.conversations import Author, Conversation, Direction, Escalation, EscalationReason, Message
from crm.models.people import Tier
from crm.models.staff import Staff
from tests.crm import factories


def call(session: Session, number: int, tier: Tier = Tier.NONE, due_in: int | None = None) -> Conversation:
    """A customer who asked for a person; their clock runs out in `due_in` minutes, or there is none."""
    talk = factories.conversation(session, number, f"Khách {number}")
    talk.customer.tier = tier
    called = escalations.open_for(session, talk, EscalationReason.ASKED)
    called.due_at = clock.now() + timedelta(minutes=due_in) if due_in is not None else None
    session.flush()
    return talk


def says(session: Session, talk: Conversation, words: str, author: Author = Author.CUSTOMER) -> Message:
    direction = Direction.IN if author is Author.CUSTOMER else Direction.OUT
    message = Message(conversation_id=talk.id, direction=direction, author=author, text=words, at=clock.now())
    session.add(message)
    session.flush()
    if author is Author.CUSTOMER:
        escalations.customer_wrote(session, talk.id)
    return message


def names(session: Session, staff: Staff, queue: Queue, filters: Filters | None = None) -> list[str]:
    return [line.customer for line in inbox.page(session, staff.id, queue, filters or Filters()).lines]


def of(session: Session, talk: Conversation) -> Escalation:
    alive = escalations.current(session, talk.id)
    assert alive is not None
    return alive


def test_the_nearest_clock_comes_first_then_the_tier_then_who_waits_longest(session: Session) -> None:
    lan = factories.agent(session)
    call(session, 1)
    call(session, 2)
    call(session, 3, Tier.SILVER)
    call(session, 4, Tier.PLATINUM)
    call(session, 5, due_in=60)
    call(session, 6, Tier.SILVER, due_in=30)
    call(session, 7, due_in=-5)
    ordered = [7, 6, 5, 4, 3, 1, 2]
    assert names(session, lan, Queue.UNASSIGNED) == [f"Khách {number}" for number in ordered]


@pytest.mark.parametrize("queue", [Queue.UNASSIGNED, Queue.ALL, Queue.RESOLVED])
def test_pages_by_key_show_each_once_in_order(session: Session, queue: Queue) -> None:
    lan = factories.agent(session)
    talks = [call(session, n, list(Tier)[n % 4], due_in=n % 3 or None) for n in range(1, 12)]
    if queue is Queue.RESOLVED:
        for talk in talks:
            escalations.hand_back(session, of(session, talk).id, lan)
    whole = names(session, lan, queue)
    assert len(whole) == 11
    pieces, after = [], ""
    for _ in range(3):
        page = inbox.page(session, lan.id, queue, after=after, limit=4)
        pieces += [line.customer for line in page.lines]
        after = page.after or ""
    assert pieces == whole
    assert after == ""
    assert inbox.page(session, lan.id, queue, after="nonsense~1").lines[0].customer == whole[0]


def test_each_queue_holds_what_its_name_says_and_the_counts_agree(session: Session) -> None:
    lan, hoa = factories.agent(session, "lan"), factories.agent(session, "hoa")
    free, mine, answered, theirs, done = (call(session, n) for n in range(1, 6))
    for talk, staff in ((mine, lan), (answered, lan), (theirs, hoa), (done, lan)):
        escalations.claim(session, of(session, talk).id, staff)
    escalations.reply(session, of(session, answered).id, lan, "Dạ em nghe ạ")
    escalations.hand_back(session, of(session, done).id, lan)
    reads.mention(session, theirs.id, lan, hoa)
    session.flush()
    expected = {
        Queue.FOR_ME: {"Khách 2", "Khách 4"},
        Queue.UNASSIGNED: {"Khách 1"},
        Queue.MINE: {"Khách 2", "Khách 3"},
        Queue.ALL: {"Khách 1", "Khách 2", "Khách 3", "Khách 4"},
        Queue.RESOLVED: {"Khách 5"},
    }
    counted = inbox.counts(session, lan.id)
    for queue, who in expected.items():
        assert set(names(session, lan, queue)) == who, queue
        assert counted.of(queue) == len(who), queue
    assert free.id in {line.conversation_id for line in inbox.page(session, hoa.id, Queue.UNASSIGNED).lines}
    says(session, answered, "còn một câu nữa")
    assert "Khách 3" in names(session, lan, Queue.FOR_ME)
    reads.seen(session, theirs.id, lan.id)
    assert "Khách 4" not in names(session, lan, Queue.FOR_ME)


def test_a_mention_where_the_assistant_answers_waits_for_the_colleague_too(session: Session) -> None:
    lan, hoa = factories.agent(session, "lan"), factories.agent(session, "hoa")
    talk = factories.conversation(session, 1, "Khách 1")
    reads.mention(session, talk.id, lan, hoa)
    reads.mention(session, talk.id, hoa, hoa)
    session.flush()
    [line] = inbox.page(session, lan.id, Queue.FOR_ME).lines
    assert (line.customer, line.call, line.mentioned) == ("Khách 1", None, True)
    assert names(session, hoa, Queue.FOR_ME) == []


def test_who_is_called_again_is_not_among_the_resolved(session: Session) -> None:
    lan = factories.agent(session)
    talk = call(session, 1)
    for _ in range(2):
        escalations.hand_back(session, of(session, talk).id, lan)
        assert names(session, lan, Queue.RESOLVED) == ["Khách 1"]
        escalations.open_for(session, talk, EscalationReason.LOW_RATING)
        assert names(session, lan, Queue.RESOLVED) == []


def test_filters_narrow_a_queue(session: Session) -> None:
    lan, hoa = factories.agent(session, "lan"), factories.agent(session, "hoa")
    one, two, three = call(session, 1, Tier.GOLD), call(session, 2), call(session, 3)
    of(session, two).reason = EscalationReason.LOW_RATING
    of(session, three).opened_at = datetime(2026, 1, 10, 1, tzinfo=UTC)
    escalations.claim(session, of(session, two).id, hoa)
    says(session, one, "alo")
    session.flush()
    today = clock.now().date()
    for filters, who in (
        (Filters(tier=Tier.GOLD), ["Khách 1"]),
        (Filters(reason=EscalationReason.LOW_RATING), ["Khách 2"]),
        (Filters(holder_id=hoa.id), ["Khách 2"]),
        (Filters(unread=True), ["Khách 1"]),
        (Filters(since=today - timedelta(days=1)), ["Khách 1", "Khách 2"]),
        (Filters(tier=Tier.GOLD, holder_id=hoa.id), []),
    ):
        assert sorted(names(session, lan, Queue.ALL, filters)) == who, filters
    reads.seen(session, one.id, lan.id)
    assert names(session, lan, Queue.ALL, Filters(unread=True)) == []
    assert names(session, hoa, Queue.ALL, Filters(unread=True)) == ["Khách 1"]


def test_a_line_tells_who_spoke_last_and_what_is_new_to_the_reader(session: Session) -> None:
    lan = factories.agent(session)
    talk = call(session, 1, Tier.GOLD)
    says(session, talk, "máy hỏng rồi")
    [line] = inbox.page(session, lan.id, Queue.ALL).lines
    assert line.last is not None
    assert line.call is not None
    assert (line.last.author, line.last.text, line.unread) == (Author.CUSTOMER, "máy hỏng rồi", True)
    escalations.reply(session, line.call.id, lan, "Dạ em xem ngay")
    reads.seen(session, talk.id, lan.id)
    [line] = inbox.page(session, lan.id, Queue.ALL).lines
    assert line.last is not None
    assert line.call is not None
    assert (line.last.staff_name, line.last.text, line.unread) == ("Lan", "Dạ em xem ngay", False)
    assert (line.call.holder, line.call.waiting_since) == ("Lan", None)
    photo = says(session, talk, "")
    photo.attachments = [{"kind": "photo", "path": "1/a.png", "name": "a"}]
    session.flush()
    [line] = inbox.page(session, lan.id, Queue.ALL).lines
    assert line.last is not None
    assert (line.last.attachment, line.unread) == ("photo", True)


def test_reading_never_goes_back(session: Session) -> None:
    lan = factories.agent(session)
    talk = call(session, 1)
    assert not reads.is_unseen(session, talk.id, lan.id)
    says(session, talk, "a")
    assert reads.is_unseen(session, talk.id, lan.id)
    reads.seen(session, talk.id, lan.id)
    reads.seen(session, talk.id, lan.id)
    session.expire_all()
    assert not reads.is_unseen(session, talk.id, lan.id)


def test_the_mark_changes_with_what_a_list_shows(session: Session) -> None:
    lan, hoa = factories.agent(session, "lan"), factories.agent(session, "hoa")
    talk = call(session, 1)
    marks = [changes.queue(session)]
    says(session, talk, "alo")
    marks.append(changes.queue(session))
    reads.mention(session, talk.id, lan, hoa)
    session.flush()
    marks.append(changes.queue(session))
    reads.seen(session, talk.id, lan.id)
    marks.append(changes.queue(session))
    assert all(before != after for before, after in pairwise(marks))
    assert changes.queue(session) == marks[-1]
