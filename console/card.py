"""The customer card: who they are, how to address them, and what binds them to the shop."""

from console import phrases
from console.language import _
from console.pieces import avatar, box, fact, link, pill, section, text
from crm import clock
from crm.customer_card import Card
from crm.models.care import Complaint, Rating
from crm.models.catalogue import Purchase
from crm.models.people import CalendarKind, Customer, Occasion, Stage, Tier


def draw(card: Card, *, linked: bool = True) -> None:
    """The whole card. `linked`: whether the name leads to the customer's own page."""
    _head(card.customer, linked)
    with section(_("Contact")):
        _contact(card)
    with section(_("Consents")):
        for consent in card.consents:
            with box("fact"):
                text(phrases.word(consent.purpose), "fact-name")
                said = _("agreed") if consent.granted else (_("refused") if consent.at else _("never asked"))
                with box("fact-value"):
                    pill(said, "good" if consent.granted else "")
                    text(phrases.day(consent.at) if consent.at else "", "dim small", "span")
    with section(_("Open complaints")):
        for complaint in card.open_complaints:
            _complaint(complaint)
        if not card.open_complaints:
            text(
                _("None") if not card.past_complaints else _("None open, {n} settled").format(n=card.past_complaints),
                "dim",
            )
    with section(_("Purchases")):
        for purchase in card.purchases:
            _purchase(purchase)
        if not card.purchases:
            text(_("No purchases on record"), "dim")
    with section(_("Ratings")):
        for rating in card.ratings:
            _rating(rating)
        if not card.ratings:
            text(_("Has not rated yet"), "dim")


def stars(score: int) -> None:
    """Five stars, `score` of them lit."""
    with box(f"stars s{score}", "span").props(f'role="img" aria-label="{score}/5"'):
        text("★" * score, "lit", "span")
        text("★" * (5 - score), "unlit", "span")


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


def _contact(card: Card) -> None:
    customer = card.customer
    fact(_("Address as"), customer.address.value)
    fact(_("Phone"), phrases.phone(customer.phone) or _("not known"))
    fact(_("E-mail"), customer.email or "")
    fact(_("Birthday"), _birthday(card.birthday))
    fact(_("Occupation"), customer.occupation or "")
    fact(_("Household"), customer.household or "")


def _birthday(birthday: Occasion | None) -> str:
    if birthday is None:
        return ""
    written = f"{birthday.day:02d}/{birthday.month:02d}" + (f"/{birthday.year}" if birthday.year else "")
    return _("{date} (lunar)").format(date=written) if birthday.calendar is CalendarKind.LUNAR else written


def _complaint(complaint: Complaint) -> None:
    late = complaint.promised_at < clock.now()
    with link(f"/complaints/{complaint.id}", "mini"):
        with box("row-head"):
            text(complaint.code, "strong mono", "span")
            pill(phrases.word(complaint.state), "info")
        text(complaint.description, "row-words")
        text(
            _("promised by {time}").format(time=phrases.when(complaint.promised_at)),
            "small bad" if late else "small dim",
        )


def _purchase(purchase: Purchase) -> None:
    with box("mini"):
        with box("row-head"):
            text(purchase.order_code, "strong mono", "span")
            text(phrases.word(purchase.status), "dim small", "span")
        for item in purchase.items:
            text((f"{item.quantity} × " if item.quantity > 1 else "") + item.product.name, "mini-line")
        total = sum(item.quantity * item.unit_price for item in purchase.items)
        text(f"{phrases.day(purchase.purchased_at)} · {phrases.money(total)}", "dim small")


def _rating(rating: Rating) -> None:
    with box("mini"):
        with box("row-head"):
            stars(rating.score)
            text(phrases.day(rating.at), "dim small", "span")
        if rating.reason:
            text(rating.reason, "mini-line")
