"""In the frame: whether the person is on duty. Where conversations are given out in turn, only those get any."""

from console.desk import act
from console.language import _
from console.pieces import attribute, box, text
from console.pulse import pulse
from crm import dealing


class Duty:
    """The switch, with its state in words."""

    def __init__(self, present: bool) -> None:
        self._present = present
        self._button = attribute(box("duty", "button"), type="button", role="switch")
        with self._button:
            box("duty-dot", "span")
            self._words = text("", "duty-words", "span")
        self._button.on("click", self._pressed)
        self._draw()

    def _draw(self) -> None:
        words = _("On duty") if self._present else _("Away")
        hint = _("Press when you leave.") if self._present else _("Press when you are there.")
        self._words.text = words
        attribute(
            self._button, aria_checked="true" if self._present else "false", aria_label=words, title=hint
        ).update()

    async def _pressed(self) -> None:
        wanted = not self._present
        if await act("set_presence", lambda session, staff: dealing.set_present(session, staff, wanted)):
            self._present = wanted
            self._draw()
            pulse.poke()
