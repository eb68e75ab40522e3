import itertools
from collections import Counter

import pytest
from sqlalchemy import select, true
from sqlalchemy.orm import Session

from crm import complaints, consents, contact_policy, reach
from crm.complaints import Report
from crm.models.people import ChannelAccount, Customer, Purpose
from crm.settings import settings
from tests.crm import factories

CASES = list(itertools.product([True, False], [None, True, False], [True, False]))


@pytest.mark.parametrize("purpose", list(Purpose))
def test_the_query_says_what_the_policy_says_in_every_case(session: Session, purpose: Purpose) -> None:
    talks = {}
    for number, (reachable, agreed, complains) in enumerate(CASES):
        talk = factories.conversation(session, 1000 + number)
        talk.account.reachable = reachable
        if agreed is not None and purpose is not Purpose.SERVICE:
            consents.record(session, talk.customer_id, purpose, granted=not agreed, channel="test")
            consents.record(session, talk.customer_id, purpose, granted=agreed, channel="test")
        if complains:
            complaints.submit(session, talk.customer, talk, Report("hỏng"))
        talks[talk.customer_id] = talk
    session.flush()
    said: dict[int, str | None] = dict(
        session.execute(select(Customer.id, reach.refusal(purpose, settings().bot_id))).all()
    )
    expected = {
        number: contact_policy.standing_refusal(session, talk.account, purpose) for number, talk in talks.items()
    }
    assert said == expected
    counted = dict(session.execute(reach.counts(purpose, settings().bot_id, Customer.id > 2)).all())
    assert counted == Counter(why for number, why in expected.items() if number > 2)
    assert len(set(expected.values())) == {Purpose.SERVICE: 2, Purpose.GREETINGS: 3, Purpose.MARKETING: 4}[purpose]


def test_a_chat_of_another_bot_is_no_chat_and_a_reachable_one_goes_before_a_newer_blocked_one(session: Session) -> None:
    talk = factories.conversation(session, 1)
    bot = settings().bot_id
    blocked = ChannelAccount(
        customer_id=talk.customer_id, bot_id=bot, chat_id=2, reachable=False, created_at=talk.created_at
    )
    session.add(blocked)
    session.flush()
    assert session.scalar(select(reach.account_id(bot)).select_from(Customer)) == talk.account_id
    assert session.scalar(select(reach.refusal(Purpose.SERVICE, bot))) is None
    assert session.scalar(select(reach.refusal(Purpose.SERVICE, bot + 1))) == "no_account"
    assert session.execute(reach.counts(Purpose.SERVICE, bot, true())).all() == [(None, 1)]
    assert session.execute(reach.counts(Purpose.SERVICE, bot + 1, true())).all() == [("no_account", 1)]
