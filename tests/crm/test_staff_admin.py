"""Who may change whom; links for one use; the first person; the audit log that nobody rewrites."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
import time_machine
from argon2 import PasswordHasher
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from crm import audit, clock, first_admin, passwords, staff, staff_admin, staff_links, staff_sessions
from crm.db import Database
from crm.errors import InvalidInput, NotFound, PermissionDenied
from crm.first_admin import AdminExists
from crm.models.people import AuditEntry
from crm.models.staff import LinkPurpose, Role, Staff, StaffLink
from crm.staff_admin import LastOne, OwnAccount, OwnersOnly
from crm.staff_links import LinkSpent
from tests.crm import factories

PASSWORD = "đúng mật khẩu 1"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "hasher", PasswordHasher(time_cost=1, memory_cost=64))


@pytest.mark.parametrize("role", [Role.AGENT, Role.LEAD, Role.MARKETING])
def test_only_those_who_run_the_console_change_people(session: Session, role: Role) -> None:
    by, lan = factories.agent(session, "minh", role), factories.agent(session)
    factories.agent(session, "quan", Role.ADMIN)
    changes: tuple[Callable[[], object], ...] = (
        lambda: staff_admin.change_role(session, by, lan.id, Role.LEAD),
        lambda: staff_admin.disable(session, by, lan.id),
        lambda: staff_admin.enable(session, by, lan.id),
        lambda: staff_admin.rename(session, by, lan.id, "Khác"),
        lambda: staff_admin.password_link(session, by, lan.id),
        lambda: staff_admin.forget_second_factor(session, by, lan.id),
        lambda: staff_admin.end_session(session, by, lan.id, None),
        lambda: staff_admin.invite(session, by, "moi", "Mới", Role.AGENT),
    )
    for change in changes:
        with pytest.raises(PermissionDenied):
            change()


def test_nobody_raises_or_shuts_out_themselves(session: Session) -> None:
    quan, _owner = factories.agent(session, "quan", Role.ADMIN), factories.agent(session, "chu", Role.OWNER)
    changes: tuple[Callable[[], object], ...] = (
        lambda: staff_admin.change_role(session, quan, quan.id, Role.OWNER),
        lambda: staff_admin.disable(session, quan, quan.id),
        lambda: staff_admin.forget_second_factor(session, quan, quan.id),
    )
    for change in changes:
        with pytest.raises(OwnAccount):
            change()


def test_owners_are_made_and_changed_by_owners_only(session: Session) -> None:
    quan, owner = factories.agent(session, "quan", Role.ADMIN), factories.agent(session, "chu", Role.OWNER)
    lan = factories.agent(session)
    changes: tuple[Callable[[], object], ...] = (
        lambda: staff_admin.change_role(session, quan, lan.id, Role.OWNER),
        lambda: staff_admin.invite(session, quan, "moi", "Mới", Role.OWNER),
        lambda: staff_admin.change_role(session, quan, owner.id, Role.AGENT),
        lambda: staff_admin.disable(session, quan, owner.id),
        lambda: staff_admin.password_link(session, quan, owner.id),
    )
    for change in changes:
        with pytest.raises(OwnersOnly):
            change()
    assert staff_admin.roles_for(quan) == [Role.AGENT, Role.LEAD, Role.MARKETING, Role.ADMIN]
    staff_admin.change_role(session, owner, lan.id, Role.OWNER)
    assert lan.role is Role.OWNER


def test_the_last_ones_stay(session: Session) -> None:
    owner, second = factories.agent(session, "chu", Role.OWNER), factories.agent(session, "hai", Role.OWNER)
    staff_admin.disable(session, owner, second.id)
    second.active = True
    session.flush()
    staff_admin.change_role(session, second, owner.id, Role.ADMIN)
    with pytest.raises(OwnersOnly):
        staff_admin.disable(session, owner, second.id)
    owner.active = False
    session.flush()
    with pytest.raises(PermissionDenied):
        staff_admin.disable(session, owner, second.id)


def test_two_who_remove_each_other_at_once_do_not_leave_nobody(session: Session) -> None:
    quan, hoa = factories.agent(session, "quan", Role.ADMIN), factories.agent(session, "hoa", Role.ADMIN)
    staff_admin.disable(session, quan, hoa.id)
    with pytest.raises(PermissionDenied):
        staff_admin.disable(session, hoa, quan.id)
    with pytest.raises(LastOne):
        staff_admin._somebody_stays(quan, [quan], Role.AGENT)


def test_a_change_of_role_or_a_shut_out_ends_the_log_ins(session: Session) -> None:
    quan, lan = factories.agent(session, "quan", Role.ADMIN), factories.agent(session)
    token = staff_sessions.start(session, lan)
    staff_admin.change_role(session, quan, lan.id, Role.AGENT)
    assert staff_sessions.staff_of(session, token) is lan, "the same role is no change"
    staff_admin.change_role(session, quan, lan.id, Role.LEAD)
    assert staff_sessions.staff_of(session, token) is None
    token = staff_sessions.start(session, lan)
    link = staff_admin.password_link(session, quan, lan.id)
    staff_admin.disable(session, quan, lan.id)
    staff_admin.enable(session, quan, lan.id)
    assert staff_sessions.staff_of(session, token) is None
    with pytest.raises(LinkSpent):
        staff_links.use(session, LinkPurpose.PASSWORD, link)


def test_the_rows_of_api_tokens_are_nobody(session: Session) -> None:
    quan, token = factories.agent(session, "quan", Role.ADMIN), factories.agent(session, "api.1")
    assert staff_admin.listing(session) == [quan]
    with pytest.raises(NotFound):
        staff_admin.enable(session, quan, token.id)


def test_a_new_person_chooses_their_password_once(session: Session) -> None:
    quan = factories.agent(session, "quan", Role.ADMIN)
    lan, token = staff_admin.invite(session, quan, "lan", "Nguyễn Thị Lan", Role.AGENT)
    assert staff.verify(session, "lan", "!") is None
    assert staff_links.use(session, LinkPurpose.PASSWORD, token).staff_id == lan.id
    with pytest.raises(LinkSpent):
        staff_links.use(session, LinkPurpose.PASSWORD, token)


def test_links_run_out_and_a_newer_one_ends_the_older(session: Session) -> None:
    lan = factories.agent(session)
    with time_machine.travel("2026-11-22T01:00:00Z", tick=False) as traveller:
        older = staff_links.give(session, LinkPurpose.PASSWORD, lan.id)
        newer = staff_links.give(session, LinkPurpose.PASSWORD, lan.id)
        assert newer not in session.scalars(select(StaffLink.token_hash)).all()
        with pytest.raises(LinkSpent):
            staff_links.look(session, LinkPurpose.PASSWORD, older)
        with pytest.raises(LinkSpent):
            staff_links.look(session, LinkPurpose.FIRST, newer)
        assert staff_links.look(session, LinkPurpose.PASSWORD, newer).staff_id == lan.id
        traveller.shift(timedelta(hours=24))
        with pytest.raises(LinkSpent):
            staff_links.use(session, LinkPurpose.PASSWORD, newer)


def test_the_first_person_is_the_owner_and_there_is_one_first(session: Session) -> None:
    link = first_admin.invite(session)
    with pytest.raises(InvalidInput), session.begin_nested():
        first_admin.create(session, link, "chu", "Chủ", "ngắn")
    owner = first_admin.create(session, link, "chu", "Chủ Cửa Hàng", PASSWORD)
    assert owner.role is Role.OWNER
    with pytest.raises(LinkSpent):
        first_admin.create(session, link, "hai", "Hai", PASSWORD)
    with pytest.raises(AdminExists, match="chu"):
        first_admin.invite(session)


def test_the_database_refuses_to_change_or_delete_the_audit_log(database: Database) -> None:
    with database.begin() as session:
        lan = factories.agent(session)
        audit.record(session, lan, "claim", "escalation", 7, note="x")
    every = [
        delete(AuditEntry),
        update(AuditEntry).values(action="nothing"),
        update(AuditEntry).values(detail={}),
        update(AuditEntry).values(detail={"erased": True}, staff_id=None),
        update(AuditEntry).values(at=clock.now() - timedelta(days=1)),
    ]
    for forbidden in every:
        with pytest.raises(DBAPIError, match="append-only"), database.begin() as session:
            session.execute(forbidden)
    with database.begin() as session:
        session.execute(update(AuditEntry).values(detail={"erased": True}))
        entry = session.scalars(select(AuditEntry)).one()
        assert (entry.action, entry.staff_id, entry.detail) == ("claim", lan.id, {"erased": True})


def test_the_log_is_read_in_pages_and_filtered(session: Session) -> None:
    lan, hai = factories.agent(session), factories.agent(session, "hai")
    with time_machine.travel("2026-11-20T16:30:00Z", tick=False) as traveller:
        for number in range(30):
            audit.record(session, (lan, hai, None)[number % 3], "claim" if number % 2 else "reply", "x", number)
            session.flush()
            if number % 5 == 4:
                traveller.shift(timedelta(hours=6))
    seen, key = [], ""
    while found := audit.page(session, audit.Filter(), key, limit=7):
        seen += [line.entry.subject_id for line in found]
        key = found[-1].key
    assert seen == list(range(29, -1, -1))
    assert audit.actions(session) == ["claim", "reply"]
    mine = audit.page(session, audit.Filter(staff_id=lan.id, action="reply"))
    assert {(line.name, line.entry.subject_id % 6) for line in mine} == {("Lan", 0)}
    assert [line.entry.subject_id for line in audit.page(session, audit.Filter(subject="x", subject_id=4))] == [4]
    day = date(2026, 11, 20)  # 16:30 UTC is 23:30 in Vietnam: the next lines are of the 21st
    assert len(audit.page(session, audit.Filter(since=day, until=day))) == 5
    assert len(audit.page(session, audit.Filter(since=day + timedelta(days=1)))) == 25
    assert len(audit.page(session, audit.Filter(), "no key at all")) == 30


def test_a_link_is_used_by_one_of_two(database: Database) -> None:
    with database.begin() as session:
        token = staff_links.give(session, LinkPurpose.FIRST)
    with database.begin() as session:
        link = staff_links.look(session, LinkPurpose.FIRST, token)
        assert link.used_at is None
        staff_links.use(session, LinkPurpose.FIRST, token)
        with pytest.raises(LinkSpent):
            staff_links.use(session, LinkPurpose.FIRST, token)
    with database.read() as session:
        assert session.scalar(select(func.count()).where(StaffLink.used_at.is_not(None))) == 1
        assert session.scalars(select(Staff)).all() == []
