"""What an advertisement says of its reader, and that nobody ever reads a hole."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm import advertisements, audiences, campaigns, clock, personal_fields, trial_sends
from crm.errors import InvalidInput, NotFound, PermissionDenied
from crm.models.campaigns import CampaignRecipient
from crm.models.conversations import Author, Direction, Message
from crm.models.messaging import Outbox, OutboxKind, OutboxState
from crm.models.people import Address, AuditEntry, Customer, Tier
from crm.personal_fields import MissingField
from tests.crm import factories
from tests.crm.broadcasts import draft, feed, marketer, reader, running, settle


def _hoa(tier: Tier = Tier.NONE, name: str = "Lê Thị Hoa") -> Customer:
    return Customer(name=name, address=Address.CO, tier=tier)


@pytest.mark.parametrize(
    ("body", "customer", "said"),
    [
        ("Hạng {tier} của {address}", _hoa(Tier.GOLD), "Hạng Vàng của cô"),
        ("Chào {tier|khách quen}", _hoa(), "Chào khách quen"),
        ("Chào {tier|khách quen}", _hoa(Tier.SILVER), "Chào Bạc"),
        ("Chào {name|bạn mới} nhé", _hoa(name=""), "Chào bạn mới nhé"),
        ("Chào {name|bạn mới} nhé", _hoa(name="😀"), "Chào bạn mới nhé"),
        ("Chào {name|bạn mới} nhé", _hoa(), "Chào Hoa nhé"),
        ("Mã {voucher|nhận tại quầy: tầng 1}", _hoa(), "Mã nhận tại quầy: tầng 1"),
        ("{{giảm}} {points|0 điểm}", _hoa(), "{giảm} 0 điểm"),
        ("Chào {name}", _hoa(name="Bé {points}"), "Chào {points}"),
        ("Chào {name} *sale* <b>_[x](y)", _hoa(name="<b>&_*["), "Chào <b>&_*[ *sale* <b>_[x](y)"),
    ],
)
def test_fields_and_the_words_instead(body: str, customer: Customer, said: str) -> None:
    assert advertisements.preview(body, customer).startswith(f"[QC] {said}\n\n")


@pytest.mark.parametrize("body", ["{tier}", "Có {points} điểm", "{voucher}"])
def test_a_hole_is_an_error(body: str) -> None:
    with pytest.raises(MissingField):
        advertisements.preview(body, _hoa())


@pytest.mark.parametrize(
    "body", ["{tier|}", "{tier| }", "{tier|{name}}", "{tier|a!r}", "{shop|x}", "{tier:5}", "{tier|x:{name}}", "{|x}"]
)
def test_words_instead_that_cannot_be_are_refused(body: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        advertisements.check(body)
    assert refused.value.field == "text"


def test_the_longest_reader_counts_words_instead_and_tiers() -> None:
    room = advertisements.LONGEST - advertisements.length(advertisements.preview("x", _hoa())) + 1
    advertisements.check("{tier|y}" + "x" * (room - len("Thành viên")))
    for body in ("{tier|y}" + "x" * (room - 9), "{points|" + "y" * (room + 1) + "}"):
        with pytest.raises(InvalidInput):
            advertisements.check(body)


def test_holes_are_counted_before_anything_is_sent(session: Session) -> None:
    minh = marketer(session)
    for number in range(1, 6):
        reader(session, number, tier=Tier.GOLD if number < 3 else Tier.NONE)
    reader(session, 6, agreed=False)
    body = "Hạng {tier}, {points} điểm, {voucher|không mã}"
    assert audiences.lacking(session, audiences.EVERYBODY, body) == {"tier": 3, "points": 5}
    assert audiences.lacking(session, audiences.tier(Tier.GOLD), "Hạng {tier}") == {}
    campaign = draft(session, minh, body)
    for refused in (campaigns.approve, campaigns.schedule):
        with pytest.raises(MissingField) as missing:
            refused(session, campaign, minh)
        assert missing.value.counts == {"tier": 3, "points": 5}
    campaigns.edit(session, campaign, minh, "Khác", "Hạng {tier|thành viên}", audiences.EVERYBODY)
    campaigns.schedule(session, campaign, minh)


def test_who_lost_the_field_since_is_left_out_and_not_written_a_hole(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    minh = marketer(session)
    talks = [reader(session, number, tier=Tier.GOLD) for number in range(1, 24)]
    campaign = draft(session, minh, "Hạng {tier}")
    campaigns.schedule(session, campaign, minh)
    talks[0].customer.tier = Tier.NONE  # before the people are frozen
    feed(session)
    talks[22].customer.tier = Tier.NONE  # after that, before their turn
    settle(session, campaign, OutboxState.SENT)
    feed(session)
    left = {row.customer_id: row.reason for row in session.scalars(select(CampaignRecipient)) if row.reason}
    assert left == dict.fromkeys((talks[0].customer_id, talks[22].customer_id), personal_fields.LACKING)
    assert len(session.scalars(select(Outbox)).all()) == 21


def test_an_edit_in_a_pause_is_checked_against_those_who_are_left(session: Session) -> None:
    minh = marketer(session)
    first = reader(session, 1)
    reader(session, 2, tier=Tier.GOLD)
    campaign = running(session, minh)
    campaigns.pause(session, campaign, minh)
    with pytest.raises(MissingField) as missing:
        campaigns.edit(session, campaign, minh, "Sửa", "Hạng {tier}", audiences.EVERYBODY)
    assert missing.value.counts == {"tier": 1}
    sent = session.scalars(select(Outbox).where(Outbox.account_id == first.account_id)).one()
    sent.state = OutboxState.SENT
    session.flush()
    campaigns.edit(session, campaign, minh, "Sửa", "Hạng {tier}", audiences.EVERYBODY)


def test_a_text_is_tried_in_ones_own_chat_at_any_hour_and_counts_for_nothing(session: Session) -> None:
    minh = marketer(session)
    own = reader(session, 77, agreed=False)
    with pytest.raises(NotFound):
        trial_sends.send(session, minh, "Chào {address} {name}")
    proof = trial_sends.Proof(session)
    with pytest.raises(NotFound):
        trial_sends.link(session, minh, proof)
    session.add(
        Message(conversation_id=own.id, direction=Direction.IN, author=Author.CUSTOMER, text=proof.code, at=clock.now())
    )
    session.flush()
    assert trial_sends.link(session, minh, proof).id == own.account_id
    trial_sends.send(session, minh, "Chào {address} {name}")
    row = session.scalars(select(Outbox)).one()
    assert (row.account_id, row.kind, row.campaign_id) == (own.account_id, OutboxKind.REPLY, None)
    assert row.body["text"].startswith("[QC] Chào chị Hạnh")
    with pytest.raises(MissingField):
        trial_sends.send(session, minh, "{points} điểm")
    session.flush()
    actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == ["trial_account", "campaign_trial"]
    with pytest.raises(PermissionDenied):
        trial_sends.link(session, factories.agent(session), proof)


def test_a_code_from_before_or_from_the_shop_proves_nothing(session: Session) -> None:
    own = reader(session, 77)
    proof = trial_sends.Proof(session)
    out = {"direction": Direction.OUT, "author": Author.STAFF}
    session.add(Message(conversation_id=own.id, text=proof.code, at=clock.now(), **out))
    session.add(
        Message(
            conversation_id=own.id,
            direction=Direction.IN,
            author=Author.CUSTOMER,
            text=f"x{proof.code}",
            at=clock.now(),
        )
    )
    session.flush()
    assert proof.chat(session) is None
