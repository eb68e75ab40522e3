"""The customer's own record: name, phone, birthday, form of address."""

from typing import Any

from sqlalchemy.orm import Session

from actions.base import CareAction
from actions.forms import FormAnswers, cancels
from actions.turn import Reply, Turn
from crm import customers, introductions
from crm.birthdays import Birthday
from crm.errors import InvalidInput
from crm.introductions import Said
from crm.models.people import Customer
from crm.words import label, mentioned, words

FIELDS = ("name", "phone", "birthday", "address")


def take(session: Session, customer: Customer, said: Said, reply: Reply) -> bool:
    """Writes what is said into the record and says so; what cannot be, with what to do. True if all could be."""
    done: dict[str, str] = {}
    wrong: list[str] = []
    for field in FIELDS:
        value = getattr(said, field)
        if value is None:
            continue
        try:
            done[field] = _write(session, customer, field, value)
        except InvalidInput:
            wrong.append(field)
    own = customers.words_for(customer)
    if done:
        reply.set(**{slot: own[slot] for slot in ("address", "Address", "self", "Self", "name")})
        kept = [label(f"profile.{field}", value=value) for field, value in done.items()]
        words_now: dict[str, Any] = {
            "called": own["address"],
            "Called": own["Address"],
            "own": own["self"],
            "Own": own["Self"],
        }
        reply.say("utter_profile_kept", what=label("profile.joint").join(kept), **words_now)
    for field in wrong:
        reply.say(f"utter_profile_invalid_{field}")
    return bool(done) and not wrong


def _write(session: Session, customer: Customer, field: str, value: Any) -> str:
    """Writes one field; returns it as a person reads it. Raises InvalidInput."""
    if field == "name":
        customers.rename(customer, value)
        return customer.name
    if field == "phone":
        customers.set_phone(customer, value)
        return str(customer.phone)
    if field == "birthday":
        return _write_birthday(session, customer, value)
    customer.address = value
    return customer.address.value


def _write_birthday(session: Session, customer: Customer, said: Birthday) -> str:
    customers.set_birthday(session, customer, said.calendar, said.day, said.month, said.year)
    day = f"{said.day:02d}/{said.month:02d}" + (f"/{said.year}" if said.year else "")
    return f"{day} {label(f'calendar.{said.calendar.value}')}"


class ActionUpdateProfile(CareAction):
    """Takes whatever the message tells; else asks for the field it names; else asks which field."""

    action = "action_update_profile"
    writes = True

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        customer = turn.customer(session)
        said = introductions.said_in(turn.text)
        reply.set(profile_answer=None, profile_field=None, profile_asking=False, profile_refused=None)
        if said.anything and take(session, customer, said, reply):
            return
        field = _field(turn) if not said.anything else next(f for f in FIELDS if getattr(said, f) is not None)
        if field is not None and not turn.aside:
            reply.set(profile_field=field, profile_asking=True, profile_refused=bool(reply.messages))
            reply.follow("profile_form")
        elif not reply.messages:
            reply.say("utter_ask_profile_field", **_record(customer))


class ValidateProfileForm(FormAnswers):
    """Reads the answer to the one field asked for."""

    action = "validate_profile_form"
    form = "profile_form"
    own = frozenset({"update_profile"})
    strict = frozenset({"profile_answer"})
    yields_to_complaint = frozenset({"profile_answer"})
    writes = True

    def answer(self, session: Session, turn: Turn, asked: str, reply: Reply) -> None:
        if cancels(turn) or turn.intent == "deny":
            reply.set(profile_answer="cancel")
            reply.say("utter_profile_left")
            return
        if turn.entity("field") in FIELDS:
            reply.set(profile_field=turn.entity("field"), profile_refused=None)
            return
        said = _said(turn, str(turn.slot("profile_field")))
        if said.anything:
            if take(session, turn.customer(session), said, reply):
                reply.set(profile_answer="done")
            else:
                reply.set(profile_refused=True)
        else:
            reply.say(f"utter_profile_invalid_{turn.slot('profile_field')}")
            reply.set(profile_refused=True)

    def next_slot(self, turn: Turn, reply: Reply) -> str | None:
        return None if reply.sets("profile_answer") else "profile_answer"


class AskProfileAnswer(CareAction):
    """Asks for the field; says nothing when the answer was just refused with what to do."""

    action = "action_ask_profile_form_profile_answer"
    listens = False

    def act(self, session: Session, turn: Turn, reply: Reply) -> None:
        if not turn.slot("profile_refused"):
            reply.say(f"utter_ask_profile_{turn.slot('profile_field') or 'name'}")


def _said(turn: Turn, field: str) -> Said:
    """What the message tells, with a bare answer read as `field`."""
    said = introductions.said_in(turn.text)
    if field == "name" and said.name is None:
        name = introductions.bare_name(turn.text)
        return Said(name, said.phone, said.birthday, said.address)
    if field == "address" and said.address is None:
        pressed = turn.entity("address_form")
        return Said(said.name, said.phone, said.birthday, introductions.bare_address(pressed or turn.text))
    return said


def _field(turn: Turn) -> str | None:
    pressed = turn.entity("field")
    if pressed in FIELDS:
        return pressed
    named = words("profile")["fields"]
    return next((field for field, said_by in named.items() if mentioned(turn.text, said_by)), None)


def _record(customer: Customer) -> dict[str, Any]:
    return {
        "known_name": customer.name or label("no_name"),
        "known_phone": customer.phone or label("no_value"),
        "known_address": customer.address.value,
    }
