"""The purge, killed with SIGKILL at random moments night after night: what may go is gone in the end, nothing else."""

from datetime import timedelta

from sqlalchemy import update

from crm import clock, inbound, purge
from crm.db import Database
from crm.inbound import Arrival
from crm.models.conversations import Author, Direction, Message
from crm.models.housekeeping import Housekeeping
from crm.models.messaging import Inbound, InboundState
from crm.models.people import AuditEntry
from crm.settings import settings
from tests.crm import factories
from tests.operations.houses import House, Kills

OLD, YOUNG = 3000, 50
LONG_AGO = timedelta(days=400)


def _fill(house: House) -> None:
    with house.database.begin() as session:
        talk = factories.conversation(session)
        inbound.store(session, settings().bot_id, [Arrival(n, talk.account.chat_id, {}) for n in range(OLD + YOUNG)])
        old = update(Inbound).where(Inbound.update_id < OLD)
        session.execute(update(Inbound).values(state=InboundState.DONE))
        session.execute(old.values(received_at=clock.now() - LONG_AGO))
        for number in range(OLD // 10):
            house.photo(f"{number}.jpg")
            said = {"direction": Direction.IN, "author": Author.CUSTOMER, "text": "x", "inbound_id": number + 1}
            photo = [{"kind": "photo", "path": f"{number}.jpg"}]
            session.add(Message(conversation_id=talk.id, attachments=photo, at=clock.now() - LONG_AGO, **said))
        talk_young = {"direction": Direction.IN, "author": Author.CUSTOMER, "text": "y", "at": clock.now()}
        house.photo("young.jpg")
        session.add(
            Message(conversation_id=talk.id, attachments=[{"kind": "photo", "path": "young.jpg"}], **talk_young)
        )


def _purge() -> None:
    own = Database(settings().database_url)
    purge.run(purge.Doors(own.read, own.begin, lambda: False), clock.now())


def test_killed_again_and_again_it_ends_where_it_would_have(house: House) -> None:
    _fill(house)
    house.rest()
    kills = Kills(longest_s=0.35)
    for seed in kills.rounds(10, wanted=3):
        kills.kill(_purge, seed)
    _purge()
    with house.database.read() as session:
        assert session.query(Inbound).count() == YOUNG
        assert session.query(Message).count() == OLD // 10 + 1
        assert all(not message.attachments for message in session.query(Message).filter_by(text="x"))
        work = session.query(Housekeeping).one()
        assert work.counts["inbound"] == OLD
        # A photo whose file went just before the kill is counted by nobody.
        assert OLD // 10 - 100 * kills.cut_off <= work.counts["photos"] <= OLD // 10
        assert session.query(AuditEntry).filter_by(action="purge").count() >= 1
    assert house.photos() == {"young.jpg"}
