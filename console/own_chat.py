"""Linking one's own Telegram chat, so that notices reach a person away from the console too."""

from nicegui import ui
from sqlalchemy.orm import Session

from console import desk
from console.desk import act
from console.language import _
from console.pieces import attribute, box, button, text
from console.visits import Visit
from crm import staff_notices, trial_sends
from crm.models.staff import Staff
from crm.trial_sends import Proof

LOOK_AGAIN_S = 2.0


class OwnChat:
    """A line that says whether a chat is linked, with what to do about it."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._proof: Proof | None = None
        with box("bell-foot"):
            self._place = box("stack")
            with self._place:
                button(_("Also tell me on Telegram"), self._ask, "quiet", "send")
        self._watch = ui.timer(LOOK_AGAIN_S, self._look, active=False)

    async def _ask(self) -> None:
        me = self._visit.visitor.staff_id
        if await desk.look(lambda session: trial_sends.account_of(session, me) is not None):
            self._say(_("Your Telegram chat is linked: you are told there as well."))
            return
        self._proof = await desk.look(Proof)
        self._place.clear()
        with self._place:
            text(_("Write this code to the shop from your own Telegram. It is good for a quarter of an hour."), "small")
            attribute(text(self._proof.code, "proof-code mono"), data_proof=self._proof.code)
        self._watch.activate()

    async def _look(self) -> None:
        proof = self._proof
        if proof is None or proof.over:
            self._watch.deactivate()
            self._say(_("The code has run out. Open this page again for a new one."))
        elif await desk.look(lambda session: proof.chat(session) is not None):
            self._watch.deactivate()

            def work(session: Session, staff: Staff) -> None:
                staff_notices.link_chat(session, staff, proof)

            if await act("link_staff_chat", work):
                self._say(_("Your Telegram chat is linked: you are told there as well."))

    def _say(self, words: str) -> None:
        self._place.clear()
        with self._place:
            text(words, "small dim")


def build(visit: Visit) -> None:
    """Draws it here."""
    OwnChat(visit)
