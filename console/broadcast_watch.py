"""Tells marketing, wherever they are in the console, that a broadcast has paused by itself."""

from nicegui import ui

from console import desk
from console.language import _
from console.pieces import attribute, text
from console.visits import Visit
from crm import campaigns
from crm.models.campaigns import Campaign, PauseReason

LOOK_EVERY_S = 3.0


def attach(visit: Visit, entry: ui.element) -> None:
    """A number beside the navigation's `entry`, and a notice when it grows while the page stands open."""
    known: set[int] | None = None
    with entry:
        badge = text("", "badge hidden", "span")

    async def look() -> None:
        nonlocal known
        halted = await desk.look(campaigns.halted)
        badge.text = str(len(halted))
        attribute(badge, data_halted=str(len(halted)))
        badge.classes(remove="hidden") if halted else badge.classes(add="hidden")
        for campaign in halted:
            if known is not None and campaign.id not in known:
                _tell(campaign)
        known = {campaign.id for campaign in halted}

    visit.every(LOOK_EVERY_S, look)


def _tell(campaign: Campaign) -> None:
    if campaign.pause_reason is PauseReason.MISSED:
        words = _("“{name}” could not be started in time and waits for you in Broadcasts.")
    else:
        words = _("“{name}” has paused by itself. Open Broadcasts to see why.")
    ui.notify(words.format(name=campaign.name), type="warning", position="top", timeout=0, close_button=_("Close"))
