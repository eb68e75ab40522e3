"""What a search found: a case, people, and messages with the words they were found by."""

import htpy as h

from console import phrases
from console.language import _
from console.painted import avatar, moment, paint, pill
from console.pieces import attribute, box, empty, text
from crm import inbox_found
from crm.inbox_found import Found, Person, Said
from crm.models.care import Complaint
from crm.models.people import Tier


def draw(found: Found, words: str, later_page: bool) -> None:
    """The results; messages lead to their place in the conversation."""
    if not found and not later_page:
        empty("search_off", _("Nothing found"), _("Try fewer words, or a part of the name. Accents are not needed."))
        return
    paint(
        [
            found.case is not None and _group(_("Case"), [_case(found.case)]),
            bool(found.people) and _group(_("Customers"), [_person(person) for person in found.people]),
            bool(found.said) and _group(_("What was said"), [_said(said, words) for said in found.said]),
        ],
        "stack",
    )
    if found.more is not None:
        older = attribute(box("btn", "button"), type="button", data_do="older", data_call=str(found.more))
        with older:
            text(_("Older messages"), tag="span")


def _group(title: str, lines: list[h.Element]) -> h.Node:
    return [h.h2(".group-title")[title], h.div(".card.rows")[lines]]


def _case(case: Complaint) -> h.Element:
    return h.a(".entry.inbox-link", href=f"/complaints/{case.id}")[
        h.div(".row-main")[
            h.div(".row-head")[h.span(".strong.mono")[case.code], pill(phrases.word(case.state), "info")],
            h.div(".row-words")[case.description],
        ]
    ]


def _person(person: Person) -> h.Element:
    talk = person.conversation_id
    target = f"/conversations/{talk}" if talk is not None else f"/customers/{person.customer_id}"
    order = person.order and h.div(".dim.small")[_("order {code}").format(code=person.order)]
    return h.a(".entry.inbox-link", href=target)[avatar(person.name), h.div(".row-main")[_name(person), order]]


def _said(said: Said, words: str) -> h.Element:
    target = f"/conversations/{said.hit.conversation_id}?at={said.hit.message_id}"
    pieces = [h.mark[piece] if hit else h.span[piece] for piece, hit in inbox_found.parts(said.hit.text, words)]
    speaker = h.span(".inbox-speaker")[f"{phrases.word(said.hit.author)}: "]
    return h.a(".entry.inbox-link", href=target, data_message=str(said.hit.message_id))[
        avatar(said.person.name),
        h.div(".row-main")[_name(said.person), h.div(".row-words")[speaker, pieces]],
        h.div(".row-end")[moment(said.hit.at)],
    ]


def _name(person: Person) -> h.Element:
    known = person.tier is not Tier.NONE
    return h.div(".row-head")[
        h.span(".strong")[person.name or _("No name yet")],
        known and h.span(class_=f"tier {person.tier.value}")[phrases.word(person.tier)],
    ]
