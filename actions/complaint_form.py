"""The questions of a complaint, and how their answers are read."""

import re

from sqlalchemy.orm import Session

from actions.complaint import LATER, PERSON, add_to_story, is_only_time, only_scolds, since_in, subject_of, substance
from actions.complaint_fixes import fixes, phone_in
from actions.complaint_questions import of_item
from actions.forms import FormAnswers, after, asks_for_person, cancels, goes_back, goes_on, puts_off, refuses_all
from actions.meant import corrects
from actions.tone import is_angry
from actions.turn import Reply, Turn
from crm import catalogue, customers, purchases, triage
from crm.words import is_just, label, mentioned, normal, words

ORDER = (
    "complaint_description",
    "complaint_subject",
    "complaint_since",
    "complaint_photos",
    "complaint_contact",
    "complaint_confirm",
)
MAX_PHOTOS = 10
STORY_WORDS = 6
SHORT_WORDS = 4

_BY_PHONE = ("complaint_contact", "complaint_confirm")


class ValidateComplaintForm(FormAnswers):
    """Reads each answer; `complaint_confirm` becomes "yes" or "cancel"."""

    action = "validate_complaint_form"
    form = "complaint_form"
    story = "complaint_description"
    own = frozenset({"update_profile"})
    strict = frozenset({"complaint_confirm", "complaint_edit"})
    writes = True

    def claims(self, turn: Turn) -> bool:
        asked = turn.slot("requested_slot")
        if asked in _BY_PHONE and phone_in(turn.text) is not None:
            return True
        if asked == "complaint_contact" and mentioned(turn.text, words("complaint")["here"]) and not turn.pressed:
            return True
        if turn.pressed or (turn.intent == "talk_to_human" and asks_for_person(turn)):
            return super().claims(turn)
        steers = goes_back(turn) or goes_on(turn) or corrects(turn.text) or puts_off(turn)
        return steers or super().claims(turn) or cancels(turn) or triage.is_dangerous(turn.text)

    def answer(self, session: Session, turn: Turn, asked: str, reply: Reply) -> None:
        if is_angry(turn) and not turn.slot("complaint_angry"):
            reply.set(complaint_angry=True)
        photo, caption = turn.entity("photo"), turn.entity("caption")
        no_photo = asked == "complaint_photos" and _skips(turn)
        if photo is not None:
            self._keep_photo(turn, photo, asked, reply)
            if caption:
                self._add(session, turn, caption, reply)
        elif puts_off(turn):
            reply.set(complaint_confirm=LATER, requested_slot=None)
        elif cancels(turn, plainly=no_photo) or (asked != self.story and refuses_all(turn)):
            reply.set(complaint_confirm="cancel", requested_slot=None)
        elif asked != self.story and triage.is_dangerous(turn.text):
            self._add(session, turn, turn.text, reply)
        elif asked != self.story and not _replies(turn) and only_scolds(session, turn, turn.text):
            reply.say("utter_angry_nearly_done")
            reply.set(**{asked: None})
        elif goes_back(turn):
            self._go_back(turn, asked, reply)
        elif asked != self.story and (right := fixes(session, turn, asked)):
            reply.say("utter_complaint_fixed")
            reply.set(complaint_edit=None, **right)
        elif no_photo:
            reply.set(complaint_photos=list(turn.slot("pending_photos") or []))
        elif asked in _BY_PHONE and _has_no_photo(turn):
            reply.say("utter_no_photo_fine")
            reply.set(**{asked: None})
        elif goes_on(turn) and asked != "complaint_confirm":
            reply.set(**{asked: None})
        else:
            readers = {
                "complaint_description": self._description,
                "complaint_subject": self._subject,
                "complaint_since": self._since,
                "complaint_photos": self._photos,
                "complaint_contact": self._contact,
                "complaint_confirm": self._confirm,
                "complaint_edit": self._edit,
            }
            readers[asked](session, turn, reply)

    def next_slot(self, turn: Turn, reply: Reply) -> str | None:
        return next((slot for slot in ORDER if after(turn, reply, slot) is None), None)

    def _keep_photo(self, turn: Turn, photo: str, asked: str, reply: Reply) -> None:
        photos = [*(turn.slot("pending_photos") or []), photo][:MAX_PHOTOS]
        reply.set(pending_photos=photos)
        if turn.slot("complaint_photos") is not None:
            reply.set(complaint_photos=photos)
        if asked != "complaint_photos":
            reply.say("utter_photo_added", count=len(photos))

    def leave_to_person(self, session: Session, turn: Turn, reply: Reply) -> None:
        reply.set(complaint_confirm=PERSON, requested_slot=None)

    def _go_back(self, turn: Turn, asked: str, reply: Reply) -> None:
        """The question before `asked` once more; what was told stays, for more to be added to it."""
        place = ORDER.index(asked) if asked in ORDER else len(ORDER)
        before = ORDER[max(0, place - 1)]
        if before == self.story:
            reply.set(open_question=turn.slot(self.story))
        self._reopen(before, reply)

    def _description(self, session: Session, turn: Turn, reply: Reply) -> None:
        """The story. A bare time is kept as the time, and the story asked for once more."""
        if not substance(turn.text):
            return
        if is_only_time(turn.text) and turn.slot(self.story) is None:
            reply.set(complaint_since=turn.text[:200], **{self.story: None})
            reply.say("utter_since_noted")
            return
        topic = turn.slot("open_question")
        if topic and substance(str(topic)):
            reply.set(complaint_description=str(topic), open_question=None)
        self._add(session, turn, turn.text, reply)

    def _add(self, session: Session, turn: Turn, said: str, reply: Reply) -> None:
        add_to_story(session, turn, said, reply)

    def _subject(self, session: Session, turn: Turn, reply: Reply) -> None:
        customer_id = turn.customer(session).id
        chosen = turn.entity("subject")
        if chosen is not None and chosen.isdigit():
            item = next((i for i in purchases.items(session, customer_id) if i.id == int(chosen)), None)
            if item is not None:
                reply.set(**of_item(item))
        elif chosen == "other" or is_just(turn.text, words("complaint")["other"]):
            reply.set(complaint_subject=label("subject.other"))
        elif turn.text:
            named = subject_of(session, customer_id, turn.text)
            tells_more = _is_story(turn.text)
            if tells_more:
                self._add(session, turn, turn.text, reply)
                reply.say("utter_story_added")
            unnamed = label("subject.other") if tells_more else turn.text[:200]
            reply.set(**(named or {"complaint_subject": unnamed}))

    def _since(self, session: Session, turn: Turn, reply: Reply) -> None:
        """What is no time is added to the story, and the time asked for once more."""
        if not turn.text:
            return
        timely = since_in(turn.text) or (turn.text if mentioned(turn.text, words("complaint")["time"]) else None)
        names = bool(catalogue.mentioned(session, turn.text))
        count = len(normal(turn.text).split())
        if (timely and not names) or (count <= SHORT_WORDS and not names):
            reply.set(complaint_since=turn.text[:200])
            if count <= 2 * STORY_WORDS:
                return
        elif timely:
            reply.set(complaint_since=timely[:200])
        elif turn.slot("complaint_since_doubted"):
            reply.set(complaint_since=label("no_since"))
        else:
            reply.say("utter_story_added")
            reply.set(complaint_since_doubted=True)
        self._add(session, turn, turn.text, reply)

    def _photos(self, session: Session, turn: Turn, reply: Reply) -> None:
        """Words instead of a photo: a promise of one is waited for, other words are added to the story."""
        about_photos = mentioned(turn.text, words("complaint")["parts"]["complaint_photos"])
        if not turn.text or about_photos or turn.intent in ("affirm", "send_photo"):
            return
        self._add(session, turn, turn.text, reply)
        reply.set(complaint_photos=list(turn.slot("pending_photos") or []))
        reply.say("utter_story_added")

    def _contact(self, session: Session, turn: Turn, reply: Reply) -> None:
        phone = turn.customer(session).phone
        chosen = turn.entity("contact")
        typed = re.sub(r"[\s.\-()]", "", turn.text)
        number = re.search(r"(?:\+?84|0)\d{9}(?!\d)", typed)
        if number:
            reply.set(complaint_contact=customers.national_phone(number[0]))
        elif phone and (chosen == "phone" or turn.intent == "affirm"):
            reply.set(complaint_contact=phone)
        elif chosen == "here" or mentioned(turn.text, words("complaint")["here"]):
            reply.set(complaint_contact=label("contact_here"))
        elif turn.text:  # a button of an earlier question says nothing here
            reply.say("utter_contact_hint")

    def _confirm(self, session: Session, turn: Turn, reply: Reply) -> None:
        answer = turn.entity("answer")
        if answer == "yes" or (turn.intent == "affirm" and answer is None):
            reply.set(complaint_confirm="yes")
        elif _tells_more(turn):
            self._add(session, turn, turn.text, reply)
            reply.say("utter_complaint_fixed")
        elif (part := _part(turn)) is not None:
            self._reopen(part, reply)
        elif answer == "edit" or turn.intent == "deny" or mentioned(turn.text, words("complaint")["edit"]):
            reply.set(complaint_confirm=None, requested_slot="complaint_edit")
        else:
            reply.say("utter_confirm_hint")

    def _edit(self, session: Session, turn: Turn, reply: Reply) -> None:
        part = _part(turn)
        if part is not None:
            self._reopen(part, reply)
        elif turn.intent == "affirm":
            reply.set(complaint_edit=None, requested_slot="complaint_confirm")
        else:
            reply.set(complaint_edit=None, requested_slot="complaint_edit")

    def _reopen(self, part: str, reply: Reply) -> None:
        reply.set(**{part: None})
        if part == "complaint_photos":
            reply.set(pending_photos=None)
        if part == "complaint_subject":
            reply.set(complaint_product_id=None, complaint_purchase_id=None)


def _part(turn: Turn) -> str | None:
    """The part of the complaint that the customer wants to change."""
    pressed = turn.entity("part")
    if pressed in ORDER:
        return pressed
    parts = words("complaint")["parts"]
    return next((slot for slot, said_by in parts.items() if mentioned(turn.text, said_by)), None)


def _is_story(said: str) -> bool:
    """Whether an answer to "which product?" tells more than its name: it is long, or tells of a fault or of people."""
    lists = words("complaint")
    count = len(normal(said).split())
    told = [*lists["category"]["product_fault"], *lists["category"]["staff_attitude"], *lists["severity"]["high"]]
    return count > 2 * STORY_WORDS or (count >= STORY_WORDS and mentioned(said, told) is not None)


def _tells_more(turn: Turn) -> bool:
    """Whether the answer to the read-back is something that the story lacks, and not the wish to change a part."""
    wishes = mentioned(turn.text, words("dialogue")["part_wishes"]) is not None
    return len(normal(turn.text).split()) >= STORY_WORDS and not wishes and turn.intent != "affirm"


def _replies(turn: Turn) -> bool:
    """Whether there is an answer in the message, however angry: a time, a number, a yes or no, no photo, "here"."""
    lists = words("complaint")
    told = mentioned(turn.text, [*lists["time"], *lists["here"], *lists["edit"]]) is not None
    return told or phone_in(turn.text) is not None or turn.intent == "affirm" or _skips(turn)


def _has_no_photo(turn: Turn) -> bool:
    """Whether the message answers the question before, late: there is no photo."""
    patterns = words("complaint")["no_photo_late"]
    return phone_in(turn.text) is None and any(re.search(pattern, normal(turn.text)) for pattern in patterns)


def _skips(turn: Turn) -> bool:
    lists = words("complaint")
    refused = any(re.search(pattern, normal(turn.text)) for pattern in lists["no_photo"])
    return refused or turn.intent == "deny" or is_just(turn.text, lists["skip"])
