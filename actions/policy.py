"""Questions that the shop-wide articles answer: delivery, returns, payment, where and when, membership."""

from sqlalchemy.orm import Session

from actions.base import CareAction
from actions.turn import Reply, Turn, button
from crm import knowledge
from crm.models.people import Tier
from crm.words import label


def tell_policy(session: Session, turn: Turn, reply: Reply, topic: str) -> None:
    """Quotes the article for `topic` (a key of labels.yml's policies), or offers a person where there is none."""
    passage = knowledge.policy(label(f"policies.{topic}"), turn.question, session)
    if passage is None:
        reply.say("utter_ask_a_person")
        reply.set(expecting="person")
        return
    reply.say("utter_policy", title=passage.article.title, passage=passage.text)


class ActionTellPolicy(CareAction):
    """Quotes the article that belongs to the intent."""

    action = "action_tell_policy"

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        tell_policy(session, turn, reply, turn.intent)


class ActionLoyaltyPoints(CareAction):
    """The customer's tier, which is on record; points are not kept here, and we say so."""

    action = "action_loyalty_points"

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        tell_policy(session, turn, reply, "loyalty_points")
        if turn.customer_id is None:
            return
        tier = turn.customer(session).tier
        person = [button(label("buttons.person"), "talk_to_human")]
        response = "utter_tier_none" if tier is Tier.NONE else "utter_tier"
        reply.say(response, person, tier=label(f"tier.{tier.value}"))
