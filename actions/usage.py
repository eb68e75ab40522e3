"""How to use, set up, clean and mend: answers from the shop's articles, and whether they helped."""

from typing import Any

from sqlalchemy.orm import Session

from actions.base import CareAction
from actions.complaint import alarm, begin
from actions.subjects import products_meant
from actions.turn import Reply, Turn, button
from crm import catalogue, escalations, knowledge, receipts, triage
from crm.articles import Passage
from crm.knowledge import Found
from crm.models.catalogue import KnowledgeFeedbackKind, Product
from crm.models.conversations import EscalationReason
from crm.words import is_just, normal, words

MAX_BUTTONS = 12
MAX_PASSAGE = 3000
MAX_RIVALS = 8
TELLING_WORDS = 2


class ActionAnswerUsage(CareAction):
    """Answers with the passage that fits, asks which product, or says honestly that there is nothing."""

    action = knowledge.ANSWER
    writes = True
    looks_first = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        if triage.is_dangerous(turn.question):
            self.warn(session, turn, reply)
            return
        chosen = knowledge.by_key(turn.entity("passage") or "", session)
        if chosen is not None:
            self._quote(session, turn, Found(chosen), reply)
            return
        self.answer(session, turn, turn.question or str(turn.slot("open_question") or ""), reply)

    def knows(self, session: Session, turn: Turn, said: str) -> bool:
        """Whether words that were not understood as a question are answered by a guide all the same.

        They name a product, or one is under discussion, and they tell what the guide's section is about.
        """
        named = products_meant(session, turn, said)
        if len(normal(said).split()) < TELLING_WORDS - len(named):
            return False
        if not named and not turn.slot("product"):
            return False
        found = self._find(session, turn, said, named)
        if found.passage is None:
            return len(named) > 1 and 0 < len(found.skus) <= MAX_RIVALS
        return knowledge.is_asked(said, found.passage, knowledge.product_names(named))

    def answer(self, session: Session, turn: Turn, question: str, reply: Reply) -> None:
        """Answers `question`."""
        named = products_meant(session, turn, question)
        if not question and len(named) != 1:
            self._ask_product(session, [], question, reply)
            return
        found = self._find(session, turn, question, named)
        if found.passage is not None:
            self._quote(session, turn, found, reply, question)
        elif found.choices:
            reply.say("utter_which_part", [_choice(passage) for passage in found.choices[:MAX_BUTTONS]])
            reply.set(product=found.choices[0].article.sku, open_question=None)
        elif found.skus:
            self._ask_product(session, list(found.skus), question, reply)
        else:
            self._admit(session, turn, found, question, reply)

    def warn(self, session: Session, turn: Turn, reply: Reply) -> None:
        """Danger: no guide, but what to do at once; the staff is called, and a complaint begins with the story."""
        said = turn.entity("caption") or turn.question
        alarm(session, turn, said)
        if turn.aside or turn.loop is not None or turn.customer_id is None:
            reply.say("utter_danger")
            reply.set(question=said, open_question=said)
            return
        reply.say("utter_danger_recorded")
        begin(session, turn, reply, said)
        reply.set(question=said)
        reply.follow("complaint_form")

    def _find(self, session: Session, turn: Turn, question: str, named: list[Product]) -> Found:
        return knowledge.find(session, question, named, turn.slot("product"))

    def _quote(self, session: Session, turn: Turn, found: Found, reply: Reply, question: str = "") -> None:
        passage = found.passage
        assert passage is not None  # whoever calls has looked
        heading = f"{passage.heading}\n" if passage.heading else ""
        reply.say("utter_knowledge", title=passage.article.title, passage=f"{heading}{passage.text}"[:MAX_PASSAGE])
        reply.set(article=passage.key, question=question or passage.heading, open_question=None)
        if passage.article.sku is not None:  # an article of the whole shop changes nothing of what is talked about
            reply.set(product=passage.article.sku)
        reply.writes.append(lambda: _keep_sources(session, turn, self.action, found))
        if not turn.aside:
            reply.say("utter_did_that_help")
            reply.set(expecting="helpful")

    def _ask_product(self, session: Session, skus: list[str], question: str, reply: Reply) -> None:
        offered = [product for product in catalogue.listing(session) if not skus or product.sku in skus]
        buttons = [button(product_title(p), "product_usage", product=p.sku) for p in offered[:MAX_BUTTONS]]
        reply.say("utter_which_product", buttons)
        reply.set(open_question=question or None)

    def _admit(self, session: Session, turn: Turn, found: Found, question: str, reply: Reply) -> None:
        unanswered = KnowledgeFeedbackKind.UNANSWERED
        reply.writes.append(lambda: _remember(session, turn, self.action, unanswered, question, None, found.evidence))
        reply.say("utter_no_article")
        reply.set(open_question=None, question=question)
        if not turn.aside:
            reply.set(expecting="person")


class ActionMarkHelpful(CareAction):
    """The answer helped."""

    action = "action_mark_helpful"
    writes = True
    listens = False
    ends_turn = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        kind = KnowledgeFeedbackKind.HELPFUL
        _remember(session, turn, self.action, kind, str(turn.slot("question") or ""), turn.slot("article"))
        reply.say("utter_glad_it_helped")


class ActionNotHelpful(CareAction):
    """The answer did not help: a person is called in."""

    action = "action_not_helpful"
    writes = True
    listens = False
    ends_turn = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        if is_just(turn.text, words("dialogue")["never_mind"]):
            reply.say("utter_deny")
            return
        question = str(turn.slot("question") or "")
        kind = KnowledgeFeedbackKind.NOT_HELPFUL
        _remember(session, turn, self.action, kind, question, turn.slot("article"))
        note = f"{question} [{turn.slot('article') or '-'}]"
        escalations.open_for(session, turn.conversation(session), EscalationReason.NOT_HELPFUL, note=note[:500])
        reply.say("utter_not_helpful_handover")


def product_title(product: Product) -> str:
    """A product's short name for a button: its first alias, which is how people call it."""
    name = str(product.aliases[0]) if product.aliases else product.name
    return name[:1].upper() + name[1:]


def _choice(passage: Passage) -> dict[str, str]:
    title = passage.heading or passage.article.title
    return button(title[:60], "product_usage", passage=passage.key)


def _remember(
    session: Session,
    turn: Turn,
    action: str,
    kind: KnowledgeFeedbackKind,
    question: str,
    article: Any,
    sources: list[list[object]] | None = None,
) -> None:
    """Keeps the feedback, once a turn; without a turn (Rasa's shell) it is not kept."""
    if "turn_id" not in turn.metadata:
        return

    def keep() -> dict[str, Any]:
        named = str(article) if article else None
        knowledge.record_feedback(session, turn.customer_id, kind, question, named, sources)
        return {"kind": kind.value}

    receipts.once(session, turn.turn_id, action, keep)


def _keep_sources(session: Session, turn: Turn, action: str, found: Found) -> None:
    """Keeps with the turn's receipt what the answer was taken from, for the staff to see; not what was asked."""
    if "turn_id" in turn.metadata and found.passage is not None:
        told = {"kind": "answered", "article": found.passage.key, "sources": found.evidence}
        receipts.once(session, turn.turn_id, action, lambda: told)
