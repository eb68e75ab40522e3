"""Other systems: the tokens with which they come to us, and the webhooks with which we tell them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from nicegui import ui
from sqlalchemy.orm import Session

from console import desk, guard, inbox, phrases
from console.connections import Several, field, secret_line, sections
from console.desk import act
from console.dialogs import confirmed
from console.frame import frame
from console.language import _, plural
from console.pieces import Canvas, Handler, attribute, box, button, empty, link, moment, pill, symbol, text
from console.visits import Visit
from crm import api_tokens, webhooks_out
from crm.api_tokens import Scope
from crm.models.integration import ApiToken, WebhookEndpoint
from crm.models.staff import Staff

Revoke = Callable[[ApiToken], Awaitable[None]]
LIVES = (30, 90, 365)
REDRAW_S = 5.0


@dataclass(frozen=True)
class Sight:
    """Everything on the page as it is now."""

    tokens: list[ApiToken]
    endpoints: list[WebhookEndpoint]


def _see(session: Session) -> Sight:
    return Sight(api_tokens.listing(session), webhooks_out.listing(session))


@guard.page("/integrations")
async def page(visit: Visit) -> None:
    """Both lists."""
    sight = await desk.look(_see)
    with frame(visit, _("Connections"), await inbox.for_visitor(visit.visitor)):
        with box("tools"):
            sections("systems")
        place = Canvas("stack wide-gap")

    def show(now: Sight) -> None:
        key = [(t.id, t.revoked_at, t.last_used_at) for t in now.tokens]
        place.show((key, [(e.id, e.disabled_at, e.failing_since, e.url) for e in now.endpoints]), lambda: draw(now))

    def draw(now: Sight) -> None:
        _tokens(now.tokens, partial(_revoke, visit, again))
        _webhooks(now.endpoints)

    async def again() -> None:
        show(await desk.look(_see))

    show(sight)
    visit.every(REDRAW_S, again)


@guard.page("/integrations/tokens/new")
async def new_token(visit: Visit) -> None:
    """Name, rights and lifetime; then the token, once."""
    back = (_("Connections"), "/integrations")
    with frame(visit, _("New token"), await inbox.for_visitor(visit.visitor), back=back):
        place = box("card pad stack narrow")
        with place:
            name = field(_("Which system is it for?"), _("for example the till software"), "name")
            scopes = Several(_("What it may do"), tuple(Scope))
            with box(""):
                text(_("Good for"), "label")
                days = ui.toggle({each: plural("{n} day", "{n} days", each) for each in LIVES}, value=LIVES[1])
                days.props("no-caps unelevated").classes("toggle")

            async def issue() -> None:
                def work(session: Session, staff: Staff) -> tuple[ApiToken, str]:
                    return api_tokens.issue(session, staff, name.value or "", scopes.chosen, int(days.value))

                outcome = await act("issue_token", work)
                if outcome and outcome.value:
                    place.clear()
                    with place:
                        _issued(*outcome.value)

            with box("actions"):
                button(_("Make the token"), issue, "primary", "key")
            text(
                _("Give each system its own token and only the rights it needs: you can end one without the others."),
                "hint",
            )


def _issued(token: ApiToken, secret: str) -> None:
    text(_("The token of {name}").format(name=token.name), "section-title", "h3")
    text(_("Copy it now: it is shown this once, and kept here only as a fingerprint."), "warning")
    secret_line(secret, "token")
    text(_("The system sends it with each request as {header}.").format(header="Authorization: Bearer …"), "hint")
    with box("actions"), link("/integrations", "btn"):
        text(_("Back to the list"), tag="span")


def _tokens(tokens: list[ApiToken], revoke: Revoke) -> None:
    with box("card rows", "section"):
        with box("panel-head"):
            text(_("Tokens for the API"), tag="h2")
            with link("/integrations/tokens/new", "btn primary"):
                symbol("add")
                text(_("New token"), tag="span")
        if not tokens:
            empty("key", _("No system has a token"), _("With one, the till or the web shop can push its purchases."))
        for token in tokens:
            _token(token, revoke)


def _token(token: ApiToken, revoke: Revoke) -> None:
    alive = api_tokens.is_alive(token)
    with attribute(box("entry"), data_token=str(token.id)):
        with box("row-main"):
            with box("row-head"):
                text(token.name, "strong", "span")
                text(f"{token.hint}…", "mono dim small", "span")
                if not alive:
                    pill(_("revoked") if token.revoked_at else _("run out"), "bad" if token.revoked_at else "warn")
            text(" · ".join(phrases.word(Scope(each)) for each in token.scopes), "row-words full small")
        with box("row-end"):
            if token.last_used_at is not None:
                text(_("used {time}").format(time=phrases.when(token.last_used_at)), "small")
            else:
                text(_("never used"), "dim small")
            if alive:
                text(_("until {day}").format(day=phrases.day(token.expires_at)), "dim small")
        if alive:
            button(_("Revoke"), partial(revoke, token), "danger")


async def _revoke(visit: Visit, again: Handler, token: ApiToken) -> None:
    words = _("{name} gets no answer from now on. This cannot be taken back; a new token can be made.")
    with visit.client:
        sure = await confirmed(_("End this token?"), words.format(name=token.name), _("End the token"), "danger")
    if sure:
        await act("revoke_token", lambda session, staff: api_tokens.revoke(session, staff, token.id))
        await again()


def _webhooks(endpoints: list[WebhookEndpoint]) -> None:
    with box("card rows", "section"):
        with box("panel-head"):
            text("Webhook", tag="h2")
            with link("/integrations/webhooks/new", "btn primary"):
                symbol("add")
                text(_("New webhook"), tag="span")
        if not endpoints:
            empty("webhook", _("No system is told anything"), _("A webhook tells it at once what happens here."))
        for endpoint in endpoints:
            with attribute(link(f"/integrations/webhooks/{endpoint.id}", "entry"), data_webhook=str(endpoint.id)):
                with box("row-main"):
                    with box("row-head"):
                        text(endpoint.name, "strong", "span")
                        state(endpoint)
                    text(urlsplit(endpoint.url).netloc, "row-words")
                with box("row-end"):
                    moment(endpoint.created_at)


def state(endpoint: WebhookEndpoint) -> None:
    """How it stands with the endpoint, in a word."""
    if endpoint.disabled_at is not None:
        pill(_("switched off"), "bad")
    elif endpoint.failing_since is not None:
        pill(_("does not answer"), "warn")
    else:
        pill(_("switched on"), "good")
