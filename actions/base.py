"""What every action has in common: a transaction in a thread, a time limit, and an answer whatever happens."""

import asyncio
import copy
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from rasa_sdk import Action, Tracker  # type: ignore[import-untyped]
from rasa_sdk.executor import CollectingDispatcher  # type: ignore[import-untyped]
from sqlalchemy.orm import Session

from actions import tone
from actions.catches import caught_by
from actions.drafts import draft_of, offer
from actions.subjects import share_subject
from actions.turn import Event, Reply, Turn, UnknownCustomer
from crm import templates
from crm.db import database
from crm.settings import settings

logger = logging.getLogger(__name__)
# An action answers or fails before Rasa gives it up (8 s), and Rasa before the bot does (9 s). What an action has not
# done by COMMIT_BY_S is rolled back, so that what the customer was told had failed is not done behind their back.
TIME_LIMIT_S = 7.0
COMMIT_BY_S = 5.0
Serve = Callable[[Session, Turn, Reply], None]


def _unserved(session: Session, turn: Turn, reply: Reply) -> None:
    raise LookupError("nothing was given that answers the second question (actions/__init__.py)")


class Seconds:
    """What answers the second thing that a message asks. The package gives it: it is built on the actions."""

    serve: ClassVar[Serve] = staticmethod(_unserved)


class CareAction(Action, ABC):  # type: ignore[misc]
    """One action of the domain. Subclasses give `action`, and `act`, which runs in one transaction of its own.

    `writes` False opens the database for looking only. `looks_first` True: it looks for articles, which takes long,
    before it writes, and may be run again; no other writer waits meanwhile. `listens` False: the message is not first
    looked at as an answer to something the assistant asked outside of the rules (a survey, "did it help?").
    `ends_turn` True: the customer speaks next, which no rule says where the action is reached past the rules or changed
    what they look at.
    `answers` False: the action goes with another one, which answers the message. `redirects` False: the message was
    given to this action already, and is looked at by no other.
    """

    action: ClassVar[str]
    writes: ClassVar[bool] = False
    looks_first: ClassVar[bool] = False
    listens: ClassVar[bool] = True
    ends_turn: ClassVar[bool] = False
    answers: ClassVar[bool] = True
    redirects: ClassVar[bool] = True

    @abstractmethod
    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        """Does the work and fills `reply`. Whatever it raises becomes a kind answer; nothing is then written."""

    def name(self) -> str:
        """The name in the domain."""
        return self.action

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Rasa's way in."""
        turn = Turn(tracker)
        try:
            reply = await asyncio.wait_for(asyncio.to_thread(self._work, turn), TIME_LIMIT_S)
        except UnknownCustomer as unknown:
            logger.warning("%s: %s", self.action, unknown)
            reply = self._failed(turn, "utter_unknown_customer")
        except Exception:
            logger.exception("%s failed, turn %s", self.action, turn.metadata.get("turn_id"))
            reply = self._failed(turn, "utter_technical_problem")
        if self.ends_turn and not reply.follows:
            reply.follow("action_listen")
        for message in reply.messages:
            dispatcher.utter_message(**message)
        return reply.events

    def _work(self, turn: Turn) -> Reply:
        commit_by, writes = time.monotonic() + COMMIT_BY_S, self.writes or turn.second is not None

        def answer(session: Session) -> Reply:
            reply = self._answered(session, copy.copy(turn))
            if writes and time.monotonic() > commit_by:
                raise TimeoutError(f"{self.action} was ready too late to be committed")
            return reply

        reply = self._in_transaction(answer, writes, self.looks_first or turn.second is not None)
        for message in reply.messages:
            message.update({key: value for key, value in templates.shop_words().items() if key not in message})
        return reply

    def _in_transaction(self, answer: Callable[[Session], Reply], writes: bool, looks_first: bool) -> Reply:
        store = database(settings().database_url)
        if writes and looks_first:
            return store.write_late(answer)
        with store.begin() if writes else store.read() as session:
            return answer(session)

    def _answered(self, session: Session, turn: Turn) -> Reply:
        reply = Reply()
        caught = self._caught(session, turn)
        if caught:
            reply.follow(caught)
            return reply
        if self.answers and turn.second is not None:
            share_subject(session, turn.of_second(reply), turn)
        self.act(session, turn, reply)
        if self.answers:
            _complete(session, turn, reply)
        if turn.slot("expecting") is not None and not reply.sets("expecting"):
            reply.set(expecting=None)
        for write in reply.writes:
            write()
        return reply

    def _caught(self, session: Session, turn: Turn) -> str | None:
        if not (self.answers and self.redirects):
            return None
        caught = caught_by(session, turn, listens=self.listens)
        return caught if caught != self.action else None

    def _failed(self, turn: Turn, response: str) -> Reply:
        reply = Reply(events=self.after_failure(turn))
        reply.set(expecting=None)
        reply.say(response)
        return reply

    def after_failure(self, turn: Turn) -> list[Event]:
        """Events that keep the conversation usable after a failure."""
        return []


def _complete(session: Session, turn: Turn, reply: Reply) -> None:
    """What every answer has besides its own: the second question, a calm tone, and where a complaint was left."""
    if turn.second is not None:
        Seconds.serve(session, turn, reply)
    tone.soften(turn, reply)
    free = turn.loop is None and not reply.follows and reply.value("expecting") is None
    if free and turn.opens_session and turn.intent not in ("complaint", "talk_to_human") and _draft_stays(turn, reply):
        offer(turn, reply)


def _draft_stays(turn: Turn, reply: Reply) -> bool:
    return draft_of(turn) is not None and not reply.sets("complaint_description")
