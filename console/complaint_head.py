"""The top of an open complaint: where it stands, its clocks, the customer's own words, and the steps allowed now."""

from collections.abc import Awaitable, Callable

import htpy as h
from nicegui import ui

from console import complaint_clocks, phrases
from console.complaint_rows import is_late, state
from console.desk import act
from console.language import _
from console.painted import paint
from console.pieces import attribute, box, button, fact, link, section, symbol, text
from console.visits import current
from crm import customer_contact
from crm.case_sight import CaseSight
from crm.models.care import Complaint, ComplaintState

Move = Callable[[ComplaintState], Awaitable[None]]
Separate = Callable[[int], Awaitable[None]]


def draw(sight: CaseSight, move: Move, take: Callable[[], Awaitable[None]], separate: Separate) -> None:
    """The whole card. `separate` takes a case out again that is answered in this one."""
    complaint = sight.complaint
    with box("head-line"):
        paint([state(complaint), h.span(".dim")[phrases.word(complaint.category)]], "row-head")
        with box("actions"):
            _buttons(sight, move, take)
    if sight.kept is not None:
        _kept(sight.kept)
    elif sight.clocks:
        complaint_clocks.strip(sight.clocks)
    _promise(complaint)
    text(complaint.description, "prose")
    _photos(complaint)
    _facts(sight)
    for other in sight.merged:
        _merged(sight, other, separate)
    if complaint.resolution and complaint.resolved_at:
        with section(_("Our answer"), "answered"):
            text(complaint.resolution, "prose")
            for rating in sight.ratings:
                text(_("Rated {score} of 5").format(score=rating.score) + f" {rating.reason}", "dim")


def _buttons(sight: CaseSight, move: Move, take: Callable[[], Awaitable[None]]) -> None:
    complaint = sight.complaint
    if complaint.conversation_id is not None:
        with link(f"/conversations/{complaint.conversation_id}", "btn"):
            symbol("forum")
            text(_("Conversation"), tag="span")
    if ComplaintState.ACKNOWLEDGED in sight.moves:
        _move(_("Acknowledge"), move, ComplaintState.ACKNOWLEDGED, "", "mark_email_read")
    if ComplaintState.IN_PROGRESS in sight.moves and sight.is_open:
        going_on = complaint.state is ComplaintState.WAITING
        words = _("Go on") if going_on else _("Take it on")
        _move(words, move, ComplaintState.IN_PROGRESS, "primary", "play_arrow" if going_on else "front_hand")
    elif sight.is_open and complaint.owner_id is None:
        button(_("Look after it"), take, "primary", "front_hand")
    if ComplaintState.CLOSED in sight.moves:
        _move(_("Close"), move, ComplaintState.CLOSED, "", "inventory_2")
    if ComplaintState.IN_PROGRESS in sight.moves and not sight.is_open:
        _move(_("Reopen"), move, ComplaintState.IN_PROGRESS, "", "replay")


def _move(words: str, move: Move, to: ComplaintState, kind: str, icon: str) -> None:
    async def pressed() -> None:
        await move(to)

    button(words, pressed, kind, icon)


def _kept(kept: Complaint) -> None:
    with link(f"/complaints/{kept.id}", "promise"):
        symbol("call_merge")
        text(_("Answered in {code}").format(code=kept.code), tag="span")


def _promise(complaint: Complaint) -> None:
    """What the customer was told; the clocks say what we ask of ourselves."""
    late = is_late(complaint) and complaint.resolved_at is None
    with box("promise late" if late else "promise"):
        symbol("schedule")
        if complaint.resolved_at is not None:
            text(_("Answered at {time}").format(time=phrases.when(complaint.resolved_at)), tag="span")
        elif complaint.state is ComplaintState.WAITING:
            text(_("The customer was asked; the clocks stand still until they answer"), tag="span")
        else:
            words = _("The customer was promised an answer by {time}")
            text(words.format(time=phrases.when(complaint.promised_at)), tag="span")


def _photos(complaint: Complaint) -> None:
    if complaint.photos:
        with box("photos"):
            for path in complaint.photos:
                with attribute(link(f"/attachments/{path}", "photo"), target="_blank", rel="noopener"):
                    attribute(box("", "img"), src=f"/attachments/{path}", alt=_("Photo"), loading="lazy")


def _facts(sight: CaseSight) -> None:
    complaint = sight.complaint
    with box("facts"):
        fact(_("Product"), complaint.product.name if complaint.product else "")
        fact(_("Since"), complaint.since)
        contact = _contact(sight)
        fact(_("Reported"), phrases.when(complaint.created_at))
    if contact is not None:
        _revealing(sight.complaint, contact)
    if sight.related:
        with box("row-head"):
            text(_("Told together with"), "dim small", "span")
            for other in sight.related:
                with link(f"/complaints/{other.id}", "more"):
                    text(other.code, "mono", "span")


def _contact(sight: CaseSight) -> ui.element | None:
    """Masked by the same rule as on the customer's card; the place of it, where that hides anything."""
    contact, visitor = sight.complaint.contact, current().visitor
    hidden = customer_contact.masked_contact(contact)
    whole = customer_contact.sees_numbers(visitor.role) or visitor.staff_id in sight.carers
    if whole or hidden == contact:
        fact(_("How to reach"), contact)
        return None
    with box("") as place:
        fact(_("How to reach"), hidden)
    return place


def _revealing(complaint: Complaint, place: ui.element) -> None:
    """The whole of it on request, which is written down."""

    async def reveal() -> None:
        number = complaint.customer_id
        if await act("reveal_contact", lambda session, staff: customer_contact.reveal(session, number, staff)):
            buttons.clear()
            place.clear()
            with place:
                fact(_("How to reach"), complaint.contact)

    with box("actions tight case-reveal") as buttons:
        button(_("Show phone and e-mail"), reveal, "quiet small", "visibility")


def _merged(sight: CaseSight, other: Complaint, separate: Separate) -> None:
    async def pressed() -> None:
        await separate(other.id)

    with box("merged-case"):
        with box("head-line"):
            with box("row-head"):
                with link(f"/complaints/{other.id}", "plain"):
                    text(other.code, "strong mono", "span")
                text(_("joined to this case"), "dim small", "span")
                text(phrases.when(other.created_at), "dim small", "span")
            if sight.is_open:
                button(_("Take apart"), pressed, "quiet", "call_split")
        text(other.description, "prose")
        _photos(other)
