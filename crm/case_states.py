"""The life of a complaint: which state may follow which, and when. `crm.complaints.move` makes the changes."""

from datetime import datetime, timedelta

from crm.errors import IllegalTransition
from crm.models.care import Complaint, ComplaintState
from crm.settings import settings

OPEN_STATES = (
    ComplaintState.NEW,
    ComplaintState.ACKNOWLEDGED,
    ComplaintState.IN_PROGRESS,
    ComplaintState.WAITING,
)
OVER = (ComplaintState.RESOLVED, ComplaintState.CLOSED)
LEGAL: dict[ComplaintState, frozenset[ComplaintState]] = {
    ComplaintState.NEW: frozenset(OPEN_STATES[1:]) | {ComplaintState.RESOLVED},
    ComplaintState.ACKNOWLEDGED: frozenset(OPEN_STATES[2:]) | {ComplaintState.RESOLVED},
    ComplaintState.IN_PROGRESS: frozenset({ComplaintState.WAITING, ComplaintState.RESOLVED}),
    ComplaintState.WAITING: frozenset({ComplaintState.IN_PROGRESS, ComplaintState.RESOLVED}),
    ComplaintState.RESOLVED: frozenset({ComplaintState.IN_PROGRESS, ComplaintState.CLOSED}),
    ComplaintState.CLOSED: frozenset({ComplaintState.IN_PROGRESS}),
}


def allowed(complaint: Complaint, moment: datetime) -> frozenset[ComplaintState]:
    """The states that may follow now. A case that is answered in another one has none of its own."""
    if complaint.merged_into_id is not None:
        return frozenset()
    legal = LEGAL[complaint.state]
    return legal if may_reopen(complaint, moment) or complaint.state in OPEN_STATES else legal - set(OPEN_STATES)


def may_reopen(complaint: Complaint, moment: datetime) -> bool:
    """Whether a settled case may be taken up again: within the setting's days of the answer."""
    if complaint.state not in OVER or complaint.merged_into_id is not None or complaint.resolved_at is None:
        return False
    return moment <= complaint.resolved_at + timedelta(days=settings().complaint_reopen_days)


def require(complaint: Complaint, to: ComplaintState, moment: datetime, *, merging: bool = False) -> None:
    """Raises IllegalTransition unless `to` may follow now; `merging`: as a case joins another, or leaves it again."""
    if to not in (_when_merging(complaint) if merging else allowed(complaint, moment)):
        raise IllegalTransition(f"{complaint.code}: {complaint.state} -> {to}")


def _when_merging(complaint: Complaint) -> frozenset[ComplaintState]:
    if complaint.merged_into_id is not None:
        return frozenset({ComplaintState.IN_PROGRESS})
    return frozenset({ComplaintState.CLOSED}) if complaint.state in OPEN_STATES else frozenset()


def require_open(complaint: Complaint) -> None:
    """Raises IllegalTransition for a case that is settled: work on it is over."""
    if complaint.state not in OPEN_STATES:
        raise IllegalTransition(f"{complaint.code} is {complaint.state}")


def is_reopening(before: ComplaintState, to: ComplaintState) -> bool:
    """Whether this change takes a settled case up again."""
    return before in OVER and to in OPEN_STATES
