from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm import demo, greetings, staff
from crm.models.care import Complaint, ComplaintState, Rating
from crm.models.catalogue import Product, Purchase
from crm.models.conversations import Conversation
from crm.models.messaging import Outbox
from crm.models.people import Customer, Occasion
from crm.settings import settings
from crm.shop import shop
from tests.crm import factories


def _count(session: Session, table: type) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_the_demo_shop_fills_an_empty_database_once_and_writes_to_nobody(session: Session) -> None:
    assert demo.load(session)
    counts = {table: _count(session, table) for table in (Product, Customer, Purchase, Complaint, Rating, Occasion)}
    assert counts[Product] >= 10
    assert counts[Customer] >= 30
    assert min(counts.values()) >= 5
    assert _count(session, Outbox) == 0
    assert not demo.load(session)
    assert {table: _count(session, table) for table in counts} == counts


def test_it_leaves_a_database_alone_that_somebody_uses(session: Session) -> None:
    factories.conversation(session)
    assert not demo.load(session)
    assert _count(session, Product) == 0


def test_what_it_loads_hangs_together(session: Session) -> None:
    demo.load(session)
    talks = list(session.scalars(select(Conversation)))
    assert {talk.account.chat_id for talk in talks} == set(range(100001, 100007))
    assert {talk.account.bot_id for talk in talks} == {settings().bot_id}
    assert all(customer.name_folded.isascii() for customer in session.scalars(select(Customer)))
    for complaint in session.scalars(select(Complaint)):
        assert complaint.created_at < complaint.promised_at
        assert (complaint.state is ComplaintState.RESOLVED) == (complaint.resolved_at is not None)
        assert complaint.events[-1].to_state is complaint.state
    assert staff.verify(session, "lan", "trian-demo") is not None
    assert session.scalar(select(Occasion.id).where(Occasion.leap_month)) is not None
    assert shop().name


def test_tet_greets_the_demo_people_of_the_simulator(session: Session) -> None:
    demo.load(session)
    planned = list(greetings.plan(session, greetings.date(2027, 2, 6)))
    assert len(planned) == _count(session, Customer)
    assert 1 <= sum(each.standing is greetings.Standing.SEND for each in planned) <= 6
