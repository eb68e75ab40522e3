"""Trying a text on oneself: the person shows once which chat is theirs, by writing a code from it."""

from collections.abc import Callable

from nicegui import ui
from sqlalchemy.orm import Session

from console import desk
from console.desk import act
from console.language import _
from console.pieces import box, button, text
from console.visits import Visit
from crm import trial_sends
from crm.models.staff import Staff
from crm.trial_sends import Proof

LOOK_AGAIN_S = 2.0


class Trial:
    """The button below the preview. `body` gives the text as it is written at that moment."""

    def __init__(self, visit: Visit, body: Callable[[], str]) -> None:
        self.visit = visit
        self.body = body
        self.proof: Proof | None = None

    def build(self) -> None:
        with box("actions trial"):
            button(_("Send it to me to try"), self._try, "", "phone_iphone")
        self.place = box("stack")
        self.watch = ui.timer(LOOK_AGAIN_S, self._look, active=False)

    async def _try(self) -> None:
        staff_id = self.visit.visitor.staff_id
        if not await desk.look(lambda session: trial_sends.account_of(session, staff_id) is not None):
            await self._ask_for_proof()
            return
        body = self.body()
        if await act("try_broadcast", lambda session, staff: trial_sends.send(session, staff, body)):
            ui.notify(_("On its way to your own chat."), type="positive", position="top")

    async def _ask_for_proof(self) -> None:
        self.proof = await desk.look(Proof)
        self.place.clear()
        with self.place, box("proof"):
            text(_("Write this code to the shop from your own Telegram, so that the text comes to you alone:"))
            text(self.proof.code, "proof-code mono")
            text(_("Waiting for it; it is good for a quarter of an hour."), "dim")
        self.watch.activate()

    async def _look(self) -> None:
        proof = self.proof
        if proof is None or proof.over:
            self._end_proof()
        elif await desk.look(lambda session: proof.chat(session) is not None):
            self._end_proof()

            def work(session: Session, staff: Staff) -> None:
                trial_sends.link(session, staff, proof)

            if await act("link_own_chat", work):
                await self._try()

    def _end_proof(self) -> None:
        self.watch.deactivate()
        self.place.clear()
        self.proof = None
