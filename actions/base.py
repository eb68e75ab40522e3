"""What every action has in common: a transaction in a thread, a time limit, and an answer whatever happens."""

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from rasa_sdk import Action, Tracker  # type: ignore[import-untyped]
from rasa_sdk.executor import CollectingDispatcher  # type: ignore[import-untyped]
from sqlalchemy.orm import Session

from actions.turn import Event, Reply, Turn, UnknownCustomer
from crm import clock, ratings, templates
from crm.db import database
from crm.scores import score_in
from crm.settings import settings
from crm.words import mentioned, normal, words

logger = logging.getLogger(__name__)
# An action answers or fails before Rasa gives it up (8 s), and Rasa before the bot does (9 s). What an action has not
# done by COMMIT_BY_S is rolled back, so that what the customer was told had failed is not done behind their back.
TIME_LIMIT_S = 7.0
COMMIT_BY_S = 5.0
SHORT_WORDS = 6


class CareAction(Action, ABC):  # type: ignore[misc]
    """One action of the domain. Subclasses give `action`, and `act`, which runs in one transaction of its own.

    `writes` False opens the database for looking only. `listens` False: the message is not first looked at as an
    answer to something the assistant asked outside of the rules (a survey, "did it help?"). `ends_turn` True: the
    customer speaks next, which no rule says where the action is reached past the rules or changed what they look at.
    """

    action: ClassVar[str]
    writes: ClassVar[bool] = False
    listens: ClassVar[bool] = True
    ends_turn: ClassVar[bool] = False

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
        if self.ends_turn:
            reply.follow("action_listen")
        for message in reply.messages:
            dispatcher.utter_message(**message)
        return reply.events

    def _work(self, turn: Turn) -> Reply:
        commit_by = time.monotonic() + COMMIT_BY_S
        store = database(settings().database_url)
        with store.begin() if self.writes else store.read() as session:
            reply = Reply()
            caught = self.listens and not turn.aside and _answers_earlier(session, turn)
            if caught:
                reply.follow(caught)
            else:
                self.act(session, turn, reply)
                if turn.slot("expecting") is not None and not reply.sets("expecting"):
                    reply.set(expecting=None)
            if self.writes and time.monotonic() > commit_by:
                raise TimeoutError(f"{self.action} was ready too late to be committed")
        for message in reply.messages:
            message.update({key: value for key, value in templates.shop_words().items() if key not in message})
        return reply

    def _failed(self, turn: Turn, response: str) -> Reply:
        reply = Reply(events=self.after_failure(turn))
        reply.set(expecting=None)
        reply.say(response)
        return reply

    def after_failure(self, turn: Turn) -> list[Event]:
        """Events that keep the conversation usable after a failure."""
        return []


def _answers_earlier(session: Session, turn: Turn) -> str | None:
    """The action that a short message without context belongs to: a survey's answer, or "it did not help"."""
    if turn.pressed or not 0 < len(normal(turn.text).split()) <= SHORT_WORDS:
        return None
    if turn.slot("expecting") == "helpful":
        lists = words("dialogue")
        if mentioned(turn.text, lists["not_helped"]):
            return "action_not_helpful"
        if mentioned(turn.text, lists["helped"]):
            return "action_mark_helpful"
    if turn.customer_id is not None and score_in(turn.text) is not None:
        awaited = ratings.awaited_survey(session, turn.customer_id, clock.now())
        return "action_rate_service" if awaited is not None else None
    return None
