"""One webhook: where it goes, its secret, what was sent and what came back."""

from collections.abc import Callable
from functools import partial

from nicegui import ui
from sqlalchemy.orm import Session

from console import desk, guard, inbox, phrases
from console.connections import Several, field, secret_line
from console.desk import act
from console.dialogs import confirmed
from console.frame import frame
from console.integrations import state
from console.language import _, plural
from console.pieces import Canvas, attribute, box, button, empty, moment, pill, text
from console.visits import Visit
from crm import audit, webhooks_out
from crm.models.integration import WebhookDelivery, WebhookEndpoint, WebhookEventType, WebhookState
from crm.models.staff import Staff

REDRAW_S = 2.0
TONES = {WebhookState.PENDING: "info", WebhookState.DELIVERED: "good", WebhookState.FAILED: "bad"}
Work = Callable[[Session, Staff], object]


@guard.page("/integrations/webhooks/new")
async def new(visit: Visit) -> None:
    """Name, address and events."""
    back = (_("Connections"), "/integrations")
    waiting = await inbox.for_visitor(visit.visitor)
    with frame(visit, _("New webhook"), waiting, back=back), box("card pad stack narrow"):
        name = field(_("Which system is told?"), _("for example the stock system"), "name")
        url = field(_("Address of the webhook"), "https://erp.example.com/tri-an", "url")
        events = Several(_("What it is told"), webhooks_out.SUBSCRIBABLE)

        async def add() -> None:
            def work(session: Session, staff: Staff) -> int:
                given = (name.value or "", url.value or "", events.chosen)
                return webhooks_out.add(session, staff, *given).id

            outcome = await act("save_webhook", work)
            if outcome:
                ui.navigate.to(f"/integrations/webhooks/{outcome.value}")

        with box("actions"):
            button(_("Add the webhook"), add, "primary", "webhook")
        text(_("Numbers, codes and states are sent, no names and no words of customers."), "hint")


@guard.page("/integrations/webhooks/{endpoint_id:int}")
async def page(visit: Visit, endpoint_id: int) -> None:
    """Builds the page; the `Screen` keeps it live."""
    screen = Screen(visit, endpoint_id)
    endpoint, log = await desk.look(screen.see)
    back = (_("Connections"), "/integrations")
    with frame(visit, endpoint.name, await inbox.for_visitor(visit.visitor), back=back), box("stack"):
        screen.head, screen.secret, screen.log = Canvas("card pad stack"), box(""), Canvas("card rows")
    screen.show(endpoint, log)
    visit.every(REDRAW_S, screen.again)


class Screen:
    """The parts of the page that change."""

    head: Canvas
    secret: ui.element
    log: Canvas

    def __init__(self, visit: Visit, endpoint_id: int) -> None:
        self.visit, self.endpoint_id = visit, endpoint_id

    def see(self, session: Session) -> tuple[WebhookEndpoint, list[WebhookDelivery]]:
        """The endpoint with its log. Raises NotFound."""
        return webhooks_out.get(session, self.endpoint_id), webhooks_out.log(session, self.endpoint_id)

    async def again(self) -> None:
        """Looks again and draws what changed."""
        self.show(*await desk.look(self.see))

    def show(self, endpoint: WebhookEndpoint, log: list[WebhookDelivery]) -> None:
        self.head.show((endpoint.disabled_at, endpoint.failing_since), lambda: self._draw_head(endpoint))
        self.log.show([(d.id, d.state, d.attempts, d.tried_at) for d in log], lambda: self._draw_log(log))

    def _draw_head(self, endpoint: WebhookEndpoint) -> None:
        number = self.endpoint_id
        with box("head-line"):
            with box("row-head"):
                state(endpoint)
                text(endpoint.url, "mono", "span")
            with box("actions"):
                if endpoint.disabled_at is None:
                    test: Work = partial(webhooks_out.test, endpoint_id=number)
                    button(_("Try it"), partial(self._do, "test_webhook", test), "primary", "send")
                    off: Work = partial(webhooks_out.disable, endpoint_id=number)
                    button(_("Switch it off"), partial(self._do, "save_webhook", off))
                else:
                    on: Work = partial(webhooks_out.enable, endpoint_id=number)
                    button(_("Switch it on"), partial(self._do, "save_webhook", on), "primary")
                button(_("Show the secret"), self._show_secret, "", "key")
                button(_("New secret"), self._new_secret)
                button(_("Remove the webhook"), self._remove, "danger")
        if endpoint.disabled_reason == "failing":
            text(_("It did not answer for three days and was switched off. Mend it, then switch it on."), "warning")
        if endpoint.disabled_reason == "gone":
            text(_("It said that it wants nothing any more (410), and was switched off."), "warning")
        with box("choice"):
            for each in endpoint.events:
                pill(phrases.word(WebhookEventType(each)))

    def _draw_log(self, log: list[WebhookDelivery]) -> None:
        with box("panel-head"):
            text(_("What was sent"), tag="h2")
        if not log:
            empty("outbox", _("Nothing was sent yet"), _("Press Try it: the answer stands here within seconds."))
        for delivery in log:
            self._line(delivery)

    def _line(self, delivery: WebhookDelivery) -> None:
        with attribute(box("entry"), data_delivery=str(delivery.id)):
            with box("row-main"):
                with box("row-head"):
                    text(phrases.word(delivery.event.type), "strong", "span")
                    pill(phrases.word(delivery.state), TONES[delivery.state])
                    if delivery.status is not None:
                        text(str(delivery.status), "mono small", "span")
                    if delivery.attempts > 1:
                        text(plural("{n} try", "{n} tries", delivery.attempts), "dim small", "span")
                text(delivery.answer or delivery.event.key, "row-words mono small")
            with box("row-end"):
                moment(delivery.tried_at or delivery.event.at)
                if delivery.state is WebhookState.PENDING and delivery.attempts:
                    text(_("next {time}").format(time=phrases.when(delivery.due_at)), "dim small")
            if delivery.state is not WebhookState.PENDING:
                again: Work = partial(webhooks_out.replay, delivery_id=delivery.id)
                button(_("Send again"), partial(self._do, "replay_webhook", again), "", "replay")

    async def _do(self, action: str, work: Work) -> None:
        await act(action, work)
        await self.again()

    async def _show_secret(self) -> None:
        def work(session: Session, staff: Staff) -> str:
            audit.record(session, staff, "webhook_secret_shown", "webhook", self.endpoint_id)
            return webhooks_out.secret(webhooks_out.get(session, self.endpoint_id))

        self._reveal((await act("show_webhook_secret", work)).value)

    async def _new_secret(self) -> None:
        words = _("From now on everything is signed with a new one; the other system must be given it.")
        with self.visit.client:
            sure = await confirmed(_("Make a new secret?"), words, _("Make a new secret"), "danger")
        if sure:
            self._reveal((await act("show_webhook_secret", self._changed_secret)).value)

    def _changed_secret(self, session: Session, staff: Staff) -> str:
        return webhooks_out.secret(webhooks_out.change_secret(session, staff, self.endpoint_id))

    def _reveal(self, secret: str | None) -> None:
        if secret is None:
            return
        self.secret.clear()
        with self.secret, box("card pad stack"):
            text(_("With this secret the other system proves that a message is ours."))
            secret_line(secret, "webhook")

    async def _remove(self) -> None:
        words = _("Nothing is sent to it any more. This cannot be taken back.")
        with self.visit.client:
            sure = await confirmed(_("Remove this webhook?"), words, _("Remove it"), "danger")
        if sure:
            remove: Work = partial(webhooks_out.remove, endpoint_id=self.endpoint_id)
            if await act("save_webhook", remove):
                with self.visit.client:
                    ui.navigate.to("/integrations")
