"""A message that was not understood: asked again, then guessed at, then handed to a person."""

from sqlalchemy.orm import Session

from actions.base import CareAction
from actions.calls import hand_over
from actions.profile import take
from actions.tone import angry, is_angry, is_dissatisfied
from actions.turn import FALLBACK, Reply, Turn, button
from actions.usage import ActionAnswerUsage
from crm import catalogue, introductions, triage
from crm.models.conversations import EscalationReason
from crm.words import label, words

GUESSES = 2
ROUND = 3


class ActionFallback(CareAction):
    """Answers what no intent was sure enough for."""

    action = "action_fallback"
    writes = True
    looks_first = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        not_understood(session, turn, reply)


def not_understood(session: Session, turn: Turn, reply: Reply) -> None:
    """Answers by the words alone if it can; else asks again, then offers the two likeliest meanings, then a person."""
    if understood_anyway(session, turn, reply):
        return
    if (is_angry(turn) or is_dissatisfied(turn.text)) and turn.misunderstood < ROUND:
        angry(session, turn, reply)
        return
    step = (turn.misunderstood - 1) % ROUND
    if step == 0:
        reply.say("utter_rephrase")
    elif step == 1:
        reply.say("utter_offer_meanings", [*_guesses(turn), button(label("buttons.person"), "talk_to_human")])
    else:
        hand_over(session, turn, reply, EscalationReason.NOT_UNDERSTOOD, turn.text)


def understood_anyway(session: Session, turn: Turn, reply: Reply) -> bool:
    """Answers by what the words hold, where no intent is sure: a birthday, a question of the guides, a product."""
    said = introductions.said_in(turn.text)
    if said.anything:
        take(session, turn.customer(session), said, reply)
        return True
    usage = ActionAnswerUsage()
    if triage.is_dangerous(turn.text):
        usage.warn(session, turn, reply)
        return True
    if usage.knows(session, turn, turn.text):
        usage.answer(session, turn, turn.text, reply)
        return True
    named = catalogue.mentioned(session, turn.text)
    if len(named) == 1:
        reply.set(product=named[0].sku)
        reply.say("utter_product_only", product_buttons(named[0].sku), product=named[0].name)
    return len(named) == 1


def product_buttons(sku: str) -> list[dict[str, str]]:
    """What one may want to know of a product."""
    return [
        button(label(f"intents.{name}"), name, product=sku)
        for name in ("product_usage", "product_info", "ask_price", "complaint")
    ]


def _guesses(turn: Turn) -> list[dict[str, str]]:
    titles = words("labels")["intents"]
    likely = [name for name in turn.ranking if name in titles and name != FALLBACK]
    return [button(titles[name], name) for name in likely[:GUESSES]]
