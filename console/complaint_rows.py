"""One line of a list of complaints, wherever such a list stands."""

import htpy as h

from console import complaint_clocks, phrases
from console.complaint_clocks import Nearest
from console.language import _
from console.painted import once, pill
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


def row(complaint: Complaint, clocks: list[ClockView] | None = None, owner: str | None = None) -> h.Node:
    """One line, leading to the complaint. `owner`: who looks after it ("": nobody); None: the list says nothing."""
    clock = complaint_clocks.nearest(clocks or [], complaint)
    customer, product = complaint.customer, complaint.product.name if complaint.product else ""
    written = (complaint.id, complaint.code, complaint.description, customer.name, customer.tier, product)
    stands = (complaint.state, complaint.severity, complaint.category, complaint.merged_into_id)
    return once((written, stands, clock, owner), lambda: _draw(complaint, clock, owner))


def _draw(complaint: Complaint, clock: Nearest, owner: str | None) -> h.Element:
    return h.a(".entry.complaint-row", href=f"/complaints/{complaint.id}", data_complaint=str(complaint.id))[
        h.div(".row-main")[
            h.div(".row-head")[
                h.span(".strong.mono")[complaint.code],
                state(complaint),
                h.span(".dim.small")[phrases.word(complaint.category)],
            ],
            h.div(".row-words")[complaint.description],
        ],
        h.div(".row-side")[
            h.div(".row-head")[h.span(".row-side-main")[complaint.customer.name or _("No name yet")], _tier(complaint)],
            h.div(".dim.small.clip")[complaint.product.name if complaint.product else ""],
        ],
        owner is not None
        and h.div(".row-owner")[h.div(class_="clip" if owner else "dim clip")[owner or _("nobody yet")]],
        h.div(".row-end")[complaint_clocks.draw(clock)],
    ]


def _tier(complaint: Complaint) -> h.Node:
    tier = complaint.customer.tier
    return tier is not Tier.NONE and h.span(class_=f"tier {tier.value}")[phrases.word(tier)]


def state(complaint: Complaint) -> h.Node:
    """The state and, where it is not the usual one, the severity."""
    if complaint.merged_into_id is not None:
        stands = pill(_("Answered in another case"))
    else:
        stands = pill(phrases.word(complaint.state), TONES[complaint.state])
    severity = complaint.severity
    tone = "bad" if severity is Severity.HIGH else ""
    return [stands, severity is not Severity.NORMAL and pill(phrases.word(severity), tone)]
