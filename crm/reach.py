"""Whom a purpose reaches, for whole audiences in one query: the same rules as `contact_policy.standing_refusal`.

A test compares the two on every combination. Both are planning only: what is sent is judged again as it is sent.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, Subquery, case, exists, func, select
from sqlalchemy.orm import Session

from crm.complaints import OPEN_STATES
from crm.contact_policy import Refusal
from crm.models.care import Complaint
from crm.models.people import ChannelAccount, Consent, Customer, Purpose


def account_id(bot_id: int) -> ScalarSelect[int]:
    """The chat a customer is written to in: of this bot's, reachable ones first, then the newest."""
    mine = select(ChannelAccount.id).where(ChannelAccount.customer_id == Customer.id, ChannelAccount.bot_id == bot_id)
    newest = mine.order_by(ChannelAccount.reachable.desc(), ChannelAccount.id.desc()).limit(1)
    return newest.correlate(Customer).scalar_subquery()


def accounts(session: Session, ids: Iterable[int | None]) -> dict[int, ChannelAccount]:
    """The accounts with these numbers, in one query."""
    wanted = select(ChannelAccount).where(ChannelAccount.id.in_({number for number in ids if number is not None}))
    return {account.id: account for account in session.scalars(wanted)}


def refusal(purpose: Purpose, bot_id: int) -> ColumnElement[Any]:
    """Why a row of `customers` is not written to for `purpose`: a Refusal's value, NULL when nothing forbids it."""
    forbidden: list[tuple[ColumnElement[bool], str]] = [
        (~_has_account(bot_id), Refusal.NO_ACCOUNT.value),
        (~_has_account(bot_id, ChannelAccount.reachable.is_(True)), Refusal.UNREACHABLE.value),
    ]
    if purpose is not Purpose.SERVICE:
        forbidden.append((~_consents(purpose), Refusal.NO_CONSENT.value))
    if purpose is Purpose.MARKETING:
        forbidden.append((_complains(), Refusal.OPEN_COMPLAINT.value))
    return case(*forbidden, else_=None)


def counts(purpose: Purpose, bot_id: int, among: ColumnElement[bool]) -> Select[str | None, int]:
    """How many of the customers for whom `among` holds each reason of `refusal` keeps back, None: nothing does.

    As `refusal` for each of them, but each table is gone through once and not looked into for every customer: some
    three times as fast for many, slower for one.
    """
    chats, agreed, complaining = _chats(bot_id), _agreed(purpose), _complaining()
    forbidden: list[tuple[ColumnElement[bool], str]] = [
        (chats.c.customer_id.is_(None), Refusal.NO_ACCOUNT.value),
        (chats.c.reachable == 0, Refusal.UNREACHABLE.value),
    ]
    people = select(Customer.id).outerjoin(chats, chats.c.customer_id == Customer.id)
    if purpose is not Purpose.SERVICE:
        people = people.outerjoin(agreed, agreed.c.customer_id == Customer.id)
        forbidden.append((agreed.c.customer_id.is_(None), Refusal.NO_CONSENT.value))
    if purpose is Purpose.MARKETING:
        people = people.outerjoin(complaining, complaining.c.customer_id == Customer.id)
        forbidden.append((complaining.c.customer_id.is_not(None), Refusal.OPEN_COMPLAINT.value))
    why = people.where(among).with_only_columns(case(*forbidden, else_=None).label("why")).subquery()
    return select(why.c.why, func.count()).group_by(why.c.why)


def _chats(bot_id: int) -> Subquery:
    reachable = func.max(case((ChannelAccount.reachable.is_(True), 1), else_=0)).label("reachable")
    mine = select(ChannelAccount.customer_id, reachable).where(ChannelAccount.bot_id == bot_id)
    return mine.group_by(ChannelAccount.customer_id).subquery()


def _agreed(purpose: Purpose) -> Subquery:
    # The newest line's answer in one pass: its number doubled, and one more for a yes.
    newest = func.max(Consent.id * 2 + case((Consent.granted.is_(True), 1), else_=0))
    lines = select(Consent.customer_id).where(Consent.purpose == purpose).group_by(Consent.customer_id)
    return lines.having(newest % 2 == 1).subquery()


def _complaining() -> Subquery:
    waiting = select(Complaint.customer_id).where(Complaint.state.in_(OPEN_STATES))
    return waiting.distinct().subquery()


def _has_account(bot_id: int, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    mine = (ChannelAccount.customer_id == Customer.id, ChannelAccount.bot_id == bot_id)
    return exists(select(ChannelAccount.id).where(*mine, *conditions).correlate(Customer))


def _consents(purpose: Purpose) -> ColumnElement[bool]:
    ledger = select(Consent.granted).where(Consent.customer_id == Customer.id, Consent.purpose == purpose)
    latest = ledger.order_by(Consent.id.desc()).limit(1).correlate(Customer).scalar_subquery()
    return latest.is_(True)


def _complains() -> ColumnElement[bool]:
    waiting = select(Complaint.id).where(Complaint.customer_id == Customer.id, Complaint.state.in_(OPEN_STATES))
    return exists(waiting.correlate(Customer))
