"""Two of everything, killed in turn while customers write, a broadcast runs and a colleague has a console open: nothing
is lost, nothing is done twice.
"""

import collections
import contextlib
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from bot.updates import ALLOWED
from bot.webhook import PATH
from crm import audiences, campaigns, consents, staff
from crm.customers import Caller, meet
from crm.models.campaigns import Campaign, CampaignState
from crm.models.care import Complaint
from crm.models.messaging import ActionReceipt, Inbound, InboundState, Outbox, OutboxState
from crm.models.people import ChannelAccount, Purpose, Tier
from crm.models.staff import Role
from tests.e2e.several import Town, town
from tests.e2e.witnesses import CODE, Colleague, Customer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
CHATS = range(980_001, 980_011)
READERS = range(981_001, 981_901)
AT_A_TIME = 200  # more than all bots together have in flight
VICTIMS = (
    ("rasa-1", "actions-1", "bot-1", "scheduler-1", "console-1", "redis"),
    ("rasa-2", "actions-2", "bot-2", "scheduler-2", "console-2", "postgresql"),
)
BETWEEN_S = 1.5
SETTLES_S = 300.0


@pytest.fixture(scope="module")
def running() -> Iterator[Town]:
    with town() as running:
        running.serves()
        yield running


@pytest.fixture(scope="module")
def broadcast(running: Town) -> int:
    """The number of a campaign to all READERS, approved by a second person, and due now."""
    _wants(running, ["poll"])  # while the bots want no messages, what people write makes no update
    for chat in READERS:
        running.control("users", {"id": chat, "first_name": "Bình"})
        running.control(f"chats/{chat}/messages", {"text": "chào shop"})
    _wants(running, ALLOWED)
    with running.database.begin() as session:
        for chat in READERS:
            talk = meet(session, Caller(running.settings.bot_id, chat, "Bình"))
            talk.customer.tier = Tier.PLATINUM
            consents.record(session, talk.customer_id, Purpose.MARKETING, granted=True, channel="test")
        marketer, second = [
            staff.add(session, name, name.capitalize(), Role.MARKETING, "mat-khau-thu") for name in ("binh", "nga")
        ]
        campaign = campaigns.create(
            session, marketer, "Tri ân", "Shop mời cả nhà ghé chơi ạ", audiences.tier(Tier.PLATINUM)
        )
        campaigns.approve(session, campaign, second)
        campaigns.schedule(session, campaign, second)
        return campaign.id


def _wants(running: Town, kinds: list[str]) -> None:
    own = running.settings
    hook = {"url": f"{own.webhook_url}{PATH}", "secret_token": own.derived_secret("telegram-webhook")}
    said = httpx.post(f"{own.api_base_url}{own.token}/setWebhook", json={**hook, "allowed_updates": kinds})
    said.raise_for_status()


@pytest.fixture(scope="module")
def colleague(running: Town) -> Colleague:
    return Colleague(running)


@pytest.fixture(scope="module")
def customers(running: Town, broadcast: int, colleague: Colleague) -> list[Customer]:
    """Ten people who have lived through the death of each process, and have fallen silent; all is settled."""
    people = [Customer(running, chat) for chat in CHATS]
    for one in people:
        running.control("users", {"id": one.chat, "first_name": "Thảo"})
    stop = threading.Event()
    threads = [threading.Thread(target=work, args=(stop,)) for work in (colleague.work, *(one.live for one in people))]
    for thread in threads:
        thread.start()
    try:
        for victims in VICTIMS:
            _one_after_the_other(running, victims)
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    _settle(running, sum(one.sent for one in people), broadcast)
    return people


def _one_after_the_other(running: Town, victims: tuple[str, ...]) -> None:
    dead = []
    for name in victims:
        time.sleep(BETWEEN_S)
        dead.append((name, running.kill(name)))
    for name, pid in dead:
        running.serves_again(name, pid)


def _settle(running: Town, sent: int, broadcast: int) -> None:
    """Waits until every update is there and dealt with, the broadcast is over, and nothing is on its way out."""
    deadline = time.monotonic() + SETTLES_S
    while time.monotonic() < deadline:
        with contextlib.suppress(Exception), running.database.read() as session:
            there = session.scalar(select(func.count()).where(Inbound.chat_id.in_(CHATS))) or 0
            waits = session.scalar(select(func.count()).where(Inbound.state == InboundState.PENDING))
            moves = session.scalar(select(func.count()).where(Outbox.state.in_(_MOVING)))
            over = session.get_one(Campaign, broadcast).state is CampaignState.FINISHED
            if there >= sent and over and not waits and not moves:
                return
        time.sleep(0.5)


_MOVING = (OutboxState.QUEUED, OutboxState.SENDING)


def test_customers_did_write_while_processes_died(customers: list[Customer]) -> None:
    print({one.chat: (one.sent, one.confirmed, len(one.told)) for one in customers})
    assert sum(one.sent for one in customers) > 50
    assert sum(len(one.told) for one in customers) > 0, "nobody got through a complaint"


def test_every_update_was_handled_once_and_in_order(running: Town, customers: list[Customer]) -> None:
    with running.database.read() as session:
        rows = session.scalars(select(Inbound).where(Inbound.chat_id.in_(CHATS)).order_by(Inbound.update_id)).all()
    assert collections.Counter(row.state for row in rows) == {InboundState.DONE: sum(one.sent for one in customers)}
    for one in customers:
        mine = [row for row in rows if row.chat_id == one.chat]
        assert len(mine) == one.sent
        assert all(earlier.done_at < later.done_at for earlier, later in pairwise(mine)), one.chat


def test_every_reply_was_accepted_once_or_sent_again_once(running: Town, customers: list[Customer]) -> None:
    calls = running.control("accepted?method=sendMessage")["accepted"]
    accepted = collections.Counter((call["chat_id"], call["text"]) for call in calls)
    with running.database.read() as session:
        rows = session.execute(
            select(ChannelAccount.chat_id, Outbox).join(Outbox.account).where(ChannelAccount.chat_id.in_(CHATS))
        ).all()
    assert [(row.state, row.reason) for _, row in rows if row.state is not OutboxState.SENT] == []
    wanted = collections.Counter((chat, row.body["text"]) for chat, row in rows)
    again: collections.Counter[tuple[int, str]] = collections.Counter()
    for chat, row in rows:
        assert row.resends <= 1
        again[(chat, row.body["text"])] += row.resends
    mine: dict[Any, int] = {key: count for key, count in accepted.items() if key[0] in CHATS}
    assert mine.keys() == wanted.keys()
    for key, count in mine.items():
        assert wanted[key] <= count <= wanted[key] + again[key], key


def test_the_broadcast_reached_each_reader_once_and_what_is_unclear_is_said_so(
    running: Town, customers: list[Customer], broadcast: int
) -> None:
    calls = running.control("accepted?method=sendMessage")["accepted"]
    accepted = collections.Counter(call["chat_id"] for call in calls if call["chat_id"] in READERS)
    with running.database.read() as session:
        ours = select(ChannelAccount.chat_id, Outbox).join(Outbox.account).where(Outbox.campaign_id == broadcast)
        rows = session.execute(ours).all()
        assert session.get_one(Campaign, broadcast).state is CampaignState.FINISHED
    rows = [(chat, row) for chat, row in rows if chat in READERS]  # the demo shop has customers of that tier too
    assert sorted(chat for chat, _ in rows) == list(READERS)
    states = collections.Counter(row.state for _, row in rows)
    print(states)
    assert states.keys() <= {OutboxState.SENT, OutboxState.UNKNOWN}
    assert states[OutboxState.UNKNOWN] <= AT_A_TIME
    for chat, row in rows:
        assert accepted[chat] == 1 if row.state is OutboxState.SENT else accepted[chat] <= 1, chat


def test_somebody_always_served_the_console(customers: list[Customer], colleague: Colleague) -> None:
    assert (colleague.served > 10, colleague.refused) == (True, 0)


def test_no_complaint_is_lost_or_written_twice(running: Town, customers: list[Customer]) -> None:
    with running.database.read() as session:
        rows = session.execute(
            select(ChannelAccount.chat_id, Complaint.code).join(
                Complaint, Complaint.customer_id == ChannelAccount.customer_id
            )
        ).all()
        filed = [str(receipt.result.get("code")) for receipt in session.scalars(select(ActionReceipt))]
    mine = [code for chat, code in rows if chat in CHATS]
    # None was filed past its receipt, and no receipt is of nothing. Who was not told confirms again: the same code.
    assert {code for code in filed if CODE.fullmatch(code)} == set(mine)
    for one in customers:
        codes = {code for chat, code in rows if chat == one.chat}
        assert one.told <= codes, "a code was promised that is not in the records"
        assert len(codes) <= one.confirmed, "more complaints than confirmations"


def test_afterwards_the_assistant_answers_as_ever(running: Town, customers: list[Customer]) -> None:
    running.serves()
    running.control("users", {"id": 980_100, "first_name": "Bình"})
    played = running.control(
        "script",
        {
            "user_id": 980_100,
            "steps": [
                {"say": "may giat khong vat duoc do con uot sung"},
                {"expect": "Có giúp được", "timeout_s": 60},
                {"press": "Chưa được", "timeout_s": 60},
                {"expect": "nhân viên", "timeout_s": 60},
            ],
        },
    )
    assert played["ok"], played
