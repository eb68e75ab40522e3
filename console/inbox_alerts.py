"""What tells a person that something is new for them: a tone, and a number in the title; each can be switched off."""

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from console import inbox
from console.desk import act
from console.inbox import Inbox
from console.language import _
from console.pieces import attribute, box, text
from console.pulse import QUEUE, pulse
from console.visits import Visit, current
from crm import availability
from crm.models.inbox import StaffDesk

SCRIPT = '<script src="/static/inbox.js"></script>'
TONE = "window.trianTone?.()"


class Alerts:
    """Of one open page: how many calls ask for its person, and which of them are new since the last look."""

    open_now: dict[str, "Alerts"] = {}  # noqa: RUF012  by client: a switch on the page is heard by its frame at once

    def __init__(self, visit: Visit, title: str, badge: ui.element, first: Inbox) -> None:
        self._visit, self._title, self._badge = visit, title, badge
        self._known = self._asking(first)
        self.sound, self.in_title = (first.mine.sound, first.mine.badge) if first.mine else (True, True)
        with badge:
            self._number: TextElement = text("", tag="span")
        self.open_now[visit.client.id] = self
        visit.client.on_delete(lambda: self.open_now.pop(visit.client.id, None))

    async def news(self) -> None:
        """Something changed: shows how many there are now, and sounds if one of them is new."""
        now = self._asking(await inbox.shared())
        new, self._known = now - self._known, now
        self.draw()
        if new and self.sound:
            self._visit.client.run_javascript(TONE)

    def draw(self) -> None:
        """The number beside the navigation's entry, and in the title if that is wanted."""
        count = len(self._known)
        self._number.text = str(count)
        self._badge.classes(remove="hidden") if count else self._badge.classes(add="hidden")
        ui.page_title(f"({count}) {self._title}" if count and self.in_title else self._title)

    def _asking(self, now: Inbox) -> set[tuple[int, int]]:
        return {(signal.call_id, signal.newest) for signal in now.for_person(self._visit.visitor.staff_id)}


def attach(visit: Visit, title: str, badge: ui.element, first: Inbox) -> None:
    """Keeps `badge` and the title of the page up to date, and sounds for what is new."""
    ui.add_head_html(SCRIPT)
    alerts = Alerts(visit, title, badge, first)
    alerts.draw()
    pulse.subscribe(visit, QUEUE, alerts.news)


def switches(mine: StaffDesk) -> None:
    """The two switches; what is chosen is remembered for the person."""
    _Switch("volume_up", "volume_off", _("Sound for what is new"), "sound", mine.sound)
    _Switch("tab", "tab_unselected", _("Number in the title"), "badge", mine.badge)


class _Switch:
    """One of them. `name`: what is switched, as `availability.prefer` calls it."""

    def __init__(self, on: str, off: str, words: str, name: str, chosen: bool) -> None:
        self._icons, self._name, self._on = (off, on), name, chosen
        self._button = attribute(box("icon-btn inbox-switch", "button"), type="button", title=words, aria_label=words)
        attribute(self._button, data_switch=name)
        with self._button:
            self._icon = ui.icon("")
        self._button.on("click", self._pressed)
        self._draw()

    def _draw(self) -> None:
        attribute(self._button, aria_pressed="true" if self._on else "false").update()
        self._icon.name = self._icons[self._on]

    async def _pressed(self) -> None:
        sound, badge = (not self._on, None) if self._name == "sound" else (None, not self._on)
        if not await act(
            "set_alerts", lambda session, staff: availability.prefer(session, staff.id, sound=sound, badge=badge)
        ):
            return
        self._on = not self._on
        self._draw()
        if (alerts := Alerts.open_now.get(current().client.id)) is not None:
            alerts.sound = self._on if sound is not None else alerts.sound
            alerts.in_title = self._on if badge is not None else alerts.in_title
            alerts.draw()
        if self._on and sound:
            ui.run_javascript(TONE)  # so that it is known how it sounds
