"""A complaint begins, ends, and is asked about later."""

import re
from typing import Any

from sqlalchemy.orm import Session

from actions.base import CareAction
from actions.calls import hand_over
from actions.drafts import draft_of, offer
from actions.forms import TELLING_WORDS, after
from actions.tone import is_angry
from actions.turn import Reply, Turn, button
from crm import case_states, catalogue, clock, complaints, escalations, purchases, receipts, triage
from crm.complaints import Report
from crm.models.care import Complaint, Severity
from crm.models.conversations import EscalationReason
from crm.settings import settings
from crm.text import fold
from crm.words import is_just, label, mentioned, normal, words

STORY_WORDS = 7
SCOLDING_WORDS = 12
PERSON = "person"  # of complaint_confirm: a person takes the story over
REOPEN = "reopen"  # of part: the answer did not settle it (crm/case_news.py makes the same button)
LATER = "later"  # of complaint_confirm: the rest is told another time
SLOTS = (
    "complaint_description",
    "complaint_subject",
    "complaint_product_id",
    "complaint_purchase_id",
    "complaint_since",
    "complaint_since_doubted",
    "complaint_photos",
    "complaint_contact",
    "complaint_confirm",
    "complaint_edit",
    "complaint_angry",
)
MAX_STORY = 4000


def forget(reply: Reply) -> None:
    """Empties the draft."""
    reply.set(**dict.fromkeys((*SLOTS, "pending_photos")))


def subject_of(session: Session, customer_id: int, said: str) -> dict[str, Any] | None:
    """The slots for the product or order that `said` names: the customer's own purchase of it where there is one."""
    code = re.search(r"\bdh\s?\d{4,}\b", normal(said))
    bought = purchases.find(session, customer_id, code[0]) if code else None
    if bought is not None:
        items = bought.items
        text = label("subject.item", product=items[0].product.name if items else "", code=bought.order_code)
        product_id = items[0].product_id if len(items) == 1 else None
        return _subject(text, product_id, bought.id)
    named = catalogue.mentioned(session, said)
    if len(named) != 1:
        return None
    owned = purchases.items(session, customer_id, named[0])
    if owned:
        text = label("subject.item", product=named[0].name, code=owned[0].purchase.order_code)
        return _subject(text, named[0].id, owned[0].purchase_id)
    return _subject(named[0].name, named[0].id, None)


def _subject(text: str, product_id: int | None, purchase_id: int | None) -> dict[str, Any]:
    return {
        "complaint_subject": text,
        "complaint_product_id": product_id,
        "complaint_purchase_id": purchase_id,
    }


def since_in(said: str) -> str | None:
    """When it began, in the customer's own words, where the story says so."""
    lists = words("complaint")
    spans = _times(said, lists["since"]) or _times(said, lists["since_loosely"])
    if not spans:
        return None
    start, end = spans[0]
    for other_start, other_end in sorted(spans[1:]) * 2:  # what stands beside it on either side is the same time
        if other_start <= end + 1 and start <= other_end + 1:
            start, end = min(start, other_start), max(end, other_end)
    return _as_written(said, start, end)


def _times(said: str, patterns: list[str]) -> list[tuple[int, int]]:
    """Where the patterns stand in the folded message, the surest first."""
    folded = fold(said)
    found = (found for pattern in patterns for found in re.finditer(rf"(?<!\w)(?:{pattern})(?!\w)", folded))
    return [one.span() for one in found]


def is_only_time(said: str) -> bool:
    """Whether `said` tells when, and nothing else."""
    lists, folded = words("complaint"), fold(said)
    spans = _times(said, lists["since"])
    if not spans and mentioned(said, lists["time"]) is None:
        return False
    rest = "".join(" " if any(start <= place < end for start, end in spans) else c for place, c in enumerate(folded))
    known = (*lists["time"], *lists["time_rest"], *words("dialogue")["polite"])
    small = {word for phrase in known for word in normal(phrase).split()}
    return all(word in small or word.isdigit() for word in normal(rest).split())


def _as_written(said: str, start: int, end: int) -> str:
    """The same stretch of the message with its accents, where folding kept the length."""
    plain = " ".join(said.split())
    return plain[start:end] if len(plain) == len(fold(said)) else fold(said)[start:end]


def substance(said: str) -> str:
    """What is left of `said`, without accents, once the announcement ("I want to complain about") is taken away."""
    if is_just(said, words("complaint")["empty"]):
        return ""
    left = re.sub(rf"(?<!\w){words('complaint')['announcement']}(?!\w)", " ", normal(said))
    polite = {normal(word) for word in words("dialogue")["polite"]}
    return "" if all(word in polite for word in left.split()) else " ".join(left.split())


def tells(said: str) -> bool:
    """Whether `said` is a story already, and does not only name what it will be about ("the delivery staff")."""
    left = substance(said)
    count = len(left.split())
    if triage.is_dangerous(said) or count >= STORY_WORDS:
        return True
    fault = mentioned(said, words("complaint")["category"]["product_fault"]) is not None
    return count >= TELLING_WORDS and (fault or left == normal(said))


def alarm(session: Session, turn: Turn, said: str) -> None:
    """Calls the staff because of a danger, once a turn; the assistant stays to take the story."""

    def call() -> dict[str, Any]:
        note, talk = f"! {said}"[:500], turn.conversation(session)
        called = escalations.open_for(session, talk, EscalationReason.ASKED, note=note, silence=False)
        if note not in called.note:
            called.note = f"{note} | {called.note}"[:1000]
        return {}

    if "turn_id" in turn.metadata:
        receipts.once(session, turn.turn_id, "danger", call)


def add_to_story(session: Session, turn: Turn, said: str, reply: Reply) -> None:
    """Adds `said` to the story, warns of a danger not yet spoken of, and reads what else it tells."""
    told = str(after(turn, reply, "complaint_description") or "")
    danger = mentioned(said, words("complaint")["danger"])
    if danger and triage.is_dangerous(said) and not (triage.is_dangerous(told) and mentioned(told, [danger])):
        reply.say("utter_safety_first")
        alarm(session, turn, said)
    reply.set(complaint_description=f"{told}\n{said}".strip()[:MAX_STORY])
    if after(turn, reply, "complaint_since") is None and (since := since_in(said)):
        reply.set(complaint_since=since)
    if after(turn, reply, "complaint_subject") is None:
        reply.set(**(subject_of(session, turn.customer(session).id, said) or {}))


def only_scolds(session: Session, turn: Turn, said: str) -> bool:
    """Whether an angry message names neither a fault nor a product: what happened is still to be asked."""
    if not is_angry(turn) or triage.is_dangerous(said) or len(normal(said).split()) > SCOLDING_WORDS:
        return False
    known = [word for listed in words("complaint")["category"].values() for word in listed]
    return mentioned(said, known) is None and not catalogue.mentioned(session, said)


def begin(session: Session, turn: Turn, reply: Reply, said: str) -> None:
    """Opens a draft with what `said` tells; photos that were sent before stay at hand."""
    photos, told = after(turn, reply, "pending_photos"), tells(said) and not only_scolds(session, turn, said)
    forget(reply)
    reply.set(complaint_angry=is_angry(turn) or None)
    reply.set(pending_photos=photos, open_question=said if substance(said) and not told else None)
    if told:
        reply.set(complaint_description=said, complaint_since=since_in(said))
    reply.set(**(subject_of(session, turn.customer(session).id, said) or {}))


class ActionBeginComplaint(CareAction):
    """Opens a draft with what the first message tells already."""

    action = "action_begin_complaint"
    writes = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        earlier = str(turn.slot("open_question") or "") if turn.pressed else ""
        shown = bool(turn.slot("pending_photos"))  # the open question is then what was written below the photo
        said = turn.question or (earlier if shown or triage.is_dangerous(earlier) else "")
        if triage.is_dangerous(said):
            reply.say("utter_safety_first")
            alarm(session, turn, said)
        elif draft_of(turn) and not tells(said):
            offer(turn, reply)
            reply.follow("action_listen")
            return
        calm = "utter_complaint_sorry" if tells(said) else "utter_complaint_begin"
        reply.say("utter_complaint_sorry_angry" if is_angry(turn) else calm)
        begin(session, turn, reply, said)


class ActionSubmitComplaint(CareAction):
    """Records the complaint that the customer confirmed, once a turn; or says that nothing was recorded."""

    action = "action_submit_complaint"
    writes = True
    listens = False
    answers = False

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        if turn.slot("complaint_confirm") == LATER:
            kept = turn.slot("complaint_description") or turn.slot("complaint_subject")
            reply.say("utter_goodbye_in_form" if kept else "utter_deny")
            reply.set(complaint_confirm=None, complaint_edit=None)
            return
        forget(reply)
        if turn.slot("complaint_confirm") == PERSON:
            note = " | ".join(part for part in (turn.whole, str(turn.slot("complaint_description") or "")) if part)
            hand_over(session, turn, reply, EscalationReason.ASKED, note)
            return
        if turn.slot("complaint_confirm") != "yes":
            reply.say("utter_complaint_cancelled")
            return
        kept = receipts.once(session, turn.turn_id, self.action, lambda: self._submit(session, turn))
        reply.say("utter_complaint_recorded", **kept)

    def _submit(self, session: Session, turn: Turn) -> dict[str, Any]:
        said = str(turn.slot("complaint_description") or "")
        report = Report(
            description=said,
            category=triage.category_of(said),
            severity=self._severity(turn, said),
            product_id=turn.slot("complaint_product_id"),
            purchase_id=turn.slot("complaint_purchase_id"),
            since=str(turn.slot("complaint_since") or ""),
            contact=str(turn.slot("complaint_contact") or ""),
            photos=list(turn.slot("complaint_photos") or []),
        )
        complaint = complaints.submit_once(session, turn.customer(session), turn.conversation(session), report)
        return {"code": complaint.code, "due": clock.vietnamese_moment(complaint.promised_at, settings().zone)}

    def _severity(self, turn: Turn, said: str) -> Severity:
        """Grave where it was told in anger, however mild the words."""
        if turn.slot("complaint_angry"):
            return Severity.HIGH
        return triage.severity_of(" . ".join((said, str(turn.slot("complaint_since") or ""))))


class ActionComplaintStatus(CareAction):
    """Says where the customer's complaint stands: the one whose code is given, else the newest.

    The button under an answer that did not help brings its code too: the complaint is taken up again.
    """

    action = "action_complaint_status"
    writes = True
    ends_turn = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        customer = turn.customer(session)
        code = turn.entity("ticket_code")
        if code is not None:
            complaint = complaints.find(session, customer.id, code)
        else:
            complaint = next(iter(complaints.of_customer(session, customer.id)), None)
        complaint = complaints.answered_in(session, complaint) if complaint is not None else None
        if complaint is None and code is not None:
            reply.say("utter_complaint_not_found", code=code)
        elif complaint is None:
            reply.say("utter_no_complaint")
        elif turn.pressed and turn.entity("part") == REOPEN and complaint.state in case_states.OVER:
            self._reopen(session, complaint, reply)
        else:
            self._tell(complaint, reply)

    def _reopen(self, session: Session, complaint: Complaint, reply: Reply) -> None:
        if not complaints.reopen_for_customer(session, complaint, ""):
            reply.say("utter_complaint_too_old", code=complaint.code)
            return
        due = clock.vietnamese_moment(complaint.promised_at, settings().zone)
        reply.say("utter_complaint_reopened", code=complaint.code, due=due)

    def _tell(self, complaint: Complaint, reply: Reply) -> None:
        due = clock.vietnamese_moment(complaint.promised_at, settings().zone)
        state = label(f"complaint_state.{complaint.state.value}")
        if complaint.state in case_states.OVER:
            again = button(label("buttons.reopen"), "complaint_status", ticket_code=complaint.code, part=REOPEN)
            may = case_states.may_reopen(complaint, clock.now())
            reply.say(
                "utter_complaint_answered",
                [*([again] if may else []), button(label("buttons.person"), "talk_to_human")],
                code=complaint.code,
                state=state,
                resolution=complaint.resolution[:2000],
            )
        elif complaint.promised_at < clock.now():
            person = [button(label("buttons.person"), "talk_to_human")]
            reply.say("utter_complaint_overdue", person, code=complaint.code, state=state, due=due)
        else:
            reply.say("utter_complaint_waiting", code=complaint.code, state=state, due=due)
