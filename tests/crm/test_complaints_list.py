"""The list of cases: order, filters, search, pages."""

from datetime import timedelta

from sqlalchemy.orm import Session

from crm import case_list, case_steps, case_work, clock, complaints, partners, product_records
from crm.case_list import Filter, Group
from crm.complaints import Report
from crm.models.care import Complaint, ComplaintCategory, ComplaintState, Severity
from crm.models.cases import PartnerKind
from crm.models.catalogue import Product
from crm.partners import Details
from crm.product_records import ProductRecord
from tests.crm import factories


def _cases(session: Session, count: int) -> list[Complaint]:
    talk, moment = factories.conversation(session), clock.now()
    made = [complaints.submit(session, talk.customer, talk, Report(f"chuyện {n}")) for n in range(count)]
    for number, case in enumerate(made):
        case.due_at = moment + timedelta(minutes=60 + number // 2)  # each moment twice: the number decides
    session.flush()
    return made


def _product(session: Session, sku: str, name: str) -> Product:
    record = ProductRecord(sku, name, price=1000, warranty_months=12)
    return product_records.upsert(session, record)[1]


def _walk(session: Session, wanted: Filter) -> list[int]:
    seen: list[int] = []
    after: str | None = ""
    while after is not None:
        page = case_list.page(session, wanted, after)
        assert len(page.rows) <= case_list.PAGE
        seen += [row.id for row in page.rows]
        after = page.next
    return seen


def test_pages_follow_each_other_by_the_nearest_clock_and_those_without_come_last(session: Session) -> None:
    made = _cases(session, 120)
    resting = made[:57]
    for case in resting:
        case.due_at = None
    session.flush()
    expected = [case.id for case in made[57:]] + [case.id for case in resting]
    assert _walk(session, Filter()) == expected


def test_settled_cases_are_listed_newest_first(session: Session) -> None:
    made, lan = _cases(session, 55), factories.agent(session)
    for case in made:
        complaints.resolve(session, case, lan, "Xong rồi ạ")
    assert _walk(session, Filter(group=Group.RESOLVED)) == [case.id for case in reversed(made)]
    assert _walk(session, Filter()) == []
    assert len(_walk(session, Filter(group=Group.ALL))) == 55


def test_an_unreadable_key_begins_at_the_top(session: Session) -> None:
    first, *_ = _cases(session, 3)
    for key in ("nonsense", "x~y", "1e999~1", "~", "9" * 400 + "~1", "nan~2"):
        assert len(case_list.page(session, Filter(), key).rows) <= 3
    assert case_list.page(session, Filter(), "nonsense").rows[0] is first


def test_filters_narrow_the_list(session: Session) -> None:
    lan = factories.agent(session)
    first, second, third = _cases(session, 3)
    case_work.take(session, first, lan, None)
    second.severity, second.category = Severity.HIGH, ComplaintCategory.DELIVERY
    third.due_at = clock.now() - timedelta(hours=1)
    partner = partners.save(session, lan, Details("Kho Miền Đông", PartnerKind.SUPPLIER))
    case_steps.plan(session, second, lan, "gửi hàng", case_steps.today(), partner)
    complaints.move(session, first, ComplaintState.WAITING, lan, "Máy nào ạ?")
    for wanted, expected in (
        (Filter(owner_id=lan.id), [first.id]),
        (Filter(owner_id=0), [third.id, second.id]),
        (Filter(severity=Severity.HIGH), [second.id]),
        (Filter(category=ComplaintCategory.DELIVERY), [second.id]),
        (Filter(overdue=True), [third.id]),
        (Filter(partner_id=partner.id), [second.id]),
        (Filter(group=Group.WAITING), [first.id]),
    ):
        assert _walk(session, wanted) == expected
    numbers = case_list.counts(session, lan.id)
    assert (numbers.open, numbers.mine, numbers.nobodys, numbers.waiting, numbers.overdue) == (3, 1, 2, 1, 1)


def test_a_code_a_phone_and_a_name_without_accents_find_cases(session: Session) -> None:
    talk, other = factories.conversation(session, 1), factories.conversation(session, 2, "Trần Đức Thịnh")
    talk.customer.phone = "0912345678"
    mine = complaints.submit(session, talk.customer, talk, Report("máy kêu to"))
    theirs = complaints.submit(session, other.customer, other, Report("giao trễ"))
    for words, expected in (
        ("duc thinh", [theirs.id]),
        ("Đức", [theirs.id]),
        (mine.code.lower(), [mine.id]),
        (mine.code[-4:], [mine.id]),
        ("0912 345 678", [mine.id]),
        ("0912 345", []),
        ("kn-", [theirs.id, mine.id]),
        ("100%", []),
        ("  ", [mine.id, theirs.id]),
    ):
        assert _walk(session, Filter(words=words)) == expected, words
    assert _walk(session, Filter(words="0912 345", begun_numbers=True)) == [mine.id]


def test_a_products_name_finds_the_cases_about_it_beside_those_of_people_called_so(session: Session) -> None:
    washer = _product(session, "MG90", "Máy giặt Sóng Xanh 9 kg")
    _product(session, "TL30", "Tủ lạnh Sóng Xanh 300 lít")
    talk, other = factories.conversation(session, 1), factories.conversation(session, 2, "Phạm Thị Giặt")
    about = complaints.submit(session, talk.customer, talk, Report("kêu to"))
    about.product_id = washer.id
    named = complaints.submit(session, other.customer, other, Report("giao trễ"))
    session.flush()
    assert _walk(session, Filter(words="giat")) == [named.id, about.id]
    assert _walk(session, Filter(words="sóng xanh máy")) == [about.id]
    assert _walk(session, Filter(words="Tủ lạnh")) == []
    assert _walk(session, Filter(words="son")) == [], "a word is meant whole"
