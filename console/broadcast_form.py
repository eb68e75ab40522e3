"""Writing a broadcast: whom, what, how it reads, whom it reaches and why others not; saved as a draft or sent."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from nicegui import ui
from sqlalchemy.orm import Session

from console import broadcast_reach, desk, phrases
from console.broadcast_reach import Reach
from console.broadcast_time import chosen_moment
from console.broadcast_trial import Trial
from console.desk import act
from console.language import _
from console.person_choice import PersonChoice
from console.pieces import attribute, box, button, section, text
from console.visits import Visit
from crm import audiences, campaigns
from crm.audiences import Audience
from crm.errors import InvalidInput
from crm.models.campaigns import Campaign, CampaignState
from crm.models.people import Customer, Tier
from crm.models.staff import Staff

MOST_CHARACTERS = 3800
_TIERS = (Tier.SILVER, Tier.GOLD, Tier.PLATINUM)


@dataclass(frozen=True)
class Draft:
    """What stands in the form when it opens. `person`: the test person's name, if it is for one."""

    id: int | None = None
    name: str = ""
    body: str = ""
    audience: Audience = field(default_factory=lambda: dict(audiences.EVERYBODY))
    person: str = ""
    settled: bool = False

    @classmethod
    def of(cls, campaign: Campaign, person: str) -> "Draft":
        """An existing one; of one that has begun, the people are settled."""
        begun = campaign.state is CampaignState.PAUSED
        return cls(campaign.id, campaign.name, campaign.text, campaign.audience, person, begun)


class Form:
    """What is being written. Saved when a button is pressed; then it goes on with what was saved."""

    def __init__(self, visit: Visit, draft: Draft) -> None:
        self.visit = visit
        self.draft = draft
        self.campaign_id = draft.id
        self.chosen: Audience | None = draft.audience
        self.choices: dict[str, ui.element] = {}
        self.trial = Trial(visit, lambda: self.body.value or "")

    def build(self) -> None:
        with box("compose"):
            with box("card pad stack"):
                self._build_name()
                if not self.draft.settled:
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
                    self.trial.build()

    def _build_name(self) -> None:
        with box(""):
            text(_("Name"), "label")
            placeholder = _("For yourself, for example: Women's Day voucher")
            self.name = ui.input(value=self.draft.name, placeholder=placeholder)
            attribute(self.name, aria_label=_("Name")).props("outlined dense maxlength=200").classes("field name")

    def _build_audience(self) -> None:
        with box(""):
            text(_("Audience"), "label")
            with attribute(box("choice"), role="group"):
                self._choice("all", _("All customers"), audiences.EVERYBODY)
                for tier in _TIERS:
                    self._choice(tier.value, phrases.word(tier), audiences.tier(tier))
                self._choice("person", _("One person"), None)
            self.person = PersonChoice(self._person_chosen)
            self.person_name = text(self.draft.person, "strong")
        self._light(str(self.draft.audience.get("tier") or self.draft.audience["kind"]))

    def _build_text(self) -> None:
        with box(""):
            text(_("Text"), "label")
            placeholder = _("Write as you would say it. The advertising mark and the way out are added by themselves.")
            self.body = ui.textarea(value=self.draft.body, placeholder=placeholder, on_change=self.look_again)
            props = f"outlined autogrow debounce=150 maxlength={MOST_CHARACTERS}"
            self.body.props(props).classes("field answer body-text")
            with box("field-chips"):
                for chip in ("{address}", "{name}", "{tier}", "{points}", "{voucher}", "{shop}"):
                    text(chip, "field-chip mono", "code")
            text(
                _(
                    "{address} becomes the customer's form of address; {name} their name; {shop} the name of the shop. "
                    "Words for whoever lacks something stand behind a line: {tier|…}."
                ),
                "hint",
            )

    def _build_time(self) -> None:
        if self.draft.settled:
            with box("actions"):
                button(_("Save the new text"), self._save, "primary", "save")
            text(_("Whoever was sent the old text keeps it; everybody else gets the new one."), "hint")
            return
        with box(""):
            text(_("When"), "label")
            with box("actions"):
                self.at = attribute(ui.input(), aria_label=_("Send at this time"))
                self.at.props('outlined dense type="datetime-local"').classes("at")
                button(_("Send at this time"), self._later, "", "schedule")
                button(_("Send now"), self._now, "primary", "send")
                button(_("Save as draft"), self._save, "", "save")

    def _choice(self, key: str, words: str, audience: Audience | None) -> None:
        async def chosen() -> None:
            self._light(key)
            self.person_name.text = ""
            self.chosen = audience
            await self.look_again()

        self.choices[key] = attribute(button(words, chosen), data_choice=key)

    def _light(self, chosen: str) -> None:
        for key, element in self.choices.items():
            element.classes(add="on") if key == chosen else element.classes(remove="on")
            attribute(element, aria_pressed="true" if key == chosen else "false")
        self.person.set_visibility(chosen == "person")

    async def _person_chosen(self, customer: Customer) -> None:
        self.chosen = audiences.person(customer.id)
        self.person_name.text = customer.name
        await self.look_again()

    async def look_again(self) -> None:
        """Counts the audience afresh, and renders for one of it."""
        body, audience = self.body.value or "", self.chosen
        found = await desk.look(lambda session: broadcast_reach.look(session, self.draft.id, audience, body))
        if audience is not self.chosen or body != (self.body.value or ""):
            return  # overtaken by another choice
        self.reach.clear()
        with self.reach:
            broadcast_reach.draw(found)
        self._show_preview(found)

    def _show_preview(self, found: Reach) -> None:
        self.preview.text = found.rendered
        self.preview.classes(remove="warning") if found.right else self.preview.classes(add="warning")
        self.reader.text = _("Shown for {name}").format(name=found.reader) if found.reader else ""

    async def _save(self) -> None:
        if await self._stored():
            ui.navigate.to(f"/broadcasts/{self.campaign_id}")

    async def _now(self) -> None:
        await self._send(None)

    async def _later(self) -> None:
        at = chosen_moment(self.at.value)
        if at is not None:
            await self._send(at)

    async def _send(self, at: datetime | None) -> None:
        """Saved first, in a transaction of its own: what may not go yet is not lost."""
        if not await self._stored():
            return
        campaign_id = self.campaign_id or 0

        def work(session: Session, staff: Staff) -> None:
            campaigns.schedule(session, campaigns.get(session, campaign_id), staff, at)

        if await act("send_broadcast", work):
            ui.navigate.to(f"/broadcasts/{campaign_id}")

    async def _stored(self) -> bool:
        outcome = await act("save_broadcast", self._writing())
        if outcome and outcome.value is not None:
            self.campaign_id = outcome.value
        return bool(outcome)

    def _writing(self) -> Callable[[Session, Staff], int]:
        name, body, audience, known = self.name.value or "", self.body.value or "", self.chosen, self.campaign_id

        def work(session: Session, staff: Staff) -> int:
            if audience is None:
                raise InvalidInput("audience", "a test person must be chosen")
            if known is None:
                return campaigns.create(session, staff, name, body, audience).id
            campaigns.edit(session, campaigns.get(session, known), staff, name, body, audience)
            return known

        return work
