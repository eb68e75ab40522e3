"""One line of a list of complaints, wherever such a list stands."""

from console import complaint_clocks, phrases
from console.language import _
from console.pieces import attribute, box, link, pill, text
from crm import clock
from crm.case_states import OPEN_STATES
from crm.models.care import Complaint, ComplaintState, Severity
from crm.models.people import Tier
from crm.service_levels import ClockView

TONES = {
    ComplaintState.NEW: "info",
    ComplaintState.ACKNOWLEDGED: "info",
    ComplaintState.IN_PROGRESS: "warn",
    ComplaintState.WAITING: "",
    ComplaintState.RESOLVED: "good",
    ComplaintState.CLOSED: "",
}


def is_late(complaint: Complaint) -> bool:
    """Whether a clock of the case has run out."""
    return complaint.state in OPEN_STATES and complaint.due_at is not None and complaint.due_at < clock.now()


def shown(complaint: Complaint) -> object:
    """What a line depends on, besides the time that passes."""
    return (
        complaint.id,
        complaint.state,
        complaint.severity,
        complaint.category,
        complaint.owner_id,
        complaint.due_at,
        complaint.merged_into_id,
        is_late(complaint),
        complaint.customer.name,
    )


def row(complaint: Complaint, clocks: list[ClockView] | None = None, owner: str = "") -> None:
    """One line, leading to the complaint. `owner`: who looks after it, where the list says so."""
    with attribute(link(f"/complaints/{complaint.id}", "entry complaint-row"), data_complaint=str(complaint.id)):
        with box("row-main"):
            with box("row-head"):
                text(complaint.code, "strong mono", "span")
                state(complaint)
                text(phrases.word(complaint.category), "dim small", "span")
            text(complaint.description, "row-words")
        with box("row-side"):
            with box("row-head"):
                text(complaint.customer.name or _("No name yet"), "row-side-main", "span")
                if complaint.customer.tier is not Tier.NONE:
                    tier = complaint.customer.tier
                    text(phrases.word(tier), f"tier {tier.value}", "span")
            text(complaint.product.name if complaint.product else "", "dim small clip")
        if clocks is not None:
            with box("row-owner"):
                text(owner or _("nobody yet"), "clip" if owner else "dim clip")
        with box("row-end"):
            complaint_clocks.nearest(clocks or [], complaint)


def state(complaint: Complaint) -> None:
    """The state and, where it is not the usual one, the severity."""
    if complaint.merged_into_id is not None:
        pill(_("Answered in another case"))
    else:
        pill(phrases.word(complaint.state), TONES[complaint.state])
    if complaint.severity is not Severity.NORMAL:
        pill(phrases.word(complaint.severity), "bad" if complaint.severity is Severity.HIGH else "")
