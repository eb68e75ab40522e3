from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from crm import (
    clock,
    complaints,
    consents,
    customer_edits,
    customer_records,
    customers,
    duplicates,
    key_pages,
    merges,
    personal_data_erase,
    purchase_records,
)
from crm.complaints import Report
from crm.customer_edits import EditedMeanwhile
from crm.customer_records import CustomerRecord
from crm.customers import Caller
from crm.errors import IllegalTransition
from crm.models.care import Complaint, Greeting, GreetingState
from crm.models.catalogue import Product, Purchase
from crm.models.conversations import Conversation
from crm.models.people import CalendarKind, Customer, Purpose, Tier
from crm.models.privacy import CustomerMerge, LikenessReason, PairState
from crm.personal_data_map import direct_links
from crm.purchase_records import ItemRecord, PurchaseRecord
from crm.records import Outcome
from crm.settings import settings
from tests.crm import factories, traces

TODAY = clock.local(clock.now(), settings().zone).date()


def _two(session: Session) -> tuple[Conversation, Conversation]:
    first, second = factories.conversation(session, 1), factories.conversation(session, 2, "Hạnh Nguyễn")
    customers.set_phone(second.customer, "0912345678")
    first.customer.tier, second.customer.tier = Tier.GOLD, Tier.SILVER
    return first, second


def _merge(session: Session, kept: Customer, gone: Customer, take: set[str] | None = None) -> CustomerMerge:
    session.flush()
    staff = factories.agent(session, f"gop{kept.id}{gone.id}")
    return merges.merge(session, kept.id, gone.id, staff, versions=(kept.version, gone.version), take=take or set())


def test_everything_moves_and_comes_back(session: Session) -> None:
    first, second = _two(session)
    complaints.submit(session, second.customer, second, Report("Máy kêu to"))
    for talk in (first, second):
        line = Greeting(customer_id=talk.customer_id, occasion="tet", local_date=TODAY, at=clock.now())
        line.state = GreetingState.QUEUED
        session.add(line)
    customers.set_birthday(session, second.customer, CalendarKind.LUNAR, 15, 8)
    was = second.customer
    merged = _merge(session, first.customer, was, {"name"})
    kept = first.customer
    assert (kept.name, kept.phone, kept.tier) == ("Hạnh Nguyễn", "0912345678", Tier.GOLD)
    birthday = customers.birthday_of(session, kept.id)
    assert birthday is not None
    assert (birthday.calendar, birthday.day) == (CalendarKind.LUNAR, 15)
    assert {talk.customer_id for talk in session.scalars(select(Conversation))} == {kept.id}
    assert session.scalar(select(Complaint.customer_id)) == kept.id
    assert len(session.scalars(select(Greeting)).all()) == 1
    assert (was.merged_into_id, was.phone, was.gone_at is not None) == (kept.id, None, True)
    again = customers.meet(session, Caller(settings().bot_id, 2, "Hạnh"))
    assert again.customer_id == kept.id

    merges.undo(session, merged.id, factories.agent(session, "lui"))
    session.expire_all()
    assert (kept.name, kept.phone) == ("Nguyễn Thị Hạnh", None)
    assert (was.name, was.phone, was.gone_at) == ("Hạnh Nguyễn", "0912345678", None)
    assert second.customer_id == was.id
    assert session.scalar(select(Complaint.customer_id)) == was.id
    assert {line.customer_id for line in session.scalars(select(Greeting))} == {kept.id, was.id}


@pytest.mark.parametrize("refusing", [0, 1])
def test_the_stricter_consent_wins(session: Session, refusing: int) -> None:
    talks = _two(session)
    for place, talk in enumerate(talks):
        granted = place != refusing
        consents.record(session, talk.customer_id, Purpose.MARKETING, granted=granted, channel="test")
    consents.record(session, talks[1].customer_id, Purpose.GREETINGS, granted=True, channel="test")
    _merge(session, talks[0].customer, talks[1].customer)
    assert not consents.granted(session, talks[0].customer_id, Purpose.MARKETING)
    assert consents.granted(session, talks[0].customer_id, Purpose.GREETINGS)


def test_no_table_keeps_a_row_of_whoever_was_merged_away(session: Session) -> None:
    gone, kept = traces.leave(session, "Gộpđi", 11).customer, traces.leave(session, "Giữlại", 12).customer
    _merge(session, kept, gone)
    stay = {"customer_merges", "duplicate_pairs"}
    for table, column in direct_links():
        if table.name not in stay:
            assert session.execute(select(table).where(column == gone.id)).all() == [], table.name


def test_a_merge_of_something_older_than_it_is_now_is_refused(session: Session) -> None:
    first, second = _two(session)
    session.flush()
    staff = factories.agent(session)
    customer_edits.change(session, second.customer_id, {"occupation": "thợ may"}, second.customer.version, staff)
    with pytest.raises(EditedMeanwhile):
        merges.merge(session, first.customer_id, second.customer_id, staff, versions=(1, 1), take=set())


def test_after_a_day_a_merge_stands(session: Session) -> None:
    first, second = _two(session)
    merged = _merge(session, first.customer, second.customer)
    staff = factories.agent(session)
    assert merges.latest(session, first.customer_id) is merged
    with time_machine.travel(clock.now() + timedelta(days=1, minutes=1), tick=False):
        assert merges.latest(session, first.customer_id) is None
        with pytest.raises(IllegalTransition):
            merges.undo(session, merged.id, staff)


def test_what_a_turn_under_way_wrote_to_the_old_record_follows(session: Session) -> None:
    first, second = _two(session)
    gone = second.customer
    _merge(session, first.customer, gone)
    complaints.submit(session, gone, None, Report("Máy kêu to"))
    assert merges.sweep(session) >= 1
    assert session.scalar(select(Complaint.customer_id)) == first.customer_id
    assert merges.sweep(session) == 0


def test_erasing_reaches_what_a_merge_set_aside(session: Session) -> None:
    first, second = _two(session)
    _merge(session, first.customer, second.customer)
    personal_data_erase.erase_rows(session, first.customer_id, None)
    left = traces.everything(session)
    assert "0912345678" not in left
    assert "Hạnh" not in left


def test_erasing_reaches_records_merged_one_after_the_other(session: Session) -> None:
    first, second = _two(session)
    third = factories.conversation(session, 3, "Vũ Thị Hạnh").customer
    second.customer.external_id, first.customer.external_id, third.external_id = "K2", "K1", "K3"
    gone, kept = second.customer, first.customer
    _merge(session, kept, gone)
    _merge(session, third, kept)
    personal_data_erase.erase_rows(session, third.id, None)
    left = traces.everything(session)
    assert [word for word in ("0912345678", "Hạnh", "'K1'", "'K2'", "'K3'") if word in left] == []


def test_the_shops_system_goes_on_knowing_a_merged_customer_by_either_key(session: Session) -> None:
    first, second = _two(session)
    kept, gone = first.customer, second.customer
    kept.external_id, gone.external_id = "K1", "K2"
    session.add(Product(sku="TL", name="Tủ lạnh", name_folded="tu lanh", price=1, warranty_months=12))
    merged = _merge(session, kept, gone)
    again = CustomerRecord(external_id="K2", name="Hạnh Nguyễn", phone="0912345678", occupation="thợ may")
    assert [each.id for each in customer_records.upsert(session, [again, again])] == [kept.id, kept.id]
    assert (kept.external_id, kept.occupation, gone.external_id) == ("K1", "thợ may", "K2")
    orders = [
        PurchaseRecord("D1", clock.now(), (ItemRecord("TL"),), customer_external_id="K2"),
        PurchaseRecord("D2", clock.now(), (ItemRecord("TL"),), customer_id=gone.id),
    ]
    assert [each.outcome for each in purchase_records.upsert(session, orders)] == [Outcome.CREATED] * 2
    assert set(session.scalars(select(Purchase.customer_id))) == {kept.id}
    assert [each.id for each in key_pages.customers(session, 0, 9, external_id="K2")] == [kept.id]

    assert customer_records.change(session, kept, CustomerRecord(external_id="K2"))
    assert (kept.external_id, gone.external_id) == ("K2", "K1")
    merges.undo(session, merged.id, factories.agent(session, "lui"))
    assert (kept.external_id, gone.external_id, kept.occupation) == ("K1", "K2", "thợ may")
    assert [each.id for each in customer_records.upsert(session, [again])] == [gone.id]


def test_the_key_goes_along_where_the_kept_record_has_none(session: Session) -> None:
    first, second = _two(session)
    second.customer.external_id = "K2"
    gone = second.customer
    merged = _merge(session, first.customer, gone)
    assert (first.customer.external_id, gone.external_id) == ("K2", None)
    merges.undo(session, merged.id, factories.agent(session, "lui"))
    assert (first.customer.external_id, gone.external_id) == (None, "K2")


def test_taking_a_merge_back_leaves_what_was_changed_since(session: Session) -> None:
    first, second = _two(session)
    kept, gone = first.customer, second.customer
    merged = _merge(session, kept, gone, {"name"})
    staff = factories.agent(session, "lui")
    customer_edits.change(session, kept.id, {"occupation": "thợ may", "phone": "0987654321"}, kept.version, staff)
    merges.undo(session, merged.id, staff)
    assert (kept.name, kept.occupation, kept.phone) == ("Nguyễn Thị Hạnh", "thợ may", "0987654321")
    assert (gone.name, gone.phone) == ("Hạnh Nguyễn", "0912345678")


def _named(session: Session, name: str, phone: str | None = None, **more: str) -> Customer:
    customer = Customer(created_at=clock.now(), phone=phone, **more)
    customers.rename(customer, name)
    session.add(customer)
    session.flush()
    return customer


def test_duplicates_are_found_once_each_with_the_surest_reason(session: Session) -> None:
    same_phone = [_named(session, name, "0912345678") for name in ("Trần Mai", "Mai T.")]
    slip = [_named(session, "Lê Văn Tám", phone) for phone in ("0987654321", "0987645321")]
    mails = [_named(session, name, email="a@vidu.vn") for name in ("An", "Ân")]
    days = [_named(session, "Đỗ Thị Lúa") for _ in range(3)]
    for customer in days[:2]:
        customers.set_birthday(session, customer, CalendarKind.SOLAR, 3, 4)
    _named(session, "Trần Văn Khác", "0912345679")
    session.flush()
    assert duplicates.find(session) == 4
    assert duplicates.find(session) == 0
    found = {(pair.first_id, pair.second_id): pair.reason for pair in duplicates.listing(session)}
    assert found == {
        (same_phone[0].id, same_phone[1].id): LikenessReason.PHONE,
        (slip[0].id, slip[1].id): LikenessReason.NAME_AND_PHONE,
        (mails[0].id, mails[1].id): LikenessReason.EMAIL,
        (days[0].id, days[1].id): LikenessReason.NAME_AND_BIRTHDAY,
    }


def test_a_dismissed_pair_does_not_come_back(session: Session) -> None:
    for name in ("Trần Mai", "Mai T."):
        _named(session, name, "0912345678")
    duplicates.find(session)
    [pair] = duplicates.listing(session)
    duplicates.move(session, pair.id, PairState.DISMISSED, factories.agent(session))
    assert duplicates.find(session) == 0
    assert duplicates.listing(session) == []


def test_one_telegram_chat_under_two_bots_is_one_person(session: Session) -> None:
    for bot_id in (1, 2):
        customers.meet(session, Caller(bot_id, 777, f"Bot {bot_id}"))
    assert duplicates.find(session) == 1
    assert duplicates.listing(session)[0].reason is LikenessReason.CHAT


def test_many_with_one_number_are_no_pairs(session: Session) -> None:
    """A shop that gives its own number to everybody without one must not make a million pairs."""
    rows = [
        {"name": f"K{n}", "name_folded": f"k{n}", "phone": "0912345678", "created_at": clock.now()} for n in range(40)
    ]
    session.execute(insert(Customer), rows)
    assert duplicates.find(session) == 0


def test_a_stop_said_while_two_records_were_one_stays_with_both(session: Session) -> None:
    first, second = _two(session)
    kept, gone = first.customer, second.customer
    for customer in (kept, gone):
        for purpose in (Purpose.MARKETING, Purpose.GREETINGS):
            consents.record(session, customer.id, purpose, granted=True, channel="chat")
    merged = _merge(session, kept, gone)
    consents.record(session, second.customer_id, Purpose.MARKETING, granted=False, channel="chat")
    merges.undo(session, merged.id, factories.agent(session, "lui"))
    assert second.customer_id == gone.id
    for customer in (kept, gone):
        assert not consents.granted(session, customer.id, Purpose.MARKETING)
        assert consents.granted(session, customer.id, Purpose.GREETINGS)


def test_an_address_of_another_system_is_kept_in_small_letters_and_the_same_again_changes_nothing(
    session: Session,
) -> None:
    record = CustomerRecord(external_id="KH-1", name="Lan", email="Lan@Shop.VN")
    assert [each.outcome for each in customer_records.upsert(session, [record])] == [Outcome.CREATED]
    assert session.scalar(select(Customer.email)) == "lan@shop.vn"
    assert [each.outcome for each in customer_records.upsert(session, [record])] == [Outcome.UNCHANGED]
