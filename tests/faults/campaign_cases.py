"""Faults 27, 28, 33 and 34: what people do to a broadcast while it runs, and what may stand in it."""

import random
import re
import time
from collections.abc import Sequence

from sqlalchemy import Select, select, update

from crm import audiences, customers, personal_data_erase
from crm.errors import InvalidInput
from crm.models.campaigns import CampaignRecipient
from crm.models.messaging import OutboxState
from crm.models.people import ChannelAccount, Customer, Tier
from crm.personal_fields import MissingField
from tests.faults.audience import gather, name_of, writing
from tests.faults.broadcast import WITHOUT_BRAKES, Broadcast, advertisements
from tests.faults.case import Tally, case
from tests.faults.privacy_cases import as_process
from tests.faults.telegram import wait_for_calls
from tests.faults.world import World

RATE = 25
WITHIN_S = 1.0
FULL = 5  # pauses of one broadcast in the full round; times do not decide in `make test`
VERSION = re.compile(r"\(bản (\d+)\).*\(hết bản (\d+)\)", re.DOTALL)
CONFIRMED = re.compile(r"ngừng gửi quảng cáo .*từ \d\d:\d\d ngày \d\d/\d\d/\d{4}")
BAD_TEXTS = ("{ten} ơi", "Chào {name", "Chào } bạn", "Chào {}", "Chào {name!r}", "Chào {name:>9}", "ă" * 4097, " \n ")
WITHOUT_DATA = ("Còn {points} điểm", "Mã {voucher} của {name}")
ODD_NAMES = ("<b>&_*[", "</i><script>alert(1)</script>", "{address}", "{0}", "%s %(a)s", "[x](tg://user?id=1)", "`_*~|")


def _text(version: int) -> str:
    return f"Ưu đãi (bản {version}) cho {{name}}: ghé shop tuần này nhé (hết bản {version})"


@case(27, "pause, edit, resume, cancel while running", tries=20, short=2)
def interrupted(world: World, tries: int, dice: random.Random) -> Tally:
    """Each try is one pause with an edit or without; every fifth ends with a cancellation and another tier's turn."""
    tally = Tally(tries=tries)
    tiers = [Tier.SILVER, Tier.GOLD, Tier.PLATINUM, Tier.NONE]
    rounds = [tries // 4] * 4 if tries >= 8 else [tries]
    people = [gather(world, 60 + 55 * count, first=810_000_001 + 10_000 * n) for n, count in enumerate(rounds)]
    for tier, chats in zip(tiers, people, strict=False):
        _put_into(world, chats, tier)
    world.settings |= WITHOUT_BRAKES | {"TRIAN_SEND_RATE": str(RATE)}
    world.start("scheduler")
    world.start("bot")
    for tier, chats, count in zip(tiers, people, rounds, strict=False):
        _interrupted_campaign(world, tally, dice, Broadcast(world, _text(1), audiences.tier(tier)), chats, count)
    tally.expect(world.settle(), "it did not come to rest")
    world.audit().into(tally)
    return tally


def _interrupted_campaign(
    world: World, tally: Tally, dice: random.Random, broadcast: Broadcast, chats: Sequence[int], count: int
) -> None:
    mark, version = world.mark(), 1
    for _ in range(count):
        wait_for_calls(world.telegram, world.telegram.last(), dice.randint(5, 20))
        _nothing_after(world, tally, "pause", broadcast, len(chats))
        before = world.telegram.last()
        if dice.random() < 0.7:
            version += 1
            broadcast.rewrite(_text(version))
        broadcast.resume()
        _goes_on(world, tally, before, timed=count >= FULL)
        versions = {_version(call["text"]) for call in advertisements(world, before)}
        tally.equal(versions, {(version, version)}, "versions sent after it was resumed")
    wait_for_calls(world.telegram, world.telegram.last(), 3)
    _nothing_after(world, tally, "cancel", broadcast, len(chats))
    tally.expect(broadcast.over(), "it is not over after a cancellation")
    _no_mixture(world, tally, broadcast, mark.call)


def _nothing_after(world: World, tally: Tally, act: str, broadcast: Broadcast, people: int) -> None:
    """Pauses or cancels, and looks that nothing is sent from a second later on, and that everybody is counted."""
    getattr(broadcast, act)()
    done = time.time()
    time.sleep(WITHIN_S + 1.5)
    late = [round(call["time"] - done, 2) for call in advertisements(world) if call["time"] > done + WITHIN_S]
    tally.expect(not late, f"sent after a {act}, seconds: {late[:5]}")
    broadcast.counts_add_up(tally, people, f"after a {act}")


def _goes_on(world: World, tally: Tally, since: int, *, timed: bool) -> None:
    """Looks that sending goes on; `timed`: within a second of this moment, just after it was resumed."""
    resumed = time.time()
    tally.expect(wait_for_calls(world.telegram, since, 3), "nothing is sent after it was resumed")
    first = min((call["time"] for call in advertisements(world, since)), default=resumed)
    tally.expect(not timed or first <= resumed + WITHIN_S, f"sent {first - resumed:.2f} s after it was resumed")


def _no_mixture(world: World, tally: Tally, broadcast: Broadcast, since: int) -> None:
    """Each person has got one whole version, the one that stands on their row, with their own name."""
    with world.database.read() as session:
        wanted = (
            select(ChannelAccount.chat_id, CampaignRecipient.version)
            .join(ChannelAccount, ChannelAccount.customer_id == CampaignRecipient.customer_id)
            .where(CampaignRecipient.campaign_id == broadcast.id)
        )
        versions = {row.chat_id: row.version for row in session.execute(wanted)}
    got: dict[int, list[str]] = {}
    for call in advertisements(world, since):
        got.setdefault(call["chat_id"], []).append(call["text"])
    for chat, texts in got.items():
        tally.equal(len(texts), 1, f"advertisements to {chat}")
        tally.equal(_version(texts[0]), (versions[chat], versions[chat]), f"version that {chat} read, and on record")
        tally.expect(name_of(chat).split()[-1] in texts[0], f"{chat} is called by another name: {texts[0]}")


def _version(text: str) -> tuple[int, int]:
    found = VERSION.search(text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _put_into(world: World, chats: Sequence[int], tier: Tier) -> None:
    with world.database.begin() as session:
        session.execute(update(Customer).where(Customer.id.in_(_owners(chats))).values(tier=tier))


def _owners(chats: Sequence[int]) -> Select[int]:
    return select(ChannelAccount.customer_id).where(ChannelAccount.chat_id.in_(chats))


@case(28, "a stop request while a broadcast runs", tries=100, short=12)
def stopped(world: World, tries: int, dice: random.Random) -> Tally:
    """`tries` of the people it is for say stop, at random moments, in several spellings."""
    tally, chats = Tally(tries=tries), gather(world, tries * 3 + 60)
    world.settings |= WITHOUT_BRAKES | {"TRIAN_SEND_RATE": str(RATE)}
    world.start("scheduler")
    broadcast = Broadcast(world, "Khai trương chi nhánh mới, mời {name}")
    world.start("bot")
    wait_for_calls(world.telegram, 0, 5)
    stopping = dice.sample(chats, tries)
    for chat in stopping:
        world.telegram.write(chat, dice.choice(("STOP", "stop", "Từ chối", "TC", "huỷ đăng ký")))
        time.sleep(dice.uniform(0, 2 * len(chats) / RATE / tries))
    tally.expect(world.reaches(broadcast.over, 120), "it did not come to its end")
    tally.expect(world.settle(), "it did not come to rest")
    calls = world.telegram.accepted()
    for chat in stopping:
        texts = [str(call["text"]) for call in calls if call["chat_id"] == chat]
        confirmed = [number for number, text in enumerate(texts) if CONFIRMED.search(text)]
        tally.equal(len(confirmed), 1, f"confirmations with the time for {chat}")
        after = [text for text in texts[confirmed[0] :] if text.startswith("[QC]")] if confirmed else []
        tally.expect(not after, f"{chat} got advertising after the confirmation")
    now = broadcast.counts_add_up(tally, len(chats), "at the end")
    left = now.states.get(OutboxState.SKIPPED, 0) + now.left_out
    tally.equal(now.states.get(OutboxState.SENT, 0) + left, len(chats), "sent, and taken back with a reason")
    tally.expect(left > 0, "every stop came too late: the case has shown nothing")
    world.audit().into(tally)
    return tally


@case(33, "a template with holes, braces, markup, 4,097 letters", tries=1, short=0)
def odd_templates(world: World, tries: int, dice: random.Random) -> Tally:
    """What cannot be sent whole is refused before anything is; odd names arrive as they are, as plain text."""
    tally = Tally(tries=len(BAD_TEXTS) + len(WITHOUT_DATA) + len(ODD_NAMES))
    chats = gather(world, len(ODD_NAMES) + 1)
    world.settings |= WITHOUT_BRAKES
    for text in (*BAD_TEXTS, *WITHOUT_DATA):
        try:
            Broadcast(world, text)
            tally.failed.append(f"not refused: {text[:40]!r}")
        except (InvalidInput, MissingField):
            continue
    names = dict(zip(chats, (*ODD_NAMES, ""), strict=True))
    with writing(world) as session:
        for chat, name in names.items():
            account = session.scalars(select(ChannelAccount).where(ChannelAccount.chat_id == chat)).one()
            customers.rename(session.get_one(Customer, account.customer_id), name)
    world.start("scheduler")
    world.start("bot")
    body = "Chào {name}, <b>giảm</b> 10% & 2*3_4 [tại đây]"
    broadcast = Broadcast(world, body)
    tally.expect(world.reaches(broadcast.over, 60), "it did not come to its end")
    for call in advertisements(world):
        said = _called(names[call["chat_id"]])
        tally.expect(f"{said}, <b>" in call["text"], f"{said} is called otherwise: {call['text']!r}")
        tally.expect("{" not in call["text"].replace(said, ""), f"a hole: {call['text']!r}")
        tally.expect("<b>giảm</b> 10% & 2*3_4" in call["text"], f"changed: {call['text']!r}")
        tally.expect(not call["params"].get("parse_mode"), "sent with markup")
    tally.equal(len(advertisements(world)), len(chats), "advertisements that arrived")
    world.audit().into(tally)
    return tally


def _called(name: str) -> str:
    """What an advertisement calls somebody of this name: the last word, nothing where there is no letter in it."""
    word = name.split()[-1] if name else ""
    return word if any(letter.isalnum() for letter in word) else ""


@case(34, "people join, leave and are erased while it runs", tries=60, short=0)
def moving_people(world: World, tries: int, dice: random.Random) -> Tally:
    """A third joins the tier, a third leaves it, a third is erased, some with a message queued and some without."""
    tally, third = Tally(tries=tries), tries // 3
    ahead = 200  # so many messages are queued at a time
    first, last = gather(world, 60), gather(world, ahead + 2 * third + 150, first=810_010_001)
    joining = gather(world, third, first=810_020_001)
    _put_into(world, [*first, *last], Tier.GOLD)
    world.settings |= WITHOUT_BRAKES
    world.start("scheduler", TRIAN_SEND_RATE="1")
    broadcast = Broadcast(world, "Riêng hạng vàng: mời {name}", audiences.tier(Tier.GOLD))
    world.start("bot", TRIAN_SEND_RATE=str(RATE))
    wait_for_calls(world.telegram, 0, 20)
    waiting = _not_queued(world, broadcast)
    tally.expect(len(waiting) >= 2 * third, f"only {len(waiting)} people are not queued yet")
    leaving, gone = waiting[-third:], waiting[-third - third // 2 : -third]
    forgotten = dice.sample(last[:ahead][-100:], third - len(gone))
    _put_into(world, joining, Tier.GOLD)
    _put_into(world, leaving, Tier.NONE)
    _erase(world, [*gone, *forgotten])
    tally.expect(world.reaches(broadcast.over, 120), "it did not come to its end")
    reached = {call["chat_id"] for call in advertisements(world)}
    tally.expect(not reached & {*gone, *forgotten}, f"erased and written to: {reached & {*gone, *forgotten}}")
    tally.expect(not reached & {*joining}, "somebody who joined later was written to")
    tally.expect({*leaving} <= reached, "somebody who left the tier later was forgotten")
    now = broadcast.counts_add_up(tally, len(first) + len(last), "at the end")
    tally.equal(now.states.get(OutboxState.SENT, 0), len(first) + len(last) - len(gone) - len(forgotten), "sent")
    tally.expect(all(now.reasons), "somebody was left out without a reason")
    return tally


def _not_queued(world: World, broadcast: Broadcast) -> list[int]:
    """The chats for whom nothing is queued yet, in the order in which they will be."""
    mine = (CampaignRecipient.campaign_id == broadcast.id, CampaignRecipient.outbox_id.is_(None))
    with world.database.read() as session:
        chats = select(ChannelAccount.chat_id).join(
            CampaignRecipient, CampaignRecipient.customer_id == ChannelAccount.customer_id
        )
        return list(session.scalars(chats.where(*mine).order_by(CampaignRecipient.rank, CampaignRecipient.id)))


def _erase(world: World, gone: Sequence[int]) -> None:
    """Erases everybody of `gone`, as the console does, while the broadcast goes on."""
    with world.database.read() as session:
        owners = list(session.scalars(_owners(gone)))
    with as_process(world):
        for customer_id in owners:
            personal_data_erase.erase(world.database, customer_id)
