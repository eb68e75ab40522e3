"""A new broadcast: whom, what, how it reads, whom it reaches and why others not, now or later."""

from datetime import datetime

from nicegui import ui
from sqlalchemy import select
from sqlalchemy.orm import Session

from console import desk, guard, inbox, phrases
from console.desk import act
from console.frame import frame
from console.language import _, plural
from console.person_choice import PersonChoice
from console.pieces import attribute, box, button, section, text
from console.visits import Visit
from crm import audiences, campaigns
from crm.audiences import Audience, Estimate
from crm.errors import InvalidInput
from crm.models.people import Address, Customer, Tier
from crm.models.staff import Staff
from crm.settings import settings

MOST_CHARACTERS = 3800


@guard.page("/broadcasts/new")
async def page(visit: Visit) -> None:
    """The form beside its live preview."""
    waiting = await inbox.for_visitor(visit.visitor)
    with frame(visit, _("New broadcast"), waiting, back=(_("Broadcasts"), "/broadcasts")):
        form = Form(visit)
        form.build()
    await form.look_again()


class Form:
    """What is being written; nothing is stored before the button is pressed."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.audience: Audience | None = audiences.EVERYBODY
        self.choices: dict[str, ui.element] = {}

    def build(self) -> None:
        with box("compose"):
            with box("card pad stack"):
                self._build_name()
                self._build_audience()
                self._build_text()
                self._build_time()
            with box("stack"):
                with box("card pad"), section(_("Who gets it")):
                    self.reach = box("stack")
                with box("card pad"), section(_("As the customer reads it")):
                    with box("phone"):
                        self.preview = text("", "bubble")
                    self.reader = text("", "hint")

    def _build_name(self) -> None:
        with box(""):
            text(_("Name"), "label")
            self.name = ui.input(placeholder=_("For yourself, for example: Women's Day voucher"))
            self.name.props("outlined dense maxlength=200").classes("field name")

    def _build_audience(self) -> None:
        with box(""):
            text(_("Audience"), "label")
            with attribute(box("choice"), role="group"):
                self._choice("all", _("All customers"), audiences.EVERYBODY)
                for tier in (Tier.SILVER, Tier.GOLD, Tier.PLATINUM):
                    self._choice(tier.value, phrases.word(tier), audiences.tier(tier))
                self._choice("person", _("A test person"), None)
            self.person = PersonChoice(self._person_chosen)
        self._light("all")

    def _build_text(self) -> None:
        with box(""):
            text(_("Text"), "label")
            placeholder = _("Write as you would say it. The advertising mark and the way out are added by themselves.")
            self.body = ui.textarea(placeholder=placeholder, on_change=self.preview_again)
            self.body.props(f"outlined autogrow debounce=150 maxlength={MOST_CHARACTERS}").classes(
                "field answer body-text"
            )
            text(
                _("{address} becomes the customer's form of address; {name} their name; {shop} the name of the shop."),
                "hint",
            )

    def _build_time(self) -> None:
        with box(""):
            text(_("When"), "label")
            with box("actions"):
                self.at = ui.input().props('outlined dense type="datetime-local"').classes("at")
                button(_("Send at this time"), self._later, "", "schedule")
                button(_("Send now"), self._now, "primary", "send")

    def _choice(self, key: str, words: str, audience: Audience | None) -> None:
        async def chosen() -> None:
            self._light(key)
            self.audience = audience
            await self.look_again()

        self.choices[key] = attribute(button(words, chosen), data_choice=key)

    def _light(self, chosen: str) -> None:
        for key, element in self.choices.items():
            element.classes(add="on") if key == chosen else element.classes(remove="on")
            attribute(element, aria_pressed="true" if key == chosen else "false")
        self.person.set_visibility(chosen == "person")

    async def _person_chosen(self, customer: Customer) -> None:
        self.audience = audiences.person(customer.id)
        await self.look_again()

    async def look_again(self) -> None:
        """Counts the audience afresh, and renders for one of it."""
        audience = self.audience
        found = await desk.look(lambda session: audiences.estimate(session, audience)) if audience else None
        if audience is not self.audience:
            return  # overtaken by another choice
        self.reach.clear()
        with self.reach:
            _draw_reach(found)
        await self.preview_again()

    async def preview_again(self) -> None:
        """Renders what is written for the first person of the audience."""
        body, audience = self.body.value or "", self.audience
        reader = await desk.look(lambda session: _reader(session, audience))
        if body != (self.body.value or "") or audience is not self.audience:
            return
        rendered, right = _rendered(body, reader)
        self.preview.text = rendered
        self.preview.classes(remove="warning") if right else self.preview.classes(add="warning")
        self.reader.text = _("Shown for {name}").format(name=reader.name) if reader.name else ""

    async def _now(self) -> None:
        await self._send(None)

    async def _later(self) -> None:
        at = _moment(self.at.value or "")
        if at is None:
            ui.notify(_("Choose the day and the time first."), type="warning", position="top")
            return
        await self._send(at)

    async def _send(self, at: datetime | None) -> None:
        name, body, audience = self.name.value or "", self.body.value or "", self.audience

        def work(session: Session, staff: Staff) -> int:
            if audience is None:
                raise InvalidInput("audience", "a test person must be chosen")
            campaign = campaigns.create(session, staff, name, body, audience)
            campaigns.schedule(session, campaign, staff, at)
            return campaign.id

        outcome = await act("send_broadcast", work)
        if outcome:
            ui.navigate.to(f"/broadcasts/{outcome.value}")


def _rendered(body: str, reader: Customer) -> tuple[str, bool]:
    try:
        return (campaigns.render(body, reader), True) if body.strip() else (_("Your text appears here."), True)
    except InvalidInput as error:
        return phrases.refusal(error), False


def _reader(session: Session, audience: Audience | None) -> Customer:
    found = None
    if audience is not None:
        likely = select(Customer).where(audiences.holds(audience), audiences.refusal().is_(None), Customer.name != "")
        found = session.scalar(likely.order_by(Customer.id).limit(1))
    return found or Customer(name="", address=Address.UNKNOWN)


def _moment(written: str) -> datetime | None:
    """The browser's `2026-11-24T09:00`, meant on the shop's clock."""
    try:
        return datetime.fromisoformat(written).replace(tzinfo=settings().zone)
    except ValueError:
        return None


def _draw_reach(found: Estimate | None) -> None:
    if found is None:
        text(_("Search for the person above."), "dim")
        return
    with box("reach"):
        text(str(found.reach), "reach-number")
        text(plural("customer receives it", "customers receive it", found.reach), "dim")
    if found.left_out:
        text(
            plural(
                "{n} is left out, because the person", "{n} are left out, because the person", found.total - found.reach
            ),
            "dim",
        )
    for reason, count in sorted(found.left_out.items(), key=lambda item: -item[1]):
        with box("left-out"):
            text(phrases.reason(reason.value), tag="span")
            text(str(count), "mono", "span")
