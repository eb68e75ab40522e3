"""What a search found: a case, people, and messages with the words they were found by."""

from nicegui import ui

from console import phrases
from console.language import _
from console.pieces import attribute, avatar, box, empty, link, moment, pill, text
from crm import inbox_found
from crm.inbox_found import Found, Person, Said
from crm.models.care import Complaint
from crm.models.people import Tier


def draw(found: Found, words: str, later_page: bool) -> None:
    """The results; messages lead to their place in the conversation."""
    if not found and not later_page:
        empty("search_off", _("Nothing found"), _("Try fewer words, or a part of the name. Accents are not needed."))
        return
    if found.case is not None:
        with _group(_("Case")):
            _case(found.case)
    if found.people:
        with _group(_("Customers")):
            for person in found.people:
                _person(person)
    if found.said:
        with _group(_("What was said")):
            for said in found.said:
                _said(said, words)
    if found.more is not None:
        older = attribute(box("btn", "button"), type="button", data_do="older", data_call=str(found.more))
        with older:
            text(_("Older messages"), tag="span")


def _group(title: str) -> ui.element:
    text(title, "group-title", "h2")
    return box("card rows")


def _case(case: Complaint) -> None:
    with link(f"/complaints/{case.id}", "entry inbox-link"), box("row-main"):
        with box("row-head"):
            text(case.code, "strong mono", "span")
            pill(phrases.word(case.state), "info")
        text(case.description, "row-words")


def _person(person: Person) -> None:
    talk = person.conversation_id
    target = f"/conversations/{talk}" if talk is not None else f"/customers/{person.customer_id}"
    with link(target, "entry inbox-link"):
        avatar(person.name)
        with box("row-main"):
            _name(person)
            if person.order:
                text(_("order {code}").format(code=person.order), "dim small")


def _said(said: Said, words: str) -> None:
    target = f"/conversations/{said.hit.conversation_id}?at={said.hit.message_id}"
    with attribute(link(target, "entry inbox-link"), data_message=str(said.hit.message_id)):
        avatar(said.person.name)
        with box("row-main"):
            _name(said.person)
            with box("row-words"):
                text(f"{phrases.word(said.hit.author)}: ", "inbox-speaker", "span")
                for piece, hit in inbox_found.parts(said.hit.text, words):
                    text(piece, tag="mark" if hit else "span")
        with box("row-end"):
            moment(said.hit.at)


def _name(person: Person) -> None:
    with box("row-head"):
        text(person.name or _("No name yet"), "strong", "span")
        if person.tier is not Tier.NONE:
            text(phrases.word(person.tier), f"tier {person.tier.value}", "span")
