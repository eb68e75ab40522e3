"""Complaints as a list: what was promised soonest first, what is late in red."""

from sqlalchemy.orm import Session

from console import desk, guard, inbox, phrases
from console.frame import frame
from console.language import _
from console.pieces import Canvas, box, empty, link, moment, pill, tabs, text
from console.pulse import COMPLAINTS, pulse
from console.visits import Visit
from crm import clock, complaints
from crm.models.care import Complaint, ComplaintState, Severity

REDRAW_S = 60.0
MOST = 200
NEXT = 5
TONES = {
    ComplaintState.NEW: "info",
    ComplaintState.IN_PROGRESS: "warn",
    ComplaintState.RESOLVED: "good",
    ComplaintState.CLOSED: "",
}


def is_late(complaint: Complaint) -> bool:
    """Whether the promised time has passed without an answer."""
    return complaint.state in complaints.OPEN_STATES and complaint.promised_at < clock.now()


@guard.page("/complaints")
async def page(visit: Visit, state: str = "") -> None:
    """The list, filtered by `state` (a value of ComplaintState; anything else shows all)."""
    chosen = ComplaintState(state) if state in list(ComplaintState) else None
    found = await desk.look(lambda session: _find(session, chosen))
    with frame(visit, _("Complaints"), await inbox.for_visitor(visit.visitor)):
        tabs(_filters(), chosen.value if chosen else "")
        place = Canvas("stack")

    def draw(rows: list[Complaint]) -> None:
        place.show([shown(complaint) for complaint in rows], lambda: _draw(rows, chosen))

    async def news() -> None:
        draw(await desk.look(lambda session: _find(session, chosen)))

    draw(found)
    pulse.subscribe(visit, COMPLAINTS, news)
    visit.every(REDRAW_S, news)


def shown(complaint: Complaint) -> object:
    """What a line of the list depends on."""
    return complaint.id, complaint.state, complaint.promised_at, is_late(complaint), complaint.customer.name


def next_due(session: Session) -> list[Complaint]:
    """The open complaints whose promise falls due first."""
    return [complaint for complaint in _find(session, None, NEXT) if complaint.state in complaints.OPEN_STATES]


def _find(session: Session, state: ComplaintState | None, limit: int = MOST) -> list[Complaint]:
    found = complaints.listing(session, state, limit)
    for complaint in found:
        complaint.customer, complaint.product  # noqa: B018  loaded while the session is open
    return found


def _filters() -> list[tuple[str, str, str]]:
    every = [("", _("All"), "/complaints")]
    return every + [(state.value, phrases.word(state), f"/complaints?state={state.value}") for state in ComplaintState]


def _draw(rows: list[Complaint], chosen: ComplaintState | None) -> None:
    if not rows:
        title = _("No complaints here") if chosen else _("No complaints yet")
        empty("sentiment_satisfied", title, _("A complaint that a customer makes in the chat appears here at once."))
        return
    with box("card rows"):
        for complaint in rows:
            row(complaint)


def row(complaint: Complaint) -> None:
    """One line of the list, leading to the complaint."""
    with link(f"/complaints/{complaint.id}", "entry complaint-row"):
        with box("row-main"):
            with box("row-head"):
                text(complaint.code, "strong mono", "span")
                pill(phrases.word(complaint.state), TONES[complaint.state])
                if complaint.severity is Severity.HIGH:
                    pill(phrases.word(complaint.severity), "bad")
                text(phrases.word(complaint.category), "dim small", "span")
            text(complaint.description, "row-words")
        with box("row-side"):
            text(complaint.customer.name or _("No name yet"), "row-side-main")
            text(complaint.product.name if complaint.product else "", "dim small clip")
        with box("row-end"):
            _clock(complaint)


def _clock(complaint: Complaint) -> None:
    if complaint.resolved_at is not None:
        text(_("answered"), "dim small")
        moment(complaint.resolved_at)
        return
    late = is_late(complaint)
    text(_("promised by") if not late else _("overdue since"), "small bad" if late else "dim small")
    moment(complaint.promised_at, "bad strong" if late else "strong")
