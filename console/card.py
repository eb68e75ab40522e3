"""The customer beside the conversation: who they are, how to address them, and what binds them to the shop."""

from collections.abc import Iterator
from contextlib import contextmanager

from nicegui import ui

from console import customer_form, desk, phrases
from console.access import PAGES
from console.desk import act
from console.language import _
from console.pieces import attribute, avatar, box, button, fact, link, moment, pill, section, symbol, text
from console.visits import current
from crm import clock, customer_card, customer_contact, customer_edits
from crm.customer_card import Card, Warranty
from crm.models.care import Complaint, Rating
from crm.models.catalogue import Purchase
from crm.models.people import CalendarKind, Customer, Occasion, Stage, Tier
from crm.models.service import Promise

SOON = 30  # days left of a warranty from which on it is worth a word


def draw(card: Card, *, linked: bool = True) -> "Panel":
    """The whole card. `linked`: whether the name leads to the customer's own page."""
    return Panel(card, linked)


class Panel:
    """The card on a screen; what is changed in it is drawn again."""

    def __init__(self, card: Card, linked: bool) -> None:
        self.card = card
        self._linked = linked
        self._revealed = False
        self._place = box("customer-panel")
        self._draw()

    async def refresh(self) -> None:
        """Looks again and draws the card as it is now."""
        number = self.card.customer.id
        self.card = await desk.look(lambda session: customer_card.card(session, number))
        self._place.clear()
        self._draw()

    @property
    def _open(self) -> bool:
        """Whether this person sees phone and e-mail in full."""
        visitor = current().visitor
        return self._revealed or visitor.role in customer_contact.ALWAYS or visitor.staff_id in self.card.carers

    def _draw(self) -> None:
        card = self.card
        with self._place:
            _head(card.customer, self._linked)
            if card.customer.gone_at is not None:
                with box("notice"):
                    text(_("Their data was erased as they asked. What is left says nothing of who they are."))
            else:
                self._alerts()
                with _fold(_("Contact"), "contact"):
                    self._contact()
            _draw_promises(card.promises)
            _draw_complaints(card)
            _draw_purchases(card)
            _draw_warranties(card.warranties)
            _draw_consents(card)
            _draw_ratings(card.ratings)
            _draw_marketing(card)

    def _alerts(self) -> None:
        if self.card.alike and self._linked:
            with link(f"/customers/{self.card.customer.id}", "notice warn"):
                symbol("group")
                text(_("Another record may be this person's"), tag="span")
        led = current().visitor.role in PAGES["/privacy"]
        for request in self.card.requests:
            with link(f"/privacy?about={request.id}", "notice info") if led else box("notice info"):
                symbol("policy")
                words = _("{kind}: by {day}").format(kind=phrases.word(request.kind), day=phrases.day(request.due_at))
                text(words, tag="span")

    def _contact(self) -> None:
        customer, shown = self.card.customer, self._open
        fact(_("Address as"), customer.address.value)
        phone = phrases.phone(customer.phone) if shown else customer_contact.masked_phone(customer.phone)
        fact(_("Phone"), phone or _("not known"))
        fact(_("E-mail"), (customer.email or "") if shown else customer_contact.masked_email(customer.email))
        fact(_("Birthday"), birthday(self.card.birthday))
        fact(_("Occupation"), customer.occupation or "")
        fact(_("Household"), customer.household or "")
        fact(_("Means"), customer.means or "")
        fact(_("Habits"), customer.habits or "")
        for chat in self.card.chats if len(self.card.chats) > 1 else ():
            with box("fact"):
                text(_("Chat"), "fact-name")
                with link(f"/conversations/{chat.conversation_id}", "fact-value plain"):
                    text(f"@{chat.account.username}" if chat.account.username else f"#{chat.account.id}", tag="span")
        with box("actions tight"):
            button(_("Edit"), self._edit, "quiet small", "edit")
            if not shown and (customer.phone or customer.email):
                button(_("Show phone and e-mail"), self._reveal, "quiet small", "visibility")
            if self.card.last_edit is not None:
                button(_("Undo the last change"), self._undo, "quiet small", "undo")

    async def _edit(self) -> None:
        with current().client:
            if await customer_form.edit(self.card, self._open):
                await self.refresh()

    async def _reveal(self) -> None:
        number = self.card.customer.id
        if await act("reveal_contact", lambda session, staff: customer_contact.reveal(session, number, staff)):
            self._revealed = True
            await self.refresh()

    async def _undo(self) -> None:
        customer = self.card.customer
        work = lambda session, staff: customer_edits.undo(session, customer.id, customer.version, staff)  # noqa: E731
        if await act("edit_customer", work):
            ui.notify(_("The change was taken back."), type="positive", position="top")
        await self.refresh()


def stars(score: int) -> None:
    """Five stars, `score` of them lit."""
    with box(f"stars s{score}", "span").props(f'role="img" aria-label="{score}/5"'):
        text("★" * score, "lit", "span")
        text("★" * (5 - score), "unlit", "span")


def birthday(day: Occasion | None) -> str:
    """The day as its owner counts it."""
    if day is None:
        return ""
    written = f"{day.day:02d}/{day.month:02d}" + (f"/{day.year}" if day.year else "")
    return _("{date} (lunar)").format(date=written) if day.calendar is CalendarKind.LUNAR else written


@contextmanager
def _fold(title: str, name: str, count: int | None = None, *, shut: bool = False) -> Iterator[None]:
    """A section that folds; `count` stands beside its title."""
    with attribute(box("section fold", "details"), data_section=name) as whole:
        if not shut:
            attribute(whole, open="")
        with box("fold-title", "summary"):
            text(title, "section-title", "h3")
            if count is not None:
                text(str(count), "count", "span")
        with box("fold-body"):
            yield


def _head(customer: Customer, linked: bool) -> None:
    with box("card-head"):
        avatar(customer.name, "large")
        with box("card-who"):
            name = customer.name or _("No name yet")
            with link(f"/customers/{customer.id}", "plain") if linked else box(""):
                text(name, "card-name")
            with box("row-head"):
                if customer.tier is not Tier.NONE:
                    text(phrases.word(customer.tier), f"tier {customer.tier.value}", "span")
                text(_("Customer") if customer.stage is Stage.CURRENT else _("Prospective"), "dim small", "span")
                text(customer.address.value, "dim small", "span")


def _draw_promises(promises: list[Promise]) -> None:
    if not promises:
        return
    with _fold(_("Promises"), "promises", len(promises)):
        for promise in promises:
            late = promise.due_at < clock.now()
            with box("mini"):
                text(promise.words, "mini-line")
                words = _("promised by {time}").format(time=phrases.when(promise.due_at))
                text(words, "small bad" if late else "small dim")


def _draw_complaints(card: Card) -> None:
    with _fold(_("Open complaints"), "complaints", len(card.open_complaints) or None):
        for complaint in card.open_complaints:
            _complaint(complaint, card)
        if not card.open_complaints:
            settled = _("None open, {n} settled").format(n=card.past_complaints)
            text(settled if card.past_complaints else _("None"), "dim")


def _complaint(complaint: Complaint, card: Card) -> None:
    with link(f"/complaints/{complaint.id}", "mini"):
        with box("row-head"):
            text(complaint.code, "strong mono", "span")
            pill(phrases.word(complaint.state), "info")
        text(complaint.description, "row-words")
        running = [each for each in card.clocks.get(complaint.id, []) if each.met is None]
        nearest = min(running, key=lambda each: each.due_at, default=None)
        if nearest is not None and nearest.paused:
            text(_("clock stopped: waiting for the customer"), "small dim")
        elif nearest is not None and nearest.late:
            text(_("{time} over").format(time=phrases.span(-nearest.left)), "small bad strong")
        else:
            due = nearest.due_at if nearest is not None else complaint.promised_at
            late = due < clock.now()
            text(_("promised by {time}").format(time=phrases.when(due)), "small bad" if late else "small dim")


def _draw_purchases(card: Card) -> None:
    with _fold(_("Purchases"), "purchases", len(card.purchases) or None):
        for purchase in card.purchases:
            _purchase(purchase)
        if not card.purchases:
            text(_("No purchases on record"), "dim")


def _purchase(purchase: Purchase) -> None:
    with box("mini"):
        with box("row-head"):
            text(purchase.order_code, "strong mono", "span")
            text(phrases.word(purchase.status), "dim small", "span")
        for item in purchase.items:
            text((f"{item.quantity} × " if item.quantity > 1 else "") + item.product.name, "mini-line")
        total = sum(item.quantity * item.unit_price for item in purchase.items)
        text(f"{phrases.day(purchase.purchased_at)} · {phrases.money(total)}", "dim small")


def _draw_warranties(warranties: list[Warranty]) -> None:
    if not warranties:
        return
    with _fold(_("Warranties"), "warranties", len(warranties), shut=True):
        for warranty in warranties:
            with box("mini"):
                text(warranty.product.name, "mini-line")
                words = _("until {day}, {n} days left").format(
                    day=warranty.until.strftime("%d/%m/%Y"), n=warranty.days_left
                )
                text(words, "small warn-ink" if warranty.days_left <= SOON else "small dim")
                if warranty.serial:
                    text(warranty.serial, "small dim mono")


def _draw_consents(card: Card) -> None:
    with _fold(_("Consents"), "consents"):
        for consent in card.consents:
            with box("fact"):
                text(phrases.word(consent.purpose), "fact-name")
                said = _("agreed") if consent.granted else (_("refused") if consent.at else _("never asked"))
                with box("fact-value"):
                    pill(said, "good" if consent.granted else "")
                    text(phrases.day(consent.at) if consent.at else "", "dim small", "span")


def _draw_ratings(ratings: list[Rating]) -> None:
    with _fold(_("Ratings"), "ratings", len(ratings) or None, shut=not ratings):
        for rating in ratings:
            with box("mini"):
                with box("row-head"):
                    stars(rating.score)
                    text(phrases.day(rating.at), "dim small", "span")
                if rating.reason:
                    text(rating.reason, "mini-line")
        if not ratings:
            text(_("Has not rated yet"), "dim")


def _draw_marketing(card: Card) -> None:
    if card.advertised is None:
        return
    words, at = card.advertised
    with _fold(_("Last advertisement"), "advertised", shut=True):
        text(words, "mini-line clamp")
        moment(at, "dim small")


__all__ = ["Panel", "birthday", "draw", "section", "stars"]
