"""Each person of a broadcast: whether they got it, why not; page by page, or as a table to take away."""

import hmac
from collections.abc import Iterator
from datetime import timedelta

from fastapi import APIRouter, Request
from nicegui import ui
from sqlalchemy.orm import Session
from starlette.responses import Response, StreamingResponse

from console import access, desk, guard, inbox, notices, phrases
from console.desk import act
from console.frame import frame
from console.language import _
from console.pieces import attribute, box, button, empty, link, moment, pill, tabs, text
from console.visits import Visit, visitor_of
from crm import audit, campaign_deliveries, campaigns, clock
from crm.campaign_deliveries import PAGE, Delivery, Standing, Unsent
from crm.db import database
from crm.errors import NotFound
from crm.models.campaigns import Campaign
from crm.models.messaging import OutboxState
from crm.models.staff import Staff
from crm.settings import settings

router = APIRouter()
_FILE = "/broadcasts/{campaign_id:int}/deliveries.csv"
TICKET_LIFE = timedelta(minutes=2)
CHUNK = 1000
TONES: dict[Standing, str] = {
    OutboxState.SENT: "good",
    OutboxState.FAILED: "bad",
    OutboxState.UNKNOWN: "warn",
    OutboxState.SENDING: "info",
}


@guard.page("/broadcasts/{campaign_id:int}/deliveries")
async def page(visit: Visit, campaign_id: int, standing: str = "", after: int = 0) -> None:
    """One page of the list, of everybody or of those with one standing."""
    wanted = _standing(standing)
    campaign, found = await desk.look(lambda session: _read(session, campaign_id, wanted, after))
    waiting = await inbox.for_visitor(visit.visitor)
    base = f"/broadcasts/{campaign_id}/deliveries"
    with frame(visit, campaign.name, waiting, back=(campaign.name, f"/broadcasts/{campaign_id}")):
        with box("tools"):
            choices = [(each.value, phrases.word(each), f"{base}?standing={each.value}") for each in _standings()]
            tabs([("", _("All"), base), *choices], wanted.value if wanted else "")
            button(_("Take away as a table"), lambda: _export(campaign_id), "", "download")
        _draw(found, campaign.version > 1)
        with box("actions"):
            if after:
                _turn(_("From the beginning"), f"{base}?standing={standing}")
            if len(found) == PAGE:
                _turn(_("Next page"), f"{base}?standing={standing}&after={found[-1].id}")


@router.get(_FILE)
def table(request: Request, campaign_id: int, ticket: str = "") -> Response:
    """The whole list as CSV, read page by page while it is sent. Needs the ticket of an audited export."""
    visitor = visitor_of(request)
    if (
        visitor is None
        or visitor.role not in access.FILES[_FILE]
        or not _is_good(ticket, campaign_id, visitor.staff_id)
    ):
        return notices.denied()
    head = [_("Customer"), _("State"), _("Reason"), _("Time"), _("Version"), _("Attempt")]
    pieces = campaign_deliveries.table(lambda after: _chunk(campaign_id, after), head, _cells)
    name = f"tri-an-{campaign_id}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(_encoded(pieces), media_type="text/csv; charset=utf-8", headers=headers)


async def _export(campaign_id: int) -> None:
    def work(session: Session, staff: Staff) -> str:
        audit.record(session, staff, "campaign_export", "campaign", campaigns.get(session, campaign_id).id)
        return _ticket(campaign_id, staff.id, int((clock.now() + TICKET_LIFE).timestamp()))

    outcome = await act("export_broadcast", work)
    if outcome:
        ui.navigate.to(f"/broadcasts/{campaign_id}/deliveries.csv?ticket={outcome.value}")


def _ticket(campaign_id: int, staff_id: int, until: int) -> str:
    secret = settings().derived_secret("export of deliveries").encode()
    return f"{until}.{hmac.new(secret, f'{campaign_id}:{staff_id}:{until}'.encode(), 'sha256').hexdigest()}"


def _is_good(ticket: str, campaign_id: int, staff_id: int) -> bool:
    until = ticket.partition(".")[0]
    if not (until.isascii() and until.isdigit()) or len(until) > 12 or int(until) < clock.now().timestamp():
        return False
    return hmac.compare_digest(ticket.encode(), _ticket(campaign_id, staff_id, int(until)).encode())


def _chunk(campaign_id: int, after: int) -> list[Delivery]:
    with database(settings().database_url).read() as session:
        return campaign_deliveries.page(session, campaigns.get(session, campaign_id), after=after, limit=CHUNK)


def _cells(each: Delivery) -> list[str]:
    at = phrases.full_time(each.at) if each.at else ""
    version = str(each.version) if each.version is not None else ""
    return [each.name, phrases.word(each.standing), phrases.reason(each.reason), at, version, str(each.attempt)]


def _encoded(pieces: Iterator[str]) -> Iterator[bytes]:
    for piece in pieces:
        yield piece.encode()


def _read(session: Session, campaign_id: int, standing: Standing | None, after: int) -> tuple[Campaign, list[Delivery]]:
    campaign = campaigns.get(session, campaign_id)
    return campaign, campaign_deliveries.page(session, campaign, standing, after)


def _standings() -> list[Standing]:
    sending = (OutboxState.QUEUED, OutboxState.SENDING)
    return [
        OutboxState.SENT,
        Unsent.WAITING,
        *sending,
        *(s for s in OutboxState if s not in (OutboxState.SENT, *sending)),
        Unsent.LEFT_OUT,
    ]


def _standing(word: str) -> Standing | None:
    if not word:
        return None
    found = next((each for each in _standings() if each.value == word), None)
    if found is None:
        raise NotFound(f"standing {word}")
    return found


def _draw(found: list[Delivery], versions: bool) -> None:
    if not found:
        empty("person_off", _("Nobody here"), _("Nobody of this broadcast stands like that now."))
        return
    with box("stack"), box("card rows"):
        for each in found:
            _row(each, versions)


def _row(each: Delivery, versions: bool) -> None:
    with attribute(box("entry delivery-row"), data_delivery=str(each.id)):
        with box("row-main"):
            with box("row-head"):
                text(each.name or _("(no name)"), "strong", "span")
                pill(phrases.word(each.standing), TONES.get(each.standing, ""))
                if each.attempt > 1:
                    text(_("attempt {n}").format(n=each.attempt), "dim small", "span")
            if each.reason:
                text(phrases.reason(each.reason), "row-words")
        with box("row-end"):
            if each.at is not None:
                moment(each.at)
            if versions and each.version is not None:
                text(_("version {n}").format(n=each.version), "dim small")


def _turn(words: str, target: str) -> None:
    with link(target, "btn"):
        text(words, tag="span")
